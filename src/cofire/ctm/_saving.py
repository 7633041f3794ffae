"""Machines as folders of files: `model.safetensors`, `config.json` and `README.md`, the model card.

The folder is written whole or not at all. `config.json` names its format; fields that are added to configurations
later take their defaults when an older folder is read.
"""

import json
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import cofire
from cofire import checks
from cofire.ctm._card import model_card
from cofire.ctm._origin import PublishedOrigin
from cofire.files import whole_folder

FORMAT = 1
FILES = WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
_FIX = "give a folder that save() wrote"
Machine = TypeVar("Machine", bound=nn.Module)


def save_machine(model: nn.Module, folder: str | PathLike[str], facts: Mapping[str, Any] | None) -> None:
    """Write a machine with a configuration that has `to_json`; see `CTM.save`."""
    config: Any = model.config
    content: dict[str, Any] = {"format": FORMAT, "cofire": cofire.__version__, "machine": config.to_json()}
    content["facts"] = plain_facts(facts)
    origin = getattr(model, "published", None)
    if origin is not None:
        content["published"] = {"config": origin.config, "masks": list(origin.masks)}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with whole_folder(folder, FILES) as temporary:
        write_weights(temporary / WEIGHTS, tensors)
        (temporary / CONFIG).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        card = model_card(model, content["facts"])
        (temporary / CARD).write_text(card, encoding="utf-8")


def load_machine(kind: type[Machine], config_kind: Any, folder: str | PathLike[str]) -> Machine:
    """Read a machine of this class and configuration class; see `CTM.load`."""
    folder = Path(folder)
    content, tensors = _read(folder)
    model: Any = kind(config_kind.from_json(content["machine"]), key=None)
    fill(model, tensors, f"the weights in {folder}")
    if content.get("published"):
        origin = content["published"]
        model.published = PublishedOrigin(origin["config"], tuple(origin["masks"]))
    return model.eval()


def write_weights(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write a safetensors file; raises OSError where there is no room."""
    try:
        save_file(tensors, path)
    except SafetensorError as error:
        raise OSError(str(error)) from error


def fill(model: nn.Module, tensors: Mapping[str, Tensor], name: str) -> None:
    """Give a machine without values its weights; raises InvalidValue that lists what does not fit."""
    wanted = {entry: tuple(tensor.shape) for entry, tensor in model.state_dict().items()}
    problems = [f"{entry} is missing" for entry in wanted if entry not in tensors]
    for entry, tensor in tensors.items():
        if entry not in wanted:
            problems.append(f"{entry} is unknown")
        elif tuple(tensor.shape) != wanted[entry]:
            problems.append(f"{entry} has shape {tuple(tensor.shape)} instead of {wanted[entry]}")
    refuse(name, problems)
    model.load_state_dict(dict(tensors), assign=True)


def refuse(name: str, problems: Iterable[str]) -> None:
    """Raise InvalidValue with the list of problems, if there are any."""
    listed = list(problems)
    if listed:
        shown = "; ".join(listed[:20]) + (f"; and {len(listed) - 20} more" if len(listed) > 20 else "")
        fix = "give the config.json that belongs to the weights"
        raise checks.InvalidValue(checks.message(name, "the entries of the configuration", shown, fix))


def plain_facts(facts: Mapping[str, Any] | None) -> dict[str, Any]:
    """Facts about a training as JSON values."""
    given = checks.instance("facts", {} if facts is None else facts, Mapping, fix="facts={'task': 'parity', …}")
    try:
        return json.loads(json.dumps(dict(given), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise checks.InvalidType(
            checks.message("facts", "values that JSON can hold", str(error), "plain numbers")
        ) from error


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        content = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if not isinstance(content, dict) or "machine" not in content:
            raise ValueError(f"another {CONFIG}")
        if content.get("format") != FORMAT:
            raise ValueError(f"format {content.get('format')!r}, not {FORMAT}")
        tensors = load_file(folder / WEIGHTS)
        return content, {name: tensor.clone() for name, tensor in tensors.items()}  # not a view of the file
    except (OSError, ValueError, SafetensorError) as error:
        got = f"a missing, damaged or foreign one ({error})"
        raise checks.FileProblem(checks.message(str(folder), "a saved machine", got, _FIX)) from error
