"""The command line: `cofire COMMAND`. One module per command, read when it is chosen."""

from cofire.cli._main import main as main

__all__ = ["main"]
