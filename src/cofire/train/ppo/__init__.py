"""Learning to act: proximal policy optimisation for machines whose thought is carried across steps.

Everything is loaded on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cofire.train.ppo._agent import Agent as Agent
    from cofire.train.ppo._config import PPOConfig as PPOConfig
    from cofire.train.ppo._control import ControlRun as ControlRun
    from cofire.train.ppo._control import load_control as load_control
    from cofire.train.ppo._control import make_agent as make_agent
    from cofire.train.ppo._control import train_control as train_control
    from cofire.train.ppo._estimates import advantages as advantages
    from cofire.train.ppo._estimates import ppo_loss as ppo_loss
    from cofire.train.ppo._evaluate import Played as Played
    from cofire.train.ppo._evaluate import Watched as Watched
    from cofire.train.ppo._evaluate import evaluate as evaluate
    from cofire.train.ppo._evaluate import watch as watch
    from cofire.train.ppo._loop import train_ppo as train_ppo

_NAMES = {
    "Agent": "_agent",
    "ControlRun": "_control",
    "PPOConfig": "_config",
    "Played": "_evaluate",
    "Watched": "_evaluate",
    "advantages": "_estimates",
    "evaluate": "_evaluate",
    "load_control": "_control",
    "make_agent": "_control",
    "ppo_loss": "_estimates",
    "train_control": "_control",
    "train_ppo": "_loop",
    "watch": "_evaluate",
}
__all__ = sorted(_NAMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(f"cofire.train.ppo.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'cofire.train.ppo' has no attribute {name!r}; it has {', '.join(__all__)}")
