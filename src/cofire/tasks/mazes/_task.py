"""The task: from a picture of a maze to the route through it."""

from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cofire import checks
from cofire.random import Key
from cofire.tasks import losses
from cofire.tasks._task import Batch, Thoughtlike
from cofire.tasks.mazes._generate import MazeSet, check_size, fit
from cofire.tasks.mazes._sources import Drawn, Folder
from cofire.tasks.mazes._symmetry import SYMMETRIES, WAIT, turn

ACTIONS = 5  # up, down, left, right, wait


class Mazes:
    """Find the way through a maze: from its picture to the first `route_length` steps of the shortest route.

    Inputs are float32 (B, 3, size, size), from -1 to 1 (`signed`) or from 0 to 1; targets are int64 (B, route_length),
    see `mazes.generate`, which draws the mazes. The answer has `route_length` positions of 5 classes.

    `lookahead`: the steps that count in the loss beyond those known, see `losses.maze`. `augment`: training mazes are
    turned by a quarter either way, mirrored left and right, and top and bottom, each with probability 1/2 by position,
    and their routes with them. `train_size`: mazes per epoch, and `test_size`: how many are held out.

    Mazes that are held out are never trained on, nor turned or mirrored copies of them: a hash of the maze, salted by
    the key, says which they are, one in sixteen. With a `folder`, published pictures are read from its subfolders
    `train` and `test` instead, see `mazes.read_folder` (which explains `skip_bad`), and training mazes that are held
    out too are left out; sizes are then what the folder holds.

    Raises `InvalidValue` for sizes without mazes, and what `mazes.read_folder` raises.

    >>> task = Mazes(key=Key(0), size=9, route_length=20)
    >>> batch = task.train(np.arange(2))
    >>> tuple(batch.inputs.shape), tuple(batch.targets.shape)
    ((2, 3, 9, 9), (2, 20))
    """

    name = "mazes"

    def __init__(
        self,
        *,
        key: Key,
        size: int = 39,
        route_length: int = 100,
        lookahead: int = 5,
        signed: bool = True,
        augment: bool = True,
        train_size: int = 50_000,
        test_size: int = 1_000,
        folder: str | PathLike[str] | None = None,
        skip_bad: bool = False,
    ):
        self.size = check_size(size)
        self.route_length = checks.integer("route_length", route_length, low=1)
        self.lookahead = checks.integer("lookahead", lookahead, low=1, fix="the first step must count")
        self._signed, self._augment = signed, augment
        self._symmetry = key.fold("symmetry")
        checks.integer("train_size", train_size, low=1)
        checks.integer("test_size", test_size, low=1)
        self._source = (
            Drawn(size, train_size, test_size, key)
            if folder is None
            else Folder(folder, size=size, route_length=route_length, skip_bad=skip_bad, key=key)
        )
        self.train_size, self.test_size = self._source.train_size, self._source.test_size
        self.settings: Mapping[str, Any] = {
            "key": key.to_json(),
            "size": size,
            "route_length": route_length,
            "lookahead": lookahead,
            "signed": signed,
            "augment": augment,
            "train_size": train_size,
            "test_size": test_size,
            "folder": None if folder is None else str(folder),
            "skip_bad": skip_bad,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Mazes":
        """Return the task whose `settings` these are; what is left out takes its default."""
        given = dict(settings)
        return cls(key=Key.from_json(given.pop("key")), **given)

    def train(self, positions: np.ndarray) -> Batch:
        """Return the training mazes at these positions (B,) of the stream, with their routes."""
        mazes = self._source.train(positions)
        if not self._augment:
            return self.batch(mazes)
        places, back = np.unique(positions, return_inverse=True)
        symmetry = self._symmetry.units(places).integers(0, 0, SYMMETRIES)[back]
        return self.batch(MazeSet(*turn(mazes.cells, mazes.routes, symmetry), mazes.lengths))

    def test(self, positions: np.ndarray) -> Batch:
        """Return the held-out mazes at these positions (B,), as they are, with their routes."""
        return self.batch(self.held_out(positions))

    def held_out(self, positions: np.ndarray) -> MazeSet:
        """Return the held-out mazes at these positions (B,)."""
        return self._source.test(positions)

    def batch(self, mazes: MazeSet) -> Batch:
        """Return any mazes as a network is shown them, and their routes as it should answer them."""
        images = torch.from_numpy(mazes.images).permute(0, 3, 1, 2).contiguous()
        inputs = images.mul_(2).sub_(1) if self._signed else images
        return Batch(inputs, torch.from_numpy(fit(mazes.routes, self.route_length)))

    def loss(self, thought: Thoughtlike, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return `losses.maze`, with the scores and the thinking time (ticks) at the most certain tick.

        "upto" is how many steps of the route count, as a mean over the batch.
        """
        logits = thought.logits.unflatten(1, (self.route_length, ACTIONS))
        loss, tick, upto = losses.maze(logits, thought.certainty, targets, lookahead=self.lookahead)
        scores = self.score(thought.logits.detach(), targets, tick)
        means = {name: score.mean() for name, score in scores.items()}
        counted = upto.clamp(max=self.route_length).float().mean()
        return loss, {**means, "upto": counted, "thinking_time": tick.float().mean() + 1}

    def score(self, logits: Tensor, targets: Tensor, tick: Tensor) -> dict[str, Tensor]:
        """Return how good the routes are that the examples give at their tick (B,), each score (B,), from 0 to 1.

        "accuracy": the share of the answer's positions that are right, the waits at the goal among them, as published.
        "whole": 1 where all are right. "steps": the share of the route's own steps that are right.
        """
        right = (self.routes(logits, tick) == targets).float()
        moves = (targets != WAIT).float()
        steps = (right * moves).sum(dim=1) / moves.sum(dim=1)
        return {"accuracy": right.mean(dim=1), "whole": right.amin(dim=1), "steps": steps}

    def routes(self, logits: Tensor, tick: Tensor) -> Tensor:
        """Return the routes (B, R) that logits (B, R * 5, T) hold at one tick per example (B,)."""
        index = tick[:, None, None].expand(-1, logits.shape[1], 1)
        return logits.gather(2, index).squeeze(2).unflatten(1, (self.route_length, ACTIONS)).argmax(dim=2)

    def pictures(self, inputs: Tensor) -> np.ndarray:
        """Return inputs (B, 3, H, W) as pictures (B, H, W, 3) again, from 0 to 1."""
        images = inputs.float().add(1).div(2) if self._signed else inputs.float()
        return images.permute(0, 2, 3, 1).cpu().numpy()
