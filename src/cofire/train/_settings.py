"""What the weights of a run depend on, as `config.json` keeps it, and as an older version would have meant it."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from torch import nn

from cofire.random import Key
from cofire.tasks import Task
from cofire.train._config import TrainConfig
from cofire.train.ppo._config import PPOConfig


def describe(
    model: nn.Module, task: Task, config: TrainConfig, key: Key | None, about: Mapping[str, Any], warm_start: str | None
) -> dict[str, Any]:
    """Return what the weights depend on, and what must not change when the run is resumed."""
    described = getattr(getattr(model, "config", None), "to_json", None)
    return {
        "model": {"class": type(model).__name__, "config": described() if described else None},
        "task": {"name": task.name, "settings": dict(task.settings)},
        "train": config.to_json(),
        "key": key.to_json() if key else None,
        "about": dict(about),
        "warm_start": warm_start,
    }


def as_of_today(
    before: Mapping[str, Any],
    model: nn.Module,
    task: Any,
    *,
    train: type[TrainConfig] | type[PPOConfig] = TrainConfig,
    remake: Callable[[dict[str, Any]], Any] | None = None,
) -> dict[str, Any]:
    """Return an earlier description with the fields that were added since then at their defaults.

    train: what its training is a configuration of. remake: makes the task of its settings, where its class does not.
    What cannot be read stays as it is.
    """
    renewed = {"warm_start": None, **before, "train": _renewed(before.get("train"), _train_fields(train))}
    kind = getattr(type(getattr(model, "config", None)), "from_json", None)
    if kind and isinstance(before.get("model"), dict):
        renewed["model"] = {**before["model"], "config": _renewed(before["model"].get("config"), _model_fields(kind))}
    remake = remake or getattr(type(task), "from_settings", None)
    if remake and isinstance(before.get("task"), dict):
        settings = before["task"].get("settings")
        if isinstance(settings, dict) and set(settings) != set(task.settings):
            renewed["task"] = {**before["task"], "settings": _renewed(settings, lambda one: dict(remake(one).settings))}
    return renewed


def _model_fields(from_json: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda values: from_json(values).to_json()


def _train_fields(kind: type[TrainConfig] | type[PPOConfig]) -> Callable[[dict[str, Any]], Any]:
    def renew(values: dict[str, Any]) -> dict[str, Any]:
        known = {field.name: values[field.name] for field in fields(kind) if field.name in values}
        return {**values, **kind.from_json(known).to_json()}

    return renew


def _renewed(values: Any, renew: Callable[[dict[str, Any]], Any]) -> Any:
    if not isinstance(values, dict):
        return values
    try:
        return renew(values)
    except (ValueError, TypeError, KeyError, OSError):
        return values
