"""Load the weights of the published machines, and write machines back in the published layout.

A published machine is a folder (`config.json` and `model.safetensors`, with the constructor's arguments flat, as on the
Hugging Face hub, or beside a `kind`), a training checkpoint `.pt` (state dict and the command line's arguments), or a
hub name. Nothing is run to load it, and everything that does not fit is listed.
"""

import json
from collections.abc import Mapping
from os import PathLike
from typing import Any

import torch
from torch import Tensor

from cofire import checks
from cofire.ctm._config import CTMConfig
from cofire.ctm._model import CTM
from cofire.ctm._origin import PublishedOrigin
from cofire.ctm._pairs import FirstLast
from cofire.ctm._published_arguments import published_arguments
from cofire.ctm._published_config import published_config
from cofire.ctm._published_files import CONFIG, WEIGHTS, kind_and_arguments, read_published
from cofire.ctm._published_names import MASKS, published_entries
from cofire.ctm._saving import refuse, write_weights
from cofire.ctm._synchronisation import Windowed
from cofire.files import whole_folder


def load_published(path: str | PathLike[str]) -> CTM:
    """Load a published machine, ready to think (in evaluation mode).

    Arguments: `path`, a folder with `config.json` and `model.safetensors`, a training checkpoint `.pt`, or a name on
    the Hugging Face hub, such as `SakanaAI/ctm-imagenet` or `SakanaAI/ctm-maze-large` (with the extra `cofire[hub]`).

    Raises FileProblem for what cannot be read, InvalidValue with a list for entries that are unknown, missing or
    misshapen, MissingExtra for a hub name without the extra. A `.pt` file is opened as data: whatever else it holds is
    refused, and nothing in it runs.
    """
    read = read_published(path)
    shapes = {name: tuple(tensor.shape) for name, tensor in read.weights.items()}
    model = CTM(published_config(read.kind, read.arguments, shapes), key=None)
    model.load_state_dict(from_published(model, read.weights), assign=True)
    if read.config is not None:
        model.published = PublishedOrigin(read.config, tuple(name for name in MASKS if name in read.weights))
    return model.eval()


def write_published(model: CTM, folder: str | PathLike[str]) -> None:
    """Write a machine in the published layout; see `CTM.to_published`."""
    weights = to_published_weights(model)
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    origin = model.published
    if origin is None or _config_of(origin.config, shapes) != model.config:
        kind, arguments = published_arguments(model.config)
        content = {"kind": kind, "kwargs": arguments}
        if _config_of(content, shapes) != model.config:
            wanted = "a composition that was published (image, maze, parity, sort, Q&A or control machine)"
            fix = "model.save(folder) keeps every machine"
            raise checks.InvalidValue(checks.message("machine", wanted, "parts that were not", fix))
    else:
        content = origin.config
    with whole_folder(folder, (WEIGHTS, CONFIG)) as temporary:
        write_weights(temporary / WEIGHTS, weights)
        (temporary / CONFIG).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def from_published(model: CTM, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Published weights as the state dict of a model; raises InvalidValue that lists what does not fit."""
    state = model.state_dict()
    found: dict[str, Tensor] = {}
    problems: list[str] = []
    entries = published_entries(model.config)
    for entry in entries:
        wanted = tuple(entry.write([torch.empty_like(state[name], device="meta") for name in entry.names]).shape)
        if entry.published not in weights:
            problems.append(f"{entry.published} is missing")
        elif (shape := tuple(weights[entry.published].shape)) != wanted:
            problems.append(f"{entry.published} has shape {shape} instead of {wanted}")
        else:
            for name, tensor in zip(entry.names, entry.read(weights[entry.published]), strict=True):
                found[name] = tensor.clone(memory_format=torch.contiguous_format)
    known = {entry.published for entry in entries} | set(MASKS)
    problems += [f"{name} is unknown" for name in weights if name not in known]
    refuse("published weights", problems)
    last = _neurons_read_last(model.config)
    if last is not None:
        found["sync_out.left"], found["sync_out.right"] = last, last.clone()
    return found


def to_published_weights(model: CTM) -> dict[str, Tensor]:
    """The weights of a machine under their published names and in their published layout."""
    state = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    config = model.config
    weights = {
        entry.published: entry.write([state[name] for name in entry.names]).contiguous()
        for entry in published_entries(config)
    }
    last = _neurons_read_last(config)
    if last is not None:
        first = torch.arange(len(last))
        weights["out_neuron_indices_left"], weights["out_neuron_indices_right"] = first, first.clone()
    default = MASKS[:1] if isinstance(config.sync_out, Windowed) else ()
    for name in default if model.published is None else model.published.masks:
        chosen = len(state[f"sync_{name.removeprefix('diagonal_mask_')}.left"])
        weights[name] = torch.ones(chosen, chosen, dtype=torch.bool).triu()
    return weights


def _neurons_read_last(config: CTMConfig) -> Tensor | None:
    """What the published control machines read: they store the indices of the first neurons and use the last."""
    reading = config.sync_out
    if isinstance(reading, Windowed) and isinstance(reading.pairs, FirstLast) and reading.pairs.end == "last":
        return torch.arange(config.neurons - reading.pairs.neurons, config.neurons)
    return None


def _config_of(content: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> CTMConfig:
    kind, arguments = kind_and_arguments(content)
    return published_config(kind, arguments, shapes)
