"""Where a run computes: one device, or many over many nodes, through Lightning Fabric."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch

from cofire import checks
from cofire.train._ranks import together
from cofire.train._shards import shard

if TYPE_CHECKING:
    from lightning_fabric import Fabric

STRATEGIES = ("auto", "ddp", "fsdp")
_FABRIC_PRECISION = {"float32": "32-true", "bfloat16": "bf16-mixed", "float16": "16-mixed"}
_NO_SLURM = ("bash", "interactive")  # names of jobs whose user starts the processes himself


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """Which accelerator, how many devices per node, how many nodes, and how they share the work.

    accelerator: "cpu", "cuda", "mps" or "auto" (the fastest that is there). devices and nodes: None takes what
    `torchrun` or SLURM's `srun` announce, or one.
    strategy: "ddp", every device has the whole model; "fsdp", weights, gradients and the optimiser's moments are
    divided over the devices (fully sharded), for what does not fit otherwise; "auto" is "ddp". With one device nothing
    is divided.
    timeout: seconds that a device waits for the others before it gives up; longer than an evaluation takes.
    prefetch: batches that are made in the background while the device computes; None for one beside an accelerator
    and none on a CPU, whose cores would be shared. It changes no result.

    >>> Hardware(accelerator="cpu", devices=4).counts()
    (4, 1)
    """

    accelerator: str = "auto"
    devices: int | None = None
    nodes: int | None = None
    strategy: str = "auto"
    timeout: float = 900.0
    prefetch: int | None = None

    def __post_init__(self):
        checks.choice("accelerator", self.accelerator, ("auto", "cpu", "cuda", "mps"))
        checks.choice("strategy", self.strategy, STRATEGIES)
        checks.number("timeout", self.timeout, above=0)
        for name in ("devices", "nodes"):
            if getattr(self, name) is not None:
                checks.integer(name, getattr(self, name), low=1)
        if self.prefetch is not None:
            checks.integer("prefetch", self.prefetch, low=0, fix="0 makes none ahead")

    def counts(self) -> tuple[int, int]:
        """Return devices per node and nodes; raises `InvalidValue` where nodes have different numbers of tasks."""
        devices, nodes = _announced()
        return self.devices or devices, self.nodes or nodes

    @property
    def divides(self) -> bool:
        """Whether several devices hold a part of the weights each."""
        return self.strategy == "fsdp"

    def ahead(self, device: torch.device) -> int:
        """Return how many batches are made ahead on a device."""
        return self.prefetch if self.prefetch is not None else int(device.type != "cpu")

    def launch(self, precision: str, *, idle_parameters: bool = False) -> "Fabric":
        """Return Fabric, launched. idle_parameters: some parameters take no part in every step.

        Raises `MissingExtra` without its package, `InvalidValue` without the device or for what it cannot do,
        `RankLost` where the others do not come.
        """
        try:
            from lightning_fabric import Fabric
        except ImportError as problem:
            fix = "pip install 'cofire[train]'"
            text = checks.message("training", "the package lightning-fabric", "no such package", fix)
            raise checks.MissingExtra(text) from problem
        devices, nodes = self.counts()
        accelerated = self.accelerator in ("auto", "cuda") and torch.cuda.is_available()
        if precision == "auto":
            precision = "bfloat16" if accelerated else "float32"
        if self.divides and devices * nodes > 1 and precision == "float16":
            fix = "precision='bfloat16', or strategy='ddp'"
            raise checks.InvalidValue(checks.message("precision", "float32 or bfloat16 with fsdp", precision, fix))
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # or cuBLAS may sum in another order each time
        try:
            fabric = Fabric(
                accelerator=self.accelerator,
                devices=devices,
                num_nodes=nodes,
                strategy=self._strategy(devices * nodes, idle_parameters),
                **_precision(precision, accelerated),
            )
        except (RuntimeError, ValueError) as problem:
            got = str(problem).splitlines()[0]
            raise checks.InvalidValue(checks.message("hardware", str(self), got, "Hardware()")) from problem
        with together(fabric.world_size):
            fabric.launch()
        return fabric

    def _strategy(self, world: int, idle_parameters: bool) -> Any:
        from lightning_fabric.strategies.ddp import DDPStrategy
        from lightning_fabric.strategies.model_parallel import ModelParallelStrategy

        if world == 1:
            return "auto"
        patience = timedelta(seconds=self.timeout)
        if not self.divides:
            return DDPStrategy(timeout=patience, find_unused_parameters=idle_parameters)
        return ModelParallelStrategy(shard, data_parallel_size=world, tensor_parallel_size=1, timeout=patience)


def _announced() -> tuple[int, int]:
    """Devices per node and nodes that the starter of this process tells in its environment."""
    told = os.environ
    if "LOCAL_WORLD_SIZE" in told:
        here = int(told["LOCAL_WORLD_SIZE"])
        return here, int(told.get("WORLD_SIZE", here)) // here
    if "SLURM_NTASKS" in told and told.get("SLURM_JOB_NAME") not in _NO_SLURM:
        tasks, nodes = int(told["SLURM_NTASKS"]), int(told.get("SLURM_NNODES", 1))
        if tasks % nodes:
            got = f"{tasks} tasks on {nodes} nodes"
            fix = "#SBATCH --ntasks-per-node with the number of devices of a node"
            raise checks.InvalidValue(checks.message("SLURM_NTASKS", "as many tasks on every node", got, fix))
        return tasks // nodes, nodes
    return 1, 1


def _precision(precision: str, accelerated: bool) -> dict[str, Any]:
    if precision == "float16" and not accelerated:  # Fabric has a scaled loss on CUDA only, torch everywhere
        from lightning_fabric.plugins import MixedPrecision

        return {"plugins": [MixedPrecision("16-mixed", "cpu")]}
    return {"precision": _FABRIC_PRECISION[precision]}


@contextmanager
def deterministic() -> Iterator[None]:
    """Let torch choose only algorithms that give the same result every time; afterwards all is as before."""
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    debugging: Any = torch.utils.deterministic  # its attributes are made at run time
    fill = debugging.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True)
    debugging.fill_uninitialized_memory = False  # what it looks for would show in the tests, and it costs time
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        debugging.fill_uninitialized_memory = fill
