"""The file of a recording: a zip of one `.npy` per trace, as `np.savez` writes it, and `recording.json`. No pickle."""

import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import IO, Any

import numpy as np

from cofire import checks

FORMAT = "cofire-recording/1"
_HEADER = "recording.json"
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, NotImplementedError, RuntimeError)


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
    _flush_folder(path.parent)


def save_recording(path: str | PathLike[str], arrays: Mapping[str, np.ndarray], header: Mapping[str, Any]) -> None:
    """Write arrays and header as one file, atomically."""

    def write(file: IO[bytes]) -> None:
        # Members opened by name carry zip's earliest date, so that equal recordings give equal bytes.
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            with archive.open(_HEADER, "w") as member:
                member.write(json.dumps({"format": FORMAT, **header}, indent=1).encode())
            for name, values in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.ascontiguousarray(values), allow_pickle=False)

    write_atomically(path, write)


def load_recording(path: str | PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and header of a file that `save_recording` wrote; anything else raises FileProblem."""
    fix = "give a file that Recording.save wrote"
    try:
        with zipfile.ZipFile(path) as archive:
            header = json.loads(archive.read(_HEADER))
            if header.pop("format") != FORMAT:
                raise ValueError(f"not of format {FORMAT}")
            arrays = {name: _read_array(archive, name) for name in header["traces"]}
        return arrays, header
    except _DAMAGE as error:
        text = checks.message(str(path), "a recording", f"a foreign or damaged file ({_reason(error)})", fix)
        raise checks.FileProblem(text) from error
    except (AttributeError, TypeError) as error:
        text = checks.message(str(path), "a recording", f"a file with another {_HEADER}", fix)
        raise checks.FileProblem(text) from error
    except OSError as error:
        raise checks.FileProblem(_problem(Path(path), "a recording", error)) from error


def _read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(f"{name}.npy") as member:
        values = np.lib.format.read_array(member, allow_pickle=False)
        member.read()  # to the end, where the checksum is compared
        return values


def _problem(path: Path, wanted: str, error: OSError) -> str:
    return checks.message(str(path), wanted, error.strerror or str(error), "check the path and its permissions")


def _reason(error: BaseException) -> str:
    return f"no {_HEADER} in it" if isinstance(error, KeyError) and _HEADER in str(error) else str(error)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _flush_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can open a folder."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
