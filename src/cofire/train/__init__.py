"""The one training loop: any task, one core or many nodes, resumable to the bit.

Everything is loaded on first use: what looks at a run folder only does not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cofire.train._board import TensorBoard as TensorBoard
    from cofire.train._clip import Clip as Clip
    from cofire.train._clip import NormClip as NormClip
    from cofire.train._clip import QuantileClip as QuantileClip
    from cofire.train._config import TrainConfig as TrainConfig
    from cofire.train._evaluate import Predictions as Predictions
    from cofire.train._evaluate import predict as predict
    from cofire.train._events import Evaluated as Evaluated
    from cofire.train._events import Finished as Finished
    from cofire.train._events import Progress as Progress
    from cofire.train._events import Started as Started
    from cofire.train._folder import RunFolder as RunFolder
    from cofire.train._folder import load_weights as load_weights
    from cofire.train._hardware import Hardware as Hardware
    from cofire.train._interrupt import Interrupted as Interrupted
    from cofire.train._journal import Diverged as Diverged
    from cofire.train._loop import train as train
    from cofire.train._memory import OutOfMemory as OutOfMemory
    from cofire.train._metrics import read_metrics as read_metrics
    from cofire.train._pressures import EarlyStop as EarlyStop
    from cofire.train._pressures import PonderCost as PonderCost
    from cofire.train._pressures import RandomDepth as RandomDepth
    from cofire.train._pressures import TickDropout as TickDropout
    from cofire.train._pressures import expected_ticks as expected_ticks
    from cofire.train._ranks import RankLost as RankLost
    from cofire.train._run import Run as Run
    from cofire.train._run import load_run as load_run
    from cofire.train._schedule import warmup_cosine as warmup_cosine
    from cofire.train.ppo._config import PPOConfig as PPOConfig
    from cofire.train.ppo._loop import train_ppo as train_ppo

_NAMES = {
    "Clip": "_clip",
    "Diverged": "_journal",
    "EarlyStop": "_pressures",
    "Evaluated": "_events",
    "Finished": "_events",
    "Hardware": "_hardware",
    "Interrupted": "_interrupt",
    "NormClip": "_clip",
    "OutOfMemory": "_memory",
    "PonderCost": "_pressures",
    "PPOConfig": "ppo._config",
    "Predictions": "_evaluate",
    "Progress": "_events",
    "QuantileClip": "_clip",
    "RandomDepth": "_pressures",
    "RankLost": "_ranks",
    "Run": "_run",
    "RunFolder": "_folder",
    "Started": "_events",
    "TensorBoard": "_board",
    "TickDropout": "_pressures",
    "TrainConfig": "_config",
    "expected_ticks": "_pressures",
    "load_run": "_run",
    "load_weights": "_folder",
    "predict": "_evaluate",
    "read_metrics": "_metrics",
    "train": "_loop",
    "train_ppo": "ppo._loop",
    "warmup_cosine": "_schedule",
}
__all__ = sorted(_NAMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(f"cofire.train.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'cofire.train' has no attribute {name!r}; it has {', '.join(__all__)}")
