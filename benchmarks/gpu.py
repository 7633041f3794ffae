"""The kernels for CUDA devices and whole thoughts on one: time, bytes moved, share of the peak bandwidth.

    python -m benchmarks.gpu [--only NAME]

The first table has the fused kernels against the plain operations in the same run; bytes are those that must move
(`cofire.kernels.gpu._traffic`), the bandwidth is that of copying a large tensor on the same device. The second has
thoughts, launched step by step and as one graph, and training steps. Outputs must agree, or the benchmark stops.
Without a device it says so. It was written without one, and what needs one has never run.
"""

import argparse
import statistics
from collections.abc import Callable
from contextlib import nullcontext
from typing import NamedTuple

import torch

from benchmarks.ctm_setups import SETUPS
from cofire import CTM, Key
from cofire.ctm import _gpu
from cofire.ctm._captured import CapturedThought
from cofire.ctm._gpu import GpuNeurons
from cofire.ctm._neuron_models import neuron_backward, neuron_forward
from cofire.kernels.gpu import _traffic

TOLERANCES = {torch.float32: 1e-5, torch.bfloat16: 0.05}  # of the largest number
USES = 20  # calls that are launched at once


class Far(NamedTuple):
    """How far things are from each other: the device's bandwidth in bytes/s, and how much outputs may differ."""

    bandwidth: float
    tolerance: float


def microseconds(call: Callable[[], object], runs: int = 30) -> float:
    """The median time of a call on the device, after some that are not counted."""
    for _ in range(5):
        call()
    times = []
    for _ in range(runs):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) * 1e3)
    return statistics.median(times)


def graphed(call: Callable[[], object]) -> Callable[[], None]:
    """A call several times over as one graph, so that launching does not count; it was called before."""
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(USES):
            call()
    return graph.replay


def bandwidth() -> float:
    """Bytes per second that copying a gigabyte reads and writes."""
    source = torch.ones(1 << 28, device="cuda")
    target = torch.empty_like(source)
    return 2 * source.nbytes / (microseconds(lambda: target.copy_(source)) * 1e-6)


class Plainly:
    """The plain operations in place of the kernels."""

    def __enter__(self) -> None:
        self._devices, _gpu.DEVICES = _gpu.DEVICES, ()

    def __exit__(self, *_: object) -> None:
        _gpu.DEVICES = self._devices


def compare(
    what: str, call: Callable[[], torch.Tensor], other: Callable[[], torch.Tensor], moved: int, far: Far
) -> None:
    """Print the row of a kernel: microseconds, against the plain operations, bytes, and share of the bandwidth."""
    fused, replay = call(), graphed(call)
    with Plainly():
        plain, replay_plain = other(), graphed(other)
    apart = float((fused.float() - plain.float()).abs().max() / plain.float().abs().max())
    if not apart < far.tolerance:
        raise SystemExit(f"{what}: the outputs differ by {apart:.1e}")
    ours, theirs = microseconds(replay) / USES, microseconds(replay_plain) / USES
    share = moved / (ours * 1e-6) / far.bandwidth
    print(f"{what:46} {ours:9.1f} {theirs:9.1f} {theirs / ours:6.1f}x {moved / 1e6:9.2f} {share:7.0%}", flush=True)


@torch.no_grad()
def kernels(name: str, dtype: torch.dtype, far: Far) -> None:
    """The rows of a set-up: a tick of neuron-level models and its gradient, a tick of synchronisation, all ticks."""
    batch, _, config = SETUPS[name]
    model = CTM(config, key=Key(0)).eval().to("cuda", dtype)
    neurons, memory = model.start_window.shape
    hidden, number = config.neuron_model.hidden, dtype.itemsize
    z = torch.from_numpy(Key(1).normal((config.ticks, batch, neurons))).to("cuda", dtype)
    constants = model.neuron_models.constants(batch)
    window, out = z[:1].expand(memory, -1, -1).permute(2, 0, 1).contiguous(), torch.empty_like(z[0])
    models = GpuNeurons(constants.weights, constants.biases, batch)

    def fused_tick() -> torch.Tensor:
        models(window, z[0], out)
        return out

    def plain_tick() -> torch.Tensor:
        window[:, -1] = z[0].t()
        return neuron_forward(window, constants, 1).t()

    def back(function: Callable[..., None], flow: torch.Tensor, number: torch.dtype) -> Callable[[], torch.Tensor]:
        total = torch.zeros_like(window, dtype=number)
        gradients = [torch.zeros_like(one, dtype=number) for one in constants.tensors()]

        def call() -> torch.Tensor:
            total.zero_()
            function(flow, window, total, gradients)
            return total

        return call

    def plain_back(flow: torch.Tensor, *rest: object) -> None:
        neuron_backward(flow, rest[0], constants, 1, *rest[1:])

    sizes = batch, neurons, memory, hidden
    label = f"{name}, {str(dtype)[6:]}: "
    compare(label + "neuron models", fused_tick, plain_tick, _traffic.neuron_models(*sizes, number=number), far)
    backs = back(models.backward, z[0], torch.float32), back(plain_back, z[0].t(), dtype)
    moved = _traffic.neuron_models(*sizes, number=number, gradient=True) + 4 * window.numel()  # it is cleared first
    compare(label + "their gradient", *backs, moved, far)
    for reading, ticks in ((model.sync_action, 1), (model.sync_out, config.ticks)):
        pairs = reading.constants(memory)
        state = reading.start(z[0], pairs)

        def read(reading=reading, state=state, pairs=pairs, ticks=ticks) -> torch.Tensor:
            return reading.read_all(state, z[:ticks], pairs)

        moved = _traffic.synchronisation(ticks, batch, neurons, reading.width, number=number)
        compare(f"{label}synchronisation, {ticks} ticks", read, read, moved, far)


def thoughts(name: str) -> None:
    """The row of a set-up: milliseconds of a thought, step by step and as a graph, and training steps per second."""
    batch, shape, config = SETUPS[name]
    model = CTM(config, key=Key(0)).eval().cuda()
    x = torch.from_numpy(Key(1).normal((batch, *shape))).cuda()
    with torch.no_grad():
        think, wanted = CapturedThought(model, x), model(x).logits
        if not torch.allclose(think(x).logits, wanted, rtol=1e-4, atol=1e-5):
            raise SystemExit(f"{name}: the graph thinks otherwise")
        steps, graph = (microseconds(lambda call=call: call(x), 10) / 1e3 for call in (model, think))
    rates = []
    for plainly in (False, True):
        with Plainly() if plainly else nullcontext():
            rates.append(1e6 / microseconds(lambda: model(x).logits.square().mean().backward(), 10))
    print(f"{name:12} {batch:5} {steps:9.2f} {graph:9.2f} {rates[0]:10.1f} {rates[1]:10.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=list(SETUPS))
    arguments = parser.parse_args()
    if not torch.cuda.is_available() or not _gpu.has_triton():
        print("no GPU: there is no CUDA device with Triton here, and nothing was measured")
        return
    names = [name for name in SETUPS if arguments.only in (None, name)]
    peak = bandwidth()
    print(f"{torch.cuda.get_device_name()}, copies at {peak / 1e12:.2f} TB/s")
    print(f"{'microseconds':46} {'fused':>9} {'plain':>9} {'ratio':>7} {'MB':>9} {'of peak':>7}")
    for name in names:
        for dtype, tolerance in TOLERANCES.items():
            kernels(name, dtype, Far(peak, tolerance))
    print("\nset-up       batch  thought, ms: by steps, as a graph   training steps/s: fused, plain")
    for name in names:
        thoughts(name)


if __name__ == "__main__":
    main()
