"""`cofire audit`: are the units of some noise coupled, and why?

Exit code 0: no coupling found. 1: coupling found (with --strict: anything that is not as it should be). 2: bad input.
"""

import json
import sys
from argparse import Namespace
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from cofire import checks
from cofire.cli._arguments import integer, number

FIX = "give an array (steps, units) saved by numpy.save, a recording, or MODULE:FUNCTION"


def register(subparsers: Any) -> None:
    """Add the command to a parser."""
    parser = subparsers.add_parser(
        "audit",
        description="Find hidden coupling in noise, and its likely cause. Exit code 1 when units are coupled.",
    )
    parser.add_argument(
        "source",
        metavar="FILE",
        help=".npy (steps, units), a recording, an .npz of arrays, or MODULE:FUNCTION with f(step) -> array (units,)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    parser.add_argument("--figure", type=Path, metavar="PATH", help="write the page of pictures (.png, .pdf, .svg)")
    parser.add_argument("--trace", action="append", metavar="NAME", help="audit this trace only (may be repeated)")
    steps = integer("--steps", 1, 10**9)
    parser.add_argument("--steps", type=steps, default=10_000, metavar="N", help="to draw from a function (10000)")
    parser.add_argument("--distribution", choices=("normal", "uniform"), metavar="NAME", help="normal or uniform")
    parser.add_argument("--coloured", action="store_true", help="each unit may depend on its own past")
    parser.add_argument("--bits", action="store_true", help="FUNCTION maps counter and key words to words")
    alarms = number("--false-alarms", 1e-9, 0.5)
    parser.add_argument("--false-alarms", type=alarms, default=0.01, metavar="X", help="of sound noise (0.01)")
    parser.add_argument("--strict", action="store_true", help="exit code 1 for any finding, invariance included")


def run(arguments: Namespace) -> int:
    """Audit, print, draw, and return 1 when coupling was found."""
    source = read(arguments.source)
    if arguments.bits and not callable(source):
        text = checks.message("--bits", "MODULE:FUNCTION", arguments.source, "leave --bits out for a file")
        raise checks.InvalidValue(text)
    report = audited(source, arguments)
    if arguments.figure:
        draw(report, arguments.figure)
    if arguments.json:
        print(json.dumps(report.to_json(), indent=1, allow_nan=False))
    else:
        print(report)
        if arguments.figure:
            print(f"\npage  {arguments.figure}")
    return int(report.coupled or (arguments.strict and bool(report.causes)))


def audited(source: Any, arguments: Namespace) -> Any:
    """The report; what the user's own function raises becomes one line."""
    from cofire.random import audit, audit_bits

    try:
        if arguments.bits:
            return audit_bits(source, false_alarms=arguments.false_alarms)
        return audit(
            source,
            steps=arguments.steps,
            white=False if arguments.coloured else None,
            distribution=arguments.distribution,
            traces=arguments.trace,
            false_alarms=arguments.false_alarms,
        )
    except checks.CofireError:
        raise
    except Exception as error:
        if not callable(source):
            raise
        got = f"{type(error).__name__}: {error}"
        raise checks.InvalidValue(checks.message(arguments.source, "a function that runs", got)) from error


def read(source: str) -> Any:
    """The noise that FILE names: an array, a mapping of arrays, or a callable."""
    path = Path(source)
    if not path.exists() and ":" in source:
        return function(source)
    if path.suffix not in (".npy", ".npz") or not path.is_file():
        got = (
            "a folder"
            if path.is_dir()
            else "nothing there"
            if not path.exists()
            else f"a {path.suffix or 'nameless'} file"
        )
        raise checks.FileProblem(checks.message(source, "a .npy file or a recording (.npz)", got, FIX))

    import numpy as np

    try:
        held = np.load(path, allow_pickle=False)
        if isinstance(held, np.ndarray):
            return held
        with held:
            if "recording.json" not in held.files:
                return {name: held[name] for name in held.files}
    except (ValueError, OSError, EOFError) as error:
        got = "an array of objects" if "Object arrays" in str(error) else "a damaged or foreign file"
        raise checks.FileProblem(checks.message(source, "an array of numbers", got, FIX)) from error
    from cofire.recording import Recording

    return Recording.load(path)


def function(source: str) -> Callable[..., Any]:
    """The callable MODULE:FUNCTION; modules of the working folder are found."""
    module, _, name = source.rpartition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(import_module(module), name, None)
    except Exception as error:
        got = f"{type(error).__name__}: {error}"
        raise checks.FileProblem(checks.message(source, "a module that can be imported", got, FIX)) from error
    finally:
        sys.path.pop(0)
    if not callable(found):
        got = "no such name" if found is None else f"{type(found).__name__} {name!r}"
        raise checks.InvalidType(checks.message(source, "a function in the module", got, FIX))
    return found


def draw(report: Any, path: Path) -> None:
    """Write the page, in the format that the file's ending names."""
    figure = report.figure()
    supported = figure.canvas.get_supported_filetypes()
    ending = path.suffix.lstrip(".") or "none"
    checks.choice("--figure ending", ending, sorted(supported), fix="end the path in .png, .pdf or .svg")
    try:
        figure.savefig(path, dpi=160)
    except OSError as error:
        got = error.strerror or str(error)
        raise checks.FileProblem(
            checks.message(str(path), "a file that can be written", got, "choose another path")
        ) from error
