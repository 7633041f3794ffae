"""The file of a recording: a zip of one `.npy` per trace, as `np.savez` writes it, and `recording.json`. No pickle."""

import json
import zipfile
import zlib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import IO, Any

import numpy as np

from cofire import checks
from cofire.files import write_atomically

FORMAT = "cofire-recording/1"
_HEADER = "recording.json"
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, NotImplementedError, RuntimeError)


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
