"""Where published machines lie: folders, training checkpoints, and names on the Hugging Face hub.

Files are opened as data. A training checkpoint is a pickle, of which only tensors, plain values and the command line's
arguments are made; what NumPy left in it (metrics, states of generators) is thrown away unread; everything else is
refused.
"""

import argparse
import json
import pickle
import re
from collections.abc import Mapping
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from cofire import checks
from cofire.ctm._published_config import training_arguments

WEIGHTS, CONFIG = "model.safetensors", "config.json"
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_WRAPPERS = re.compile(r"\b(?:module|_orig_mod)\.")  # left by data-parallel and compiled training
_DAMAGE = (pickle.UnpicklingError, RuntimeError, OSError, EOFError, KeyError, TypeError, ValueError, AttributeError)


class Published(NamedTuple):
    """What was read: kind, constructor's arguments, weights, and the content of `config.json` if there is one."""

    kind: str
    arguments: dict[str, Any]
    weights: dict[str, Tensor]
    config: dict[str, Any] | None


class _Discarded:
    """Stands in for what NumPy pickled, and keeps nothing of it."""

    def __new__(cls, *_: Any) -> "_Discarded":
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None: ...


_NUMPY = [
    f"numpy.{name}"
    for name in (
        *(f"{core}.multiarray.{function}" for core in ("core", "_core") for function in ("_reconstruct", "scalar")),
        *("ndarray", "dtype"),
        *(f"dtypes.{kind}DType" for kind in ("Float16", "Float32", "Float64", "Int32", "Int64", "UInt32", "Bool")),
    )
]


def read_published(path: str | PathLike[str]) -> Published:
    """Read a folder, a checkpoint or a hub name; raises FileProblem or MissingExtra that say what was wrong."""
    place = Path(path)
    if place.is_dir():
        return _read_folder(place)
    if place.suffix in (".pt", ".pth") and place.is_file():
        return _read_checkpoint(place)
    if not place.exists() and HUB_NAME.fullmatch(str(path)):
        return _read_folder(_fetch(str(path)))
    wanted = f"a folder with {CONFIG} and {WEIGHTS}, a checkpoint .pt, or a name on the hub"
    got = "a file of another kind" if place.exists() else "nothing there"
    raise checks.FileProblem(checks.message(str(path), wanted, got, "give the path of one"))


def kind_and_arguments(config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Both layouts of `config.json`: kind and arguments apart, or the arguments of an image machine flat."""
    arguments = checks.instance("kwargs", config.get("kwargs", config), dict, fix="the constructor's arguments by name")
    return config.get("kind", "image"), arguments


def _read_folder(path: Path) -> Published:
    for name in (CONFIG, WEIGHTS):
        if not (path / name).is_file():
            fix = "give a published model's folder"
            raise checks.FileProblem(checks.message(str(path), name, "a folder without it", fix))
    try:
        config = json.loads((path / CONFIG).read_text(encoding="utf-8"))
        weights = _tensors(path / WEIGHTS)
    except (ValueError, OSError, RuntimeError, SafetensorError) as error:
        raise checks.FileProblem(
            checks.message(str(path), "a published model", str(error), "fetch it again")
        ) from error
    kind, arguments = kind_and_arguments(checks.instance(CONFIG, config, dict, fix="fetch it again"))
    return Published(kind, arguments, weights, config)


def _tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, with those that were one tensor when it was written and are there by reference."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
        for name, kept in (file.metadata() or {}).items():
            if name not in tensors and kept in tensors:
                tensors[name] = tensors[kept].clone()
    return tensors


def _fetch(name: str) -> Path:
    """The local folder of a model on the hub."""
    try:
        hub = import_module("huggingface_hub")
    except ImportError as error:
        wanted, got = f"huggingface_hub, to fetch {name}", "an environment without it"
        fix = "pip install 'cofire[hub]', or give a local folder"
        raise checks.MissingExtra(checks.message("extra hub", wanted, got, fix)) from error
    try:
        return Path(hub.snapshot_download(name, allow_patterns=[CONFIG, WEIGHTS]))
    except (OSError, ValueError, RuntimeError) as error:
        got = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        wanted = "a local folder or a model on the Hugging Face hub"
        raise checks.FileProblem(checks.message(name, wanted, got, "check the name and the connection")) from error


def _read_checkpoint(path: Path) -> Published:
    allowed: list[Any] = [argparse.Namespace, *((_Discarded, name) for name in _NUMPY)]
    try:
        with torch.serialization.safe_globals(allowed):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        arguments = dict(vars(checkpoint["args"]))
        weights = {_WRAPPERS.sub("", name): tensor for name, tensor in checkpoint["model_state_dict"].items()}
        if not all(isinstance(tensor, Tensor) for tensor in weights.values()):
            raise TypeError("model_state_dict holds more than tensors")
    except _DAMAGE as error:
        wanted = "a training checkpoint with model_state_dict and args, and nothing that could run"
        got = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no text'}"
        raise checks.FileProblem(
            checks.message(str(path), wanted, got, "save the state dict as safetensors")
        ) from error
    if any(name.startswith("recurrent_model.") for name in weights):  # an agent: the machine, its actor and its critic
        prefix = "recurrent_model."
        weights = {name.removeprefix(prefix): one for name, one in weights.items() if name.startswith(prefix)}
    kind = _kind(weights)
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    return Published(kind, training_arguments(kind, arguments, shapes), weights, None)


def _kind(weights: Mapping[str, Tensor]) -> str:
    if "start_activated_trace" in weights:
        return "rl"
    if "operator_backbone.embedding.weight" in weights:
        return "qamnist"
    return "image" if "q_proj.weight" in weights else "sort"
