"""Checkpoints: all that a run needs to go on, written so that no crash can leave a wrong one behind.

    checkpoint/step-00000500/state.safetensors    weights, buffers, optimiser, recent gradient norms, records
    checkpoint/step-00000500/state.json           step, time, machine, and the checksum of the tensors

A checkpoint is made in a folder of another name, flushed to the disk, and renamed when it is whole.
"""

import json
import shutil
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from cofire import checks
from cofire.files import flush_folder, flush_names

FORMAT = "cofire-checkpoint/1"
_UNFINISHED = ".unfinished-"
_WHOLE = "step-"


class Checkpoint(NamedTuple):
    """The state of a run after `step` steps and `seconds` of training; machine: what it ran on."""

    step: int
    seconds: float
    machine: Mapping[str, Any]
    tensors: dict[str, Tensor]


def save_checkpoint(folder: Path, checkpoint: Checkpoint, keep_last: int) -> None:
    """Write a checkpoint into the folder and remove all but the last ones."""
    final = folder / f"{_WHOLE}{checkpoint.step:08d}"
    if final.exists():
        return  # a run that was resumed and stopped at once is where it was
    unfinished = folder / f"{_UNFINISHED}{checkpoint.step:08d}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for remains in folder.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(remains)
        unfinished.mkdir()
        tensors = save_tensors(
            {name: one.detach().cpu().clone().contiguous() for name, one in checkpoint.tensors.items()}
        )
        facts = {
            "format": FORMAT,
            "step": checkpoint.step,
            "seconds": checkpoint.seconds,
            "machine": dict(checkpoint.machine),
            "sha256": sha256(tensors).hexdigest(),
        }
        (unfinished / "state.safetensors").write_bytes(tensors)
        (unfinished / "state.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
        flush_folder(unfinished)
        unfinished.rename(final)
        flush_names(folder)
        for old in sorted(folder.glob(f"{_WHOLE}*"))[:-keep_last]:
            shutil.rmtree(old.rename(folder / f"{_UNFINISHED}{old.name}"))
    except OSError as problem:
        got = problem.strerror or str(problem)
        fix = "free some space or choose another folder, then resume"
        raise checks.FileProblem(checks.message(str(final), "a checkpoint written", got, fix)) from problem


def has_checkpoint(folder: Path) -> bool:
    """Return whether the folder of checkpoints holds one, whole or damaged."""
    return any(folder.glob(f"{_WHOLE}*"))


def load_checkpoint(folder: Path) -> Checkpoint | None:
    """Return the last checkpoint of the folder, or None where there is none; raises `FileProblem` for a broken one."""
    if not folder.exists():
        return None
    if not folder.is_dir():
        raise checks.FileProblem(checks.message(str(folder), "a folder of checkpoints", "a file", "move it away"))
    found = sorted(folder.glob(f"{_WHOLE}*"))
    if not found:
        return None
    earlier = f"remove it to go on from {found[-2].name}" if len(found) > 1 else "remove it to begin anew"
    try:
        facts = json.loads((found[-1] / "state.json").read_bytes())
        if not isinstance(facts, dict) or facts.get("format") != FORMAT:
            raise ValueError(f"another format than {FORMAT}")
        tensors = (found[-1] / "state.safetensors").read_bytes()
        if sha256(tensors).hexdigest() != facts["sha256"]:
            raise ValueError("tensors that do not fit their checksum")
        return Checkpoint(facts["step"], facts["seconds"], facts["machine"], load_tensors(tensors))
    except (OSError, ValueError, KeyError, SafetensorError) as problem:
        got = f"a damaged or foreign one ({problem})"
        raise checks.FileProblem(checks.message(str(found[-1]), "a cofire checkpoint", got, earlier)) from problem
