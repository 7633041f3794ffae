"""Read and write the weights of the published machines.

A published machine is a folder (`config.json` and `model.safetensors`, with the constructor's arguments flat, as on the
Hugging Face hub, or beside a `kind`), a training checkpoint `.pt` (state dict and the command line's arguments), or a
hub name. Nothing is run to load it, and everything that does not fit is listed.
"""

import argparse
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from cofire import checks
from cofire.ctm._model import CTM
from cofire.ctm._pairs import FirstLast
from cofire.ctm._published_config import published_config
from cofire.ctm._published_names import published_entries
from cofire.ctm._synchronisation import Windowed
from cofire.random import Key

IGNORED = ("diagonal_mask_out", "diagonal_mask_action")  # follow from the configuration and were never used


def load_published(path: str | Path) -> CTM:
    """Load a published machine, ready to think (in evaluation mode).

    Arguments: `path`, a folder with `config.json` and `model.safetensors`, or a training checkpoint `.pt`.

    Raises FileProblem for what cannot be read, InvalidValue with a list for entries that are unknown, missing or
    misshapen. A `.pt` file is opened as data: whatever else it holds is refused, and nothing in it runs.
    """
    kind, arguments, weights = _read(Path(path))
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    config = published_config(kind, arguments, shapes)
    model = CTM(config, key=Key(0))
    model.load_state_dict(from_published(model, weights))
    return model.eval()


def from_published(model: CTM, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Published weights as the state dict of a model; raises InvalidValue that lists what does not fit."""
    config = model.config
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found: dict[str, Tensor] = {}
    problems: list[str] = []
    entries = published_entries(config)
    for entry in entries:
        if entry.published not in weights:
            problems.append(f"{entry.published} is missing")
            continue
        for name, tensor in zip(entry.names, entry.read(weights[entry.published]), strict=True):
            found[name] = tensor.contiguous()
            if tuple(tensor.shape) != wanted.get(name):
                problems.append(f"{entry.published} has shape {tuple(weights[entry.published].shape)}")
    known = {entry.published for entry in entries} | set(IGNORED)
    problems += [f"{name} is unknown" for name in weights if name not in known]
    if problems:
        shown = "; ".join(problems[:20]) + (f"; and {len(problems) - 20} more" if len(problems) > 20 else "")
        raise checks.InvalidValue(
            checks.message(
                "published weights", "the entries of its configuration", shown, "load the matching config.json"
            )
        )
    if isinstance(config.sync_out, Windowed) and isinstance(config.sync_out.pairs, FirstLast):
        # the published control machines store the first neurons and read the last
        last = torch.arange(config.neurons - config.sync_out.pairs.neurons, config.neurons)
        found["sync_out.left"], found["sync_out.right"] = last, last.clone()
    return found


def _read(path: Path) -> tuple[str, dict[str, Any], dict[str, Tensor]]:
    if path.is_dir():
        return _read_folder(path)
    if path.suffix in (".pt", ".pth") and path.is_file():
        return _read_checkpoint(path)
    wanted = "a folder with config.json and model.safetensors, or a checkpoint .pt"
    raise checks.FileProblem(checks.message(str(path), wanted, "neither", "give the path of one"))


def _read_folder(path: Path) -> tuple[str, dict[str, Any], dict[str, Tensor]]:
    for name in ("config.json", "model.safetensors"):
        if not (path / name).is_file():
            raise checks.FileProblem(
                checks.message(str(path), name, "a folder without it", "give a published model's folder")
            )
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        weights = load_file(path / "model.safetensors")
    except (ValueError, OSError, RuntimeError) as error:
        raise checks.FileProblem(
            checks.message(str(path), "a published model", str(error), "fetch it again")
        ) from error
    arguments = config.get("kwargs", config)
    return config.get("kind", "image"), arguments, weights


def _read_checkpoint(path: Path) -> tuple[str, dict[str, Any], dict[str, Tensor]]:
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        state, arguments = checkpoint["model_state_dict"], vars(checkpoint["args"])
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, KeyError, TypeError, ValueError) as error:
        wanted = "a training checkpoint with model_state_dict and args, and nothing that could run"
        got = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no text'}"
        raise checks.FileProblem(
            checks.message(str(path), wanted, got, "save the state dict as safetensors")
        ) from error
    weights = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    if "start_activated_trace" in weights:
        kind = "rl"
    elif "operator_backbone.embedding.weight" in weights:
        kind = "qamnist"
    else:
        kind = "image" if "q_proj.weight" in weights else "sort"
    return kind, arguments, weights
