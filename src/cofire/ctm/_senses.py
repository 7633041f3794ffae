"""From what a call is given to what its ticks see: one percept per tick, perceived once where it stays the same."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from cofire import checks
from cofire.ctm._attention import AttentionReader, Percept
from cofire.ctm._questions import QuestionEmbedding

AT_ONCE = 64  # samples whose feature maps a processor keeps near it; those of more come from the memory each time


class Senses(NamedTuple):
    """The parts of a machine that observations pass through; `width` is what a tick sees, I numbers."""

    backbone: nn.Module
    position: nn.Module | None
    attention: AttentionReader | None
    question: QuestionEmbedding | None
    width: int

    def percept(self, x: Tensor) -> Percept:
        """Everything about an observation (B, …) that does not change from tick to tick."""
        features = _features(self.backbone, x)
        if self.position is not None:
            features = features + self.position(features)
        if self.attention is not None:
            if features.dim() < 3:
                wanted, got = "several tokens (B, N, F) or a grid of them to look at", f"shape {tuple(features.shape)}"
                fix = "a backbone that gives tokens, or attention=None"
                raise checks.InvalidValue(checks.message("features", wanted, got, fix))
            return self.attention.perceive(features.flatten(1, -2))
        return Percept(None, None, checks.shape("features", features, ("B", self.width)))

    def percepts(
        self, x: Tensor, question: Tensor | None, ticks: int, *, streamed: bool, dtype: torch.dtype
    ) -> list[Percept]:
        """What every tick sees: one observation throughout; or a stream, then the question, then `ticks` of silence."""
        checks.instance("x", x, Tensor, fix="torch.from_numpy(array)")
        checks.integer("samples in x", len(x), low=1, fix="think about one sample or more")
        if not streamed:
            self._check_question(question)
            return [self.percept(x)] * ticks
        after = self.after_stream(question, ticks, x.new_empty((len(x), 0), dtype=dtype))
        return self._of_stream(x) + after

    def after_stream(self, question: Tensor | None, ticks: int, like: Tensor) -> list[Percept]:
        """What is seen when a stream has ended: the question, and `ticks` of silence, as real as `like` (B, …)."""
        self._check_question(question)
        asked = [] if self.question is None or question is None else self.question(question).unbind(1)
        silence = Percept(None, None, like.new_zeros((len(like), self.width)))
        return [Percept(None, None, part) for part in asked] + [silence] * ticks

    def _check_question(self, question: Tensor | None) -> None:
        if (question is not None) != (self.question is not None):
            wanted, got = ("a question", "none") if question is None else ("no question", "one")
            raise checks.InvalidValue(checks.message("question", wanted, got, "model(x, question=z) where it is asked"))

    def _of_stream(self, x: Tensor) -> list[Percept]:
        percepts: list[Percept] = []
        for t, frame in enumerate(x.unbind(1)):
            same = t > 0 and torch.equal(frame, x[:, t - 1])
            percepts.append(percepts[-1] if same else self.percept(frame))
        return percepts


def _features(backbone: nn.Module, x: Tensor) -> Tensor:
    """The features of samples (B, …); of many images some at a time, where each is perceived by itself."""
    apart = not (torch.is_grad_enabled() or backbone.training or torch.compiler.is_compiling())
    if not apart or x.dim() < 4 or len(x) <= AT_ONCE or x.device.type != "cpu":
        return backbone(x)
    return torch.cat([backbone(part) for part in x.split(AT_ONCE)])
