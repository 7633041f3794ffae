"""From a configuration of any kind to its model."""

from collections.abc import Mapping
from typing import Any

from cofire import checks
from cofire.ctm._config import CTMConfig
from cofire.ctm._feed_forward import FeedForward, FeedForwardConfig
from cofire.ctm._lstm import LSTMBaseline
from cofire.ctm._lstm_config import LSTMConfig
from cofire.ctm._model import CTM
from cofire.random import Key

Model = CTM | LSTMBaseline | FeedForward
ModelConfig = CTMConfig | LSTMConfig | FeedForwardConfig
_KINDS: dict[str, type[ModelConfig]] = {kind.__name__: kind for kind in (CTMConfig, LSTMConfig, FeedForwardConfig)}


def build_model(config: ModelConfig, *, key: Key | None) -> Model:
    """Return the machine, or the baseline, that a configuration describes, its start weights drawn from `key`.

    Raises InvalidType for what is no configuration of a model.

    >>> from cofire.ctm import Answer, Direct
    >>> config = LSTMConfig(width=8, ticks=5, backbone=Direct(features=4), answer=Answer(outputs=2))
    >>> build_model(config, key=Key(0)).config == config
    True
    """
    checks.instance("config", config, tuple(_KINDS.values()))
    if isinstance(config, CTMConfig):
        return CTM(config, key=key)
    return LSTMBaseline(config, key=key) if isinstance(config, LSTMConfig) else FeedForward(config, key=key)


def model_config_from_json(values: Mapping[str, Any]) -> ModelConfig:
    """Return the configuration that any model's `config.to_json()` wrote; raises InvalidValue for another kind."""
    kind = checks.choice("kind of model", str(values.get("kind")), _KINDS)
    return _KINDS[kind].from_json(dict(values))
