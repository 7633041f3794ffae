"""Where a run computes: one device, or many over many nodes, through Lightning Fabric."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from cofire import checks

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_FABRIC_PRECISION = {"float32": "32-true", "bfloat16": "bf16-mixed"}


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """Which accelerator, how many devices per node, how many nodes.

    accelerator: "cpu", "cuda", "mps" or "auto" (the fastest that is there). devices and nodes: None takes what
    `torchrun` announces, or one. Every device has the whole model (distributed data parallel).

    >>> Hardware(accelerator="cpu").counts()
    (1, 1)
    """

    accelerator: str = "auto"
    devices: int | None = None
    nodes: int | None = None

    def __post_init__(self):
        checks.choice("accelerator", self.accelerator, ("auto", "cpu", "cuda", "mps"))
        for name in ("devices", "nodes"):
            if getattr(self, name) is not None:
                checks.integer(name, getattr(self, name), low=1)

    def counts(self) -> tuple[int, int]:
        """Return devices per node and nodes."""
        announced = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
        nodes = int(os.environ.get("WORLD_SIZE", 1)) // announced
        return self.devices or announced, self.nodes or nodes

    def launch(self, precision: str) -> "Fabric":
        """Return Fabric, launched; raises `MissingExtra` without its package, `InvalidValue` without the device."""
        try:
            from lightning_fabric import Fabric
        except ImportError as problem:
            fix = "pip install 'cofire[train]'"
            text = checks.message("training", "the package lightning-fabric", "no such package", fix)
            raise checks.MissingExtra(text) from problem
        devices, nodes = self.counts()
        if precision == "auto":
            mixed = self.accelerator in ("auto", "cuda") and torch.cuda.is_available()
            precision = "bfloat16" if mixed else "float32"
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # or cuBLAS may sum in another order each time
        try:
            fabric = Fabric(
                accelerator=self.accelerator,
                devices=devices,
                num_nodes=nodes,
                strategy="ddp" if devices * nodes > 1 else "auto",
                precision=_FABRIC_PRECISION[precision],  # pyright: ignore[reportArgumentType]
            )
        except (RuntimeError, ValueError) as problem:
            got = str(problem).splitlines()[0]
            raise checks.InvalidValue(checks.message("hardware", str(self), got, "Hardware()")) from problem
        fabric.launch()
        return fabric


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
