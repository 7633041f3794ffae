"""From arguments to an exit code.

0: done. 2: one line on standard error says what to mend. 128 + n: stopped by signal n.
"""

import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

import cofire
from cofire import checks
from cofire.cli._arguments import Parser, Stopped

# Command, and what it does. A command is there when its module is.
COMMANDS = {
    "demo": "train a Continuous Thought Machine on real handwritten digits, and write a report of how it thinks",
    "train": "train a preset of a task, on one core or many machines",
    "eval": "look at the held-out examples again: other ticks, early stops",
    "report": "write a page about a run, or about several of different seeds",
    "sweep": "train several presets with several seeds",
    "presets": "list what can be trained by name, with parameter counts",
    "audit": "find hidden coupling in noise, and its likely cause",
    "simulate": "run a spiking network",
    "analyse": "read a recording: who fires together, when",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run `cofire` with these arguments, those of the process by default, and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(arguments)
    except SystemExit as leaving:  # --help and --version
        return int(leaving.code or 0)
    except Stopped as stopped:
        return _complain(str(stopped), stopped.exit_code)
    except KeyboardInterrupt:
        return _complain("interrupted", 128 + signal.SIGINT)
    except checks.CofireError as problem:
        return _complain(str(problem), 2)
    except BrokenPipeError:  # whoever read our output has gone
        sys.stdout = None
        return 128 + signal.SIGPIPE
    except OSError as problem:
        place = f"{problem.filename}: " if problem.filename else ""
        return _complain(f"{place}{problem.strerror or problem}", 2)


def commands() -> dict[str, str]:
    """Return the commands that are there, with what they do."""
    return {name: text for name, text in COMMANDS.items() if find_spec(f"cofire.cli._{name}")}


def _run(arguments: list[str]) -> int:
    parser = Parser(prog="cofire", description=(cofire.__doc__ or "").split("\n")[0])
    parser.add_argument("--version", action="version", version=f"cofire {cofire.__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    available = commands()
    chosen = next((word for word in arguments if not word.startswith("-")), None)
    command = import_module(f"cofire.cli._{checks.choice('command', chosen, available)}") if chosen else None
    for name, text in available.items():
        if command and name == chosen:
            command.register(subparsers)
        else:
            subparsers.add_parser(name, help=text)  # its module is not read for this
    parsed, unknown = parser.parse_known_args(arguments)
    if unknown:
        subparsers.choices.get(chosen or "", parser).refuse(unknown[0])
    if command:
        return command.run(parsed)
    parser.print_help()
    return 0


def _complain(text: str, code: int) -> int:
    print(f"cofire: {' '.join(text.split())}", file=sys.stderr)
    return code
