"""A small model and a small task, with everything that a checkpoint has to hold, and a run that kills itself."""

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from cofire.random import Key
from cofire.tasks import Batch, Task, losses
from cofire.train import NormClip, TrainConfig, train

TICKS = 3


class Answer(NamedTuple):
    logits: Tensor
    certainty: Tensor


class Model(nn.Module):
    """Batch normalisation has buffers, the last layer more than one dimension, and dropout draws from the key."""

    def __init__(self, key: Key, dropout: float = 0.2):
        super().__init__()
        self.dropout = dropout
        self.first, self.norm, self.last = nn.Linear(8, 16, bias=False), nn.BatchNorm1d(16), nn.Linear(16, 5 * TICKS)
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                parameter.copy_(torch.from_numpy(key.fold(name).normal(tuple(parameter.shape), std=0.3)))

    def forward(self, x: Tensor, *, key: Key | None = None) -> Answer:
        hidden = torch.relu(self.norm(self.first(x)))
        if self.training and key is not None:
            kept = torch.from_numpy(key.uniform(tuple(hidden.shape))).to(hidden.device) >= self.dropout
            hidden = hidden * kept / (1 - self.dropout)
        logits = self.last(hidden).unflatten(1, (5, TICKS))
        return Answer(logits, logits.softmax(1).amax(1))


class Stripes:
    """Five classes of noisy vectors; `when` is called with every step's first position, before its examples."""

    name = "stripes"
    train_size, test_size = 100, 23

    def __init__(self, seed: int = 0, when: Callable[[int], None] = lambda position: None):
        self.key, self.when = Key(seed), when
        self.settings: Mapping[str, Any] = {"seed": seed}

    def train(self, positions: np.ndarray) -> Batch:
        self.when(int(positions[0]))
        return self._make(positions, "train")

    def test(self, positions: np.ndarray) -> Batch:
        return self._make(positions, "test")

    def _make(self, positions: np.ndarray, part: str) -> Batch:
        noise = np.stack([self.key.fold(part).normal((8,), step=int(position), std=0.5) for position in positions])
        targets = positions % 5
        noise[np.arange(len(targets)), targets] += 1.0
        return Batch(torch.from_numpy(noise), torch.from_numpy(targets))

    def loss(self, thought: Any, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        loss, tick = losses.image(thought.logits, thought.certainty, targets)
        return loss, {"accuracy": self.score(thought.logits.detach(), targets, tick)["accuracy"].mean()}

    def score(self, logits: Tensor, targets: Tensor, tick: Tensor) -> dict[str, Tensor]:
        return {"accuracy": losses.right(logits, targets, tick)}


CONFIG = TrainConfig(
    steps=12,
    batch_size=10,
    learning_rate=0.02,
    warmup_steps=3,
    weight_decay=0.1,
    clip=NormClip(1.0),
    log_every=3,
    evaluate_every=4,
    save_every=5,
)


def run(folder: Path, config: TrainConfig = CONFIG, task: Task | None = None, **options: Any) -> Model:
    """Train the stand-in and return it."""
    torch.set_num_threads(1)
    model = Model(Key(3))
    train(model, task or Stripes(), config, folder, key=Key(4), **options)
    return model


def kill_at_step(folder: Path, step: int) -> None:
    """Begin a run that is killed while it makes the update after `step` completed steps."""

    def die(position: int) -> None:
        if position == step * CONFIG.batch_size:
            os.kill(os.getpid(), signal.SIGKILL)

    run(folder, task=Stripes(when=die))


def kill_in_checkpoint(folder: Path, step: int) -> None:
    """Begin a run that is killed when the checkpoint of `step` is written but not yet in its place."""
    rename = Path.rename

    def die(self: Path, target: Path) -> Path:
        if target.name == f"step-{step:08d}":
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(self, target)

    Path.rename = die  # pyright: ignore[reportAttributeAccessIssue]
    run(folder)
