"""What a result is compared with: a preset's baselines, its one-tick control and its ablations, as presets."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from cofire import checks
from cofire.ctm import (
    Answer,
    CTMConfig,
    FeedForwardConfig,
    LSTMConfig,
    ModelConfig,
    NoNeuronModel,
    Snapshot,
    one_tick_control,
)
from cofire.train._config import TrainConfig
from cofire.train.presets._preset import Preset

ONE_TICK = "one-tick"
TICKS = "model.ticks"


def partners(
    preset: Preset,
    *,
    lstm_width: int | None = None,
    lstm_synchronised_width: int | None = None,
    lstm_layers: int = 1,
    lstm_train: TrainConfig | None = None,
    lstm_settings: Mapping[str, Any] | None = None,
    feed_forward_width: int | None = None,
) -> tuple[Preset, ...]:
    """Return what the preset of a machine is compared with, on the same task and trained in the same way.

    Always, each with one thing taken away: `<name>-one-tick` (where the machine has more than one),
    `<name>-no-neuron-models` and `<name>-no-synchronisation`. With a width each: `<name>-lstm`, which is read by its
    hidden state, `<name>-lstm-synchronisation`, which is read by the synchronisation of as many pairs as the machine,
    and `<name>-feed-forward`, which answers at once.

    Arguments: `lstm_layers` of both recurrent baselines; `lstm_train` and `lstm_settings` where they were trained in
    another way than the machine, or on the task with other settings. Raises InvalidType for the preset of a baseline,
    and for a feed-forward partner of a machine that gives no answer.

    >>> from cofire.train.presets import find_preset
    >>> [one.name for one in partners(find_preset("digits", "small"), lstm_width=96)]
    ['small-lstm', 'small-one-tick', 'small-no-neuron-models', 'small-no-synchronisation']
    """
    machine = checks.instance("preset.model", preset.model, CTMConfig, fix="give the preset of the machine itself")
    recurrent = replace(preset, train=lstm_train or preset.train, settings=lstm_settings or preset.settings)
    found: list[Preset] = []
    if lstm_width is not None:
        model = recurrent_baseline(machine, width=lstm_width, layers=lstm_layers)
        found.append(_partner(recurrent, "lstm", model, "an LSTM in its place"))
    if lstm_synchronised_width is not None:
        model = recurrent_baseline(machine, width=lstm_synchronised_width, layers=lstm_layers, synchronised=True)
        about = "an LSTM in its place, read by the synchronisation of its units"
        found.append(_partner(recurrent, "lstm-synchronisation", model, about))
    if feed_forward_width is not None:
        answer = checks.instance("preset.model.answer", machine.answer, Answer, fix="leave feed_forward_width away")
        model = FeedForwardConfig(width=feed_forward_width, backbone=machine.backbone, answer=answer)
        found.append(
            _partner(preset, "feed-forward", model, "a feed-forward network in its place, which answers at once")
        )
    return (*found, *_ablations(preset, machine))


def changes_for(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are changed of a machine as the preset `name` beside it takes them.

    All of them, but that a one-tick control keeps its one tick.

    >>> changes_for("small-one-tick", {"steps": 100, "model.ticks": 5})
    {'steps': 100}
    """
    keeps = name.endswith(f"-{ONE_TICK}")
    return {field: value for field, value in fields.items() if not (keeps and field == TICKS)}


def recurrent_baseline(machine: CTMConfig, *, width: int, layers: int = 1, synchronised: bool = False) -> LSTMConfig:
    """Return the recurrent baseline with the senses and heads of a machine; `synchronised`: and with its readings."""
    read = machine if synchronised else _read_by_activations(machine)
    return LSTMConfig(
        width=width,
        layers=layers,
        ticks=machine.ticks,
        backbone=machine.backbone,
        position=machine.position,
        attention=machine.attention,
        answer=machine.answer,
        energy=machine.energy,
        more_heads=machine.more_heads,
        question=machine.question,
        streamed=machine.streamed,
        sync_out=read.sync_out,
        sync_action=read.sync_action,
    )


def _ablations(preset: Preset, machine: CTMConfig) -> Iterator[Preset]:
    if machine.ticks > 1:
        yield _partner(preset, ONE_TICK, one_tick_control(machine), "with a single tick of thought")
    without = replace(machine, neuron_model=NoNeuronModel())
    yield _partner(preset, "no-neuron-models", without, "without neuron-level models")
    about = "read by its activations instead of their synchronisation"
    yield _partner(preset, "no-synchronisation", _read_by_activations(machine), about)


def _read_by_activations(machine: CTMConfig) -> CTMConfig:
    return replace(machine, sync_out=Snapshot(), sync_action=None if machine.sync_action is None else Snapshot())


def _partner(preset: Preset, name: str, model: ModelConfig, difference: str) -> Preset:
    return replace(preset, name=f"{preset.name}-{name}", about=f"{preset.name}, {difference}", model=model)
