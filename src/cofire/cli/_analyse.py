"""`cofire analyse`: read a recording and write a report of who fires together, when."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from cofire import checks
from cofire.cli._arguments import integer

NAME = "recording.npz"  # what a run folder keeps its recording under


def register(subparsers: Any) -> None:
    """Add the command to a parser."""
    parser = subparsers.add_parser(
        "analyse",
        description="Read a recording and write a self-contained report: activity, synchrony, clusters, assemblies, "
        "and a null model beside every claim; all numbers go into numbers.json.",
    )
    parser.add_argument("recording", type=Path, metavar="RECORDING", help=f"a recording, or a folder with {NAME}")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="folder of the report (beside the recording)")
    parser.add_argument("--trace", default="", metavar="NAME", help="the trace to read (activation, or the like)")
    parser.add_argument("--example", type=integer("--example", 0, 10**9), default=0, metavar="N", help="of a batch (0)")
    parser.add_argument("--warmup", type=integer("--warmup", 0, 10**9), metavar="N", help="ticks to leave out (1/8)")
    parser.add_argument("--clusters", type=integer("--clusters", 1, 10**6), metavar="N", help="(the natural number)")
    parser.add_argument("--window", type=integer("--window", 2, 10**9), default=16, metavar="N", help="in ticks (16)")
    parser.add_argument(
        "--surrogates", type=integer("--surrogates", 1, 10**6), default=199, metavar="N", help="of null models (199)"
    )
    parser.add_argument("--seed", type=integer("--seed", 0, 2**64 - 1), default=0, metavar="N", help="of them (0)")


def run(arguments: Namespace) -> int:
    """Read, write the report, and say what was found."""
    path = arguments.recording
    if path.is_dir():
        if not (path / NAME).exists():
            fix = "give the recording itself, or the folder of a run that kept one"
            raise checks.FileProblem(checks.message(str(path), f"a folder with {NAME}", "one without", fix))
        path = path / NAME

    from cofire.random import Key
    from cofire.recording import Recording
    from cofire.viz import Synchrony, write_synchrony_report

    found = Synchrony(
        recording=Recording.load(path),
        key=Key(arguments.seed).fold("analyse"),
        trace=arguments.trace,
        example=arguments.example,
        warmup=arguments.warmup,
        clusters=arguments.clusters,
        window=arguments.window,
        surrogates=arguments.surrogates,
    )
    report = write_synchrony_report(arguments.out or path.parent / f"{path.stem}-synchrony", found)
    print(f"units      {len(found.units)} that vary, over {len(found.x) - found.first} ticks after the warm-up")
    print(f"together   mean correlation {found.together}")
    print(f"groups     {found.natural}")
    print(f"report     {report}")
    return 0
