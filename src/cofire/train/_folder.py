"""The folder of a run: what lies in it, and the rules for entering one that is not empty."""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cofire import checks
from cofire.files import write_atomically

if TYPE_CHECKING:
    from torch import nn

FORMAT = "cofire-run/1"
_FIX = "resume=True (--resume) goes on with it, overwrite=True (--overwrite) begins anew; or choose another folder"


class RunFolder:
    """A run: `config.json`, `metrics.csv`, `weights.safetensors` and `checkpoint/` in one folder.

    Where the best weights are kept, they are `best.safetensors`.
    """

    def __init__(self, path: Path | str):
        self.path = Path(path)
        self.config = self.path / "config.json"
        self.metrics = self.path / "metrics.csv"
        self.weights = self.path / "weights.safetensors"
        self.best = self.path / "best.safetensors"
        self.checkpoints = self.path / "checkpoint"

    @property
    def holds_run(self) -> bool:
        """Whether a run, or what looks like one, lies here."""
        return any(one.exists() for one in (self.config, self.metrics, self.weights, self.checkpoints))

    def check(self, *, resume: bool = False, overwrite: bool = False) -> bool:
        """Return whether there is a run to go on with; raises `FileProblem` where this folder must not be entered.

        Nothing is written. With neither `resume` nor `overwrite` the folder must hold no run, with `resume` it must.
        """
        self._check_place()
        if resume and overwrite:
            text = checks.message("resume and overwrite", "one of the two", "both", "leave one away")
            raise checks.InvalidValue(text)
        holds = self.holds_run
        if holds:
            self.read_config()  # a folder of somebody else's is neither continued nor overwritten
        if holds and not (resume or overwrite):
            raise checks.FileProblem(checks.message(str(self.path), "a folder without a run", "one with a run", _FIX))
        if resume and not holds:
            fix = "begin one without --resume"
            raise checks.FileProblem(checks.message(str(self.path), "a folder with a run", "one without", fix))
        return holds and resume

    def read_config(self) -> dict[str, Any]:
        """Return what `config.json` says; raises `FileProblem` where it is missing or not one of cofire's."""
        try:
            config = json.loads(self.config.read_bytes())
            if not isinstance(config, dict) or config.get("format") != FORMAT:
                raise ValueError(f"another format than {FORMAT}")
        except (OSError, ValueError) as problem:
            got = f"a missing, damaged or foreign one ({problem})"
            inside = [] if self.config.exists() else sorted(self.path.glob("*/config.json"))
            fix = f"give a run that lies in it, such as {inside[0].parent}" if inside else "choose another folder"
            raise checks.FileProblem(checks.message(str(self.config), "the config of a run", got, fix)) from problem
        return config

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Make the folder and keep other processes from training in it; raises `FileProblem` where one already does."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDONLY)
        except OSError as problem:
            raise _unwritable(self.path, problem) from problem
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with the process, however that ends
        except BlockingIOError as problem:
            os.close(handle)
            got, fix = "one in which another process trains", "let it end, or choose another folder"
            raise checks.FileProblem(checks.message(str(self.path), "a free folder", got, fix)) from problem
        except OSError:
            pass  # a file system without locks
        try:
            yield
        finally:
            os.close(handle)

    def begin(self, config: Mapping[str, Any], *, overwrite: bool = False) -> None:
        """Remove what an earlier run left in the folder, and write `config.json`."""
        try:
            if overwrite:
                shutil.rmtree(self.checkpoints, ignore_errors=True)
                for file in (self.metrics, self.weights, self.best, self.config):
                    file.unlink(missing_ok=True)
        except OSError as problem:
            raise _unwritable(self.path, problem) from problem
        content = json.dumps({"format": FORMAT, **config}, indent=1) + "\n"
        write_atomically(self.config, lambda file: file.write(content.encode()))

    def compare(self, config: Mapping[str, Any], renew: Callable[[dict[str, Any]], dict[str, Any]] = dict) -> None:
        """Raise `InvalidValue` where the run in this folder was begun with other settings.

        `renew` brings the settings of an older version up to date before they are compared.
        """
        before = renew(self.read_config())
        after = json.loads(json.dumps(config))
        for name in config:
            different = list(_differences(name, before.get(name), after[name]))
            if different:
                place, old, new = different[0]
                fix = "resume with the settings it was begun with, or choose another folder"
                raise checks.InvalidValue(checks.message(place, f"{old!r} as in {self.config}", repr(new), fix))

    def _check_place(self) -> None:
        for place in (self.path, *self.path.absolute().parents):
            try:
                if place.is_dir():
                    return
                if place.exists():
                    raise NotADirectoryError(f"{place} is a file")
            except OSError as problem:
                raise _unwritable(self.path, problem) from problem


def load_weights(model: "nn.Module", path: Path | str) -> None:
    """Load the `weights.safetensors` of a run into a model of the same configuration.

    Raises `FileProblem` for a file that is no safetensors file, `InvalidValue` where the weights do not fit the model.
    """
    torch_files = import_module("safetensors.torch")
    try:
        tensors = torch_files.load_file(path)
    except (OSError, import_module("safetensors").SafetensorError) as problem:
        fix = "give the weights.safetensors of a run"
        raise checks.FileProblem(checks.message(str(path), "a safetensors file", str(problem), fix)) from problem
    try:
        model.load_state_dict(tensors)
    except RuntimeError as problem:
        got = " ".join(str(problem).split())[:200]
        fix = "build the model from the config.json beside the weights"
        raise checks.InvalidValue(checks.message(str(path), "weights that fit the model", got, fix)) from problem


def _differences(name: str, before: Any, after: Any):
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from _differences(f"{name}.{key}", before.get(key), after.get(key))
    elif before != after:
        yield name, before, after


def _unwritable(path: Path, problem: OSError) -> checks.FileProblem:
    got = problem.strerror or str(problem)
    return checks.FileProblem(checks.message(str(path), "a folder that can be written", got, "choose another folder"))
