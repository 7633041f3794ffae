"""The baseline without time: the backbone, averaged over space, and two layers."""

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cofire import checks
from cofire.ctm._backbones import Backbone
from cofire.ctm._config import PARTS
from cofire.ctm._heads import Answer, Heads
from cofire.ctm._initialise import materialise
from cofire.ctm._json import from_json, to_json
from cofire.ctm._thought import Thought
from cofire.random import Key
from cofire.random import torch_ as draws


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedForwardConfig:
    """What a feed-forward baseline is made of: `width` hidden units, a backbone, an answer, `dropout` of the hidden
    units.

    >>> from cofire.ctm import Direct
    >>> config = FeedForwardConfig(width=20, backbone=Direct(features=8), answer=Answer(outputs=10))
    >>> FeedForwardConfig.from_json(config.to_json()) == config
    True
    """

    width: int
    backbone: Backbone
    answer: Answer
    dropout: float = 0.0

    def __post_init__(self) -> None:
        checks.integer("width", self.width, low=1)
        checks.number("dropout", self.dropout, low=0, high=0.99)

    @property
    def ticks(self) -> int:
        """One: it does not think."""
        return 1

    def to_json(self) -> dict[str, Any]:
        """The configuration as plain JSON values; every part names its kind."""
        return to_json(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "FeedForwardConfig":
        """Read what `to_json` wrote; fields that are left out take their defaults."""
        config = from_json(values, {**PARTS, cls.__name__: cls})
        return checks.instance("configuration", config, cls, fix="a file written by FeedForwardConfig.to_json()")


@final
class FeedForward(nn.Module):
    """A network that answers at once, with the interface of a `CTM`: its thought has a single tick.

        y = W2 dropout(ReLU(W1 mean_space(backbone(x)) + b1)) + b2

    Arguments: `config`, and the `key` that every start weight is drawn from (None leaves them without values, for
    weights that are about to be loaded). Source: the published code of Darlow et al., arXiv 2505.05522.

    >>> from cofire.ctm import Direct
    >>> config = FeedForwardConfig(width=20, backbone=Direct(features=8), answer=Answer(outputs=10))
    >>> tuple(FeedForward(config, key=Key(0))(torch.ones(3, 7, 8)).logits.shape)
    (3, 10, 1)
    """

    def __init__(self, config: FeedForwardConfig, *, key: Key | None):
        super().__init__()
        self.config = checks.instance("config", config, FeedForwardConfig)
        with torch.device("meta"):
            self.backbone = config.backbone.build()
            self.hidden = nn.Linear(config.backbone.features, config.width)
            self.answer = config.answer.build(config.width)
        if key is not None:
            materialise(self, key)

    def forward(self, x: Tensor, *, ticks: int | None = None, key: Key | None = None) -> Thought:
        """Answer about a batch (B, …). Raises InvalidValue for more ticks than one, or dropout without a key."""
        checks.instance("x", x, Tensor, fix="torch.from_numpy(array)")
        checks.integer("samples in x", len(x), low=1, fix="answer about one sample or more")
        if ticks is not None:
            checks.integer("ticks", ticks, low=1, high=1, fix="a feed-forward network does not think; leave ticks away")
        features = self.backbone(x)
        hidden = F.relu(self.hidden(features.flatten(1, -2).mean(1) if features.dim() > 2 else features))
        if self.training and self.config.dropout > 0:
            if key is None:
                fix = "model(x, key=key.fold(step)) in training, model.eval() otherwise"
                raise checks.InvalidValue(checks.message("key", "a key for the dropout of this call", "None", fix))
            hidden = draws.dropout(hidden, key.fold("hidden"), self.config.dropout)
        return Heads(self.answer, self.config.answer, None, nn.ModuleDict()).thought(hidden[None])

    def save(self, folder: str | PathLike[str], *, facts: Mapping[str, Any] | None = None) -> None:
        """Write the baseline as a folder; see `CTM.save`."""
        from cofire.ctm._saving import save_machine

        save_machine(self, folder, facts)

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> "FeedForward":
        """The baseline that `save` wrote; see `CTM.load`."""
        from cofire.ctm._saving import load_machine

        return load_machine(cls, FeedForwardConfig, folder)
