"""`cofire simulate`: run a network and write its recording."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from cofire import checks
from cofire.cli._arguments import integer, number

MODELS = ("free-running",)


def register(subparsers: Any) -> None:
    """Add the command to a parser."""
    parser = subparsers.add_parser(
        "simulate",
        description="Draw a free-running network from a seed, kick its most connected neuron (of each module), and "
        "write the recording of how it runs by itself.",
    )
    parser.add_argument("model", choices=MODELS, metavar="MODEL", help=", ".join(MODELS))
    parser.add_argument("--out", type=Path, default=Path("runs/free-running/recording.npz"), metavar="FILE")
    parser.add_argument("--seed", type=integer("--seed", 0, 2**64 - 1), default=0, metavar="N", help="(0)")
    parser.add_argument("--neurons", type=integer("--neurons", 1, 20_000), default=256, metavar="N", help="(256)")
    parser.add_argument("--ticks", type=integer("--ticks", 1, 10**7), default=256, metavar="N", help="(256)")
    parser.add_argument("--modules", type=integer("--modules", 1, 20_000), default=1, metavar="N", help="(1)")
    parser.add_argument("--density", type=number("--density", 0, 1), default=0.1, metavar="X", help="within (0.1)")
    parser.add_argument("--between", type=number("--between", 0, 1), default=0.02, metavar="X", help="modules (0.02)")
    parser.add_argument("--scale", type=number("--scale", 0, 1e6), default=0.4, metavar="X", help="of weights (0.4)")
    parser.add_argument("--leak", type=number("--leak", 0, 1), default=0.9, metavar="X", help="of activation (0.9)")
    parser.add_argument("--refraction-leak", type=number("--refraction-leak", 0, 1), default=0.75, metavar="X")
    parser.add_argument("--outputs", type=integer("--outputs", 0, 20_000), default=48, metavar="N", help="(48)")


def run(arguments: Namespace) -> int:
    """Draw, run, save, and say what happened."""
    from cofire.random import Key
    from cofire.recording import Recording
    from cofire.spiking import components, draw_free_running, modular_wiring, most_connected, random_wiring

    key, n = Key(arguments.seed).fold("free-running"), arguments.neurons
    checks.integer("--modules", arguments.modules, high=n, fix="take at most one module per neuron")
    shape = {"scale": arguments.scale}
    if arguments.modules > 1:
        parts = {"modules": arguments.modules, "intra": arguments.density, "inter": arguments.between}
        wiring = modular_wiring(key.fold("weights"), n, **parts, **shape)
    else:
        wiring = random_wiring(key.fold("weights"), n, density=arguments.density, **shape)
    net = draw_free_running(
        key,
        n,
        wiring=wiring,
        outputs=arguments.outputs,
        activation_leak=arguments.leak,
        refraction_leak=arguments.refraction_leak,
    )
    kicked = most_connected(wiring.weights, modules=wiring.modules)
    found = net.run(arguments.ticks, kick=kicked)
    settings = {name: value for name, value in vars(arguments).items() if name != "out"}
    recording = Recording(
        {name: found.trace(name) for name in found},
        labels={"neuron": wiring.modules.tolist()},
        provenance={"made_by": f"{net!r}", "settings": settings, "kicked": kicked},
    )
    folder = arguments.out.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        got = problem.strerror or str(problem)
        text = checks.message(str(folder), "a folder that can be made", got, "choose another --out")
        raise checks.FileProblem(text) from problem
    recording.save(arguments.out)
    spikes = found["spike"]
    print(f"wiring     {components(wiring.weights)}")
    print(f"run        {spikes.sum()} spikes in {arguments.ticks} ticks, {spikes.mean():.1%} of neurons per tick")
    print(f"recording  {arguments.out}; to read it: cofire analyse {arguments.out}")
    return 0
