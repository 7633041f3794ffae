"""The Continuous Thought Machine against the published steps: same weights, same run, time and agreement.

    python -m benchmarks.ctm [--threads N] [--only NAME]

Every row is one of the published set-ups at its batch and at a single sample. The peer steps as the published
implementation does (benchmarks/published_steps.py). The output must agree to 1e-5, or the benchmark stops.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from benchmarks.published_steps import PublishedSteps
from cofire import CTM, Key
from cofire.ctm import (
    Answer,
    Attention,
    CTMConfig,
    Decayed,
    DeepNeuronModel,
    FirstLast,
    RandomDense,
    RandomPairs,
    ResNet,
    Rotational1D,
    SynapseBlock,
    SynapseUNet,
    TokenEmbedding,
)

SETUPS = {
    "parity": (
        64,
        (64,),
        CTMConfig(
            neurons=1024,
            ticks=75,
            memory_length=25,
            backbone=TokenEmbedding(features=512),
            position=Rotational1D(),
            attention=Attention(width=512, heads=8),
            synapse=SynapseBlock(),
            neuron_model=DeepNeuronModel(hidden=16),
            sync_out=Decayed(pairs=RandomDense(neurons=32)),
            sync_action=Decayed(pairs=RandomDense(neurons=32)),
            answer=Answer(outputs=128, positions=64),
        ),
    ),
    "mazes": (
        4,
        (3, 39, 39),
        CTMConfig(
            neurons=2048,
            ticks=75,
            memory_length=25,
            backbone=ResNet(depth=34, stages=2),
            attention=Attention(width=512, heads=16),
            synapse=SynapseUNet(depth=8),
            neuron_model=DeepNeuronModel(hidden=32),
            sync_out=Decayed(pairs=FirstLast(neurons=64)),
            sync_action=Decayed(pairs=FirstLast(neurons=32)),
            answer=Answer(outputs=500, positions=100),
        ),
    ),
    "small mazes": (
        16,
        (3, 15, 15),
        CTMConfig(
            neurons=1024,
            ticks=50,
            memory_length=25,
            backbone=ResNet(depth=18, stages=1),
            attention=Attention(width=256, heads=4),
            synapse=SynapseBlock(),
            neuron_model=DeepNeuronModel(hidden=16),
            sync_out=Decayed(pairs=RandomPairs(pairs=128)),
            sync_action=Decayed(pairs=RandomPairs(pairs=128)),
            answer=Answer(outputs=250, positions=50),
        ),
    ),
    "CIFAR-10": (
        16,
        (3, 32, 32),
        CTMConfig(
            neurons=256,
            ticks=50,
            memory_length=15,
            backbone=ResNet(depth=18, stages=1),
            attention=Attention(width=64, heads=16),
            synapse=SynapseUNet(depth=5),
            neuron_model=DeepNeuronModel(hidden=64),
            sync_out=Decayed(pairs=RandomPairs(pairs=256)),
            sync_action=Decayed(pairs=RandomPairs(pairs=512)),
            answer=Answer(outputs=10),
        ),
    ),
}


def seconds(call: Callable[[], object], runs: int) -> float:
    """The median wall time of a call, after one that is not counted."""
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def compare(name: str, batch: int, shape: tuple[int, ...], config: CTMConfig) -> None:
    """Print a row: both times of a thought and of a training step, and their ratios."""
    model = CTM(config, key=Key(0)).eval()
    peer = PublishedSteps(model).eval()
    x = torch.from_numpy(Key(1).normal((batch, *shape)))
    with torch.no_grad():
        apart = (model(x).logits - peer(x)[0]).abs().max().item()
        if apart > 1e-5:
            raise SystemExit(f"{name}: the outputs differ by {apart:.1e}")
        thinking = seconds(lambda: model(x), 5), seconds(lambda: peer(x), 3)
    training = (
        seconds(lambda: model(x).logits.square().mean().backward(), 3),
        seconds(lambda: peer(x)[0].square().mean().backward(), 2),
    )
    row = f"{name:12} {batch:5}"
    for ours, theirs in (thinking, training):
        row += f"   {ours:8.3f} {theirs:9.3f} {theirs / ours:6.1f}x"
    print(f"{row}   {apart:.0e}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", choices=list(SETUPS))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(
        f"seconds on {arguments.threads} threads   thought: cofire, published, ratio   training step: the same   apart"
    )
    for name, (batch, shape, config) in SETUPS.items():
        if arguments.only in (None, name):
            for size in (batch, 1):
                compare(name, size, shape, config)


if __name__ == "__main__":
    main()
