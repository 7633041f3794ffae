"""From what a call is given to what its ticks see: one percept per tick, perceived once where it stays the same."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from cofire import checks
from cofire.ctm._attention import AttentionReader, Percept
from cofire.ctm._questions import QuestionEmbedding


class Senses(NamedTuple):
    """The parts of a machine that observations pass through; `width` is what a tick sees, I numbers."""

    backbone: nn.Module
    position: nn.Module | None
    attention: AttentionReader | None
    question: QuestionEmbedding | None
    width: int

    def percept(self, x: Tensor) -> Percept:
        """Everything about an observation (B, …) that does not change from tick to tick."""
        features = self.backbone(x)
        if self.position is not None:
            features = features + self.position(features)
        if self.attention is not None:
            return self.attention.perceive(features.flatten(1, -2))
        return Percept(None, None, checks.shape("features", features, ("B", self.width)))

    def percepts(
        self, x: Tensor, question: Tensor | None, ticks: int, *, streamed: bool, dtype: torch.dtype
    ) -> list[Percept]:
        """What every tick sees: one observation throughout; or a stream, then the question, then `ticks` of silence."""
        checks.instance("x", x, Tensor, fix="torch.from_numpy(array)")
        checks.integer("samples in x", len(x), low=1, fix="think about one sample or more")
        if (question is not None) != (self.question is not None):
            wanted, got = ("a question", "none") if question is None else ("no question", "one")
            raise checks.InvalidValue(checks.message("question", wanted, got, "model(x, question=z) where it is asked"))
        if not streamed:
            return [self.percept(x)] * ticks
        percepts = self._of_stream(x)
        if self.question is not None and question is not None:
            percepts += [Percept(None, None, part) for part in self.question(question).unbind(1)]
        silence = Percept(None, None, x.new_zeros((len(x), self.width), dtype=dtype))
        return percepts + [silence] * ticks

    def _of_stream(self, x: Tensor) -> list[Percept]:
        percepts: list[Percept] = []
        for t, frame in enumerate(x.unbind(1)):
            same = t > 0 and torch.equal(frame, x[:, t - 1])
            percepts.append(percepts[-1] if same else self.percept(frame))
        return percepts
