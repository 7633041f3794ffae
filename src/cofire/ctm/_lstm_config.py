"""The configuration of a recurrent baseline."""

from dataclasses import dataclass
from typing import Any

from cofire import checks
from cofire.ctm._attention import Attention
from cofire.ctm._backbones import Backbone
from cofire.ctm._config import PARTS, check_senses
from cofire.ctm._heads import Answer, EnergyHead
from cofire.ctm._json import from_json, to_json
from cofire.ctm._positions import Position
from cofire.ctm._questions import DigitQuestions
from cofire.ctm._synchronisation import Reading, Snapshot, Windowed


@dataclass(frozen=True, kw_only=True, slots=True)
class LSTMConfig:
    """What a recurrent baseline is made of.

    Arguments: `width` H of each layer, the number of `layers`, `ticks` T, `dropout` between layers; the rest as in
    `CTMConfig`. `sync_out` and `sync_action` are `Snapshot()`, the hidden state itself, or `Decayed(pairs=…)`.

    >>> from cofire.ctm import Direct
    >>> config = LSTMConfig(width=20, ticks=5, backbone=Direct(features=8), answer=Answer(outputs=10))
    >>> LSTMConfig.from_json(config.to_json()) == config
    True
    """

    width: int
    ticks: int
    backbone: Backbone
    answer: Answer | None
    layers: int = 1
    dropout: float = 0.0
    position: Position | None = None
    attention: Attention | None = None
    sync_out: Reading = Snapshot()  # noqa: RUF009 - frozen, without fields
    sync_action: Reading | None = None
    energy: EnergyHead | None = None
    more_heads: tuple[tuple[str, Answer], ...] = ()
    question: DigitQuestions | None = None
    streamed: bool = False

    def __post_init__(self) -> None:
        checks.integer("width", self.width, low=1)
        checks.integer("layers", self.layers, low=1)
        checks.integer("ticks", self.ticks, low=1, fix="think for one tick or more")
        checks.number("dropout", self.dropout, low=0, high=0.99)
        for name in ("sync_out", "sync_action"):
            if isinstance(getattr(self, name), Windowed):
                fix = "Snapshot() is the hidden state itself"
                raise checks.InvalidValue(checks.message(name, "Snapshot or Decayed", "Windowed", fix))
        check_senses(self.attention, self.sync_action, self.question, self.streamed)

    def to_json(self) -> dict[str, Any]:
        """The configuration as plain JSON values; every part names its kind."""
        return to_json(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "LSTMConfig":
        """Read what `to_json` wrote; fields that are left out take their defaults."""
        config = from_json(values, {**PARTS, cls.__name__: cls})
        return checks.instance("configuration", config, cls, fix="a file written by LSTMConfig.to_json()")
