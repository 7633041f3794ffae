"""From a page to the files of a report: every figure, then the page itself."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path

from cofire import checks
from cofire.files import write_atomically
from cofire.viz._page import Film, Page, Picture

NAME = "report.html"


def write_page(folder: str | PathLike[str], make: Callable[[], Page]) -> Path:
    """Write `report.html`, one self-contained file, and every figure of it under `figures/`; return the report's path.

    The folder is made if need be, before the page is; files of an earlier report are replaced, each whole or not at
    all, the page last. Raises FileProblem where the folder cannot be made or written.
    """
    folder = Path(folder)
    figures = folder / "figures"
    try:
        figures.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        got = problem.strerror or str(problem)
        text = checks.message(str(figures), "a folder that can be made", got, "choose another folder")
        raise checks.FileProblem(text) from problem
    page = make()
    for section in page.sections:
        for block in section.blocks:
            if isinstance(block, Picture):
                write_bytes(figures / f"{block.name}.png", block.light)
            elif isinstance(block, Film):
                write_bytes(figures / f"{block.name}.png", block.still)
                write_bytes(figures / f"{block.name}.gif", block.gif)
    write_bytes(folder / NAME, page.html().encode())
    return folder / NAME


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    write_atomically(path, lambda file: file.write(content))
