"""Files and folders that are whole or not there: written beside their place, flushed to the disk, then renamed."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import IO, Any

from cofire import checks


def write_atomically(path: str | PathLike[str], write: Callable[[IO[bytes]], Any]) -> None:
    """Let `write` fill a temporary file beside `path`, flush it to the disk, then rename it into place.

    A reader sees the old file or the new one, never a part. Raises FileProblem where the folder cannot be written.
    """
    path = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise checks.FileProblem(_problem(path, "a file in a writable folder", error)) from error
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except OSError as error:
        raise checks.FileProblem(_problem(path, "a file that can be written", error)) from error
    finally:
        Path(temporary).unlink(missing_ok=True)
    flush_names(path.parent)


@contextmanager
def whole_folder(path: str | PathLike[str], holds: tuple[str, ...]) -> Iterator[Path]:
    """Fill a temporary folder beside `path`; when the block ends well, flush every file and rename it into place.

    Arguments: `path`, which may be new, empty, or a folder with nothing but the files that it `holds`; such a folder is
    replaced. A fault inside the block leaves everything as it was.

    Raises FileProblem where `path` is a file, holds anything else, or cannot be written.
    """
    path = Path(path).absolute()
    _check_replaceable(path, holds)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise checks.FileProblem(_problem(path, "a folder in a writable place", error)) from error
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        flush_folder(temporary)
        if path.exists():  # a full folder cannot be replaced in one step: the old one is moved aside, then removed
            aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
            path.replace(aside)
            temporary.replace(path)
            shutil.rmtree(aside)
        else:
            temporary.replace(path)
        flush_names(path.parent)
    except OSError as error:
        raise checks.FileProblem(_problem(path, "a folder that can be written", error)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def flush_folder(folder: Path) -> None:
    """Make every file in a folder, and their names, last through a power cut."""
    for file in folder.iterdir():
        _flush(file, os.O_RDWR)
    flush_names(folder)


def flush_names(folder: Path) -> None:
    """Make the names in a folder (what was made, renamed, removed) last, where the system can open a folder."""
    if hasattr(os, "O_DIRECTORY"):
        _flush(folder, os.O_DIRECTORY)


def _flush(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_replaceable(path: Path, holds: tuple[str, ...]) -> None:
    try:
        if not path.exists():
            return
        found = sorted(child.name for child in path.iterdir())
    except OSError as error:
        raise checks.FileProblem(_problem(path, "a folder", error)) from error
    foreign = [name for name in found if name not in holds]
    if foreign:
        wanted = f"a new or empty folder, or one with nothing but {', '.join(holds)}"
        got = f"one with {', '.join(foreign[:5])}{' and more' if len(foreign) > 5 else ''}"
        raise checks.FileProblem(checks.message(str(path), wanted, got, "choose a folder of its own"))


def _problem(path: Path, wanted: str, error: OSError) -> str:
    return checks.message(str(path), wanted, error.strerror or str(error), "check the path and its permissions")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
