"""From what a call is given to what its ticks see: one percept per tick, perceived once where it stays the same."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cofire import checks
from cofire.ctm._attention import AttentionReader, Percept
from cofire.ctm._questions import QuestionEmbedding
from cofire.ctm._torch_threads import readable

AT_ONCE = 32  # images at a time: a processor keeps their feature maps near it, and the process their memory


class Senses(NamedTuple):
    """The parts of a machine that observations pass through; `width` is what a tick sees, I numbers."""

    backbone: nn.Module
    position: nn.Module | None
    attention: AttentionReader | None
    question: QuestionEmbedding | None
    width: int

    def percept(self, x: Tensor) -> Percept:
        """Everything about an observation (B, …) that does not change from tick to tick."""
        parts = self._features(x)
        if self.attention is None:
            features = _together(parts)
            return Percept(None, None, checks.shape("features", features, ("B", self.width)))
        tokens = (_tokens(part) for part in parts)
        if readable(x):
            return self.attention.perceive_parts(tokens, len(x))
        return self.attention.perceive(_together(tokens))

    def _features(self, x: Tensor) -> Iterator[Tensor]:
        """The features of samples (B, …), positions added; of many images some at a time, where each is by itself."""
        apart = not (torch.is_grad_enabled() or self.backbone.training or torch.compiler.is_compiling())
        several = apart and x.dim() > 3 and x.device.type == "cpu"
        encoding: Tensor | None = None
        for part in x.split(AT_ONCE) if several else (x,):
            features = self.backbone(part)
            if self.position is not None and encoding is None:
                encoding = self.position(features)
            yield features if encoding is None else features + encoding

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


def _tokens(features: Tensor) -> Tensor:
    """Tokens (B, N, F) from what a backbone says of each place."""
    if features.dim() < 3:
        wanted, got = "several tokens (B, N, F) or a grid of them to look at", f"shape {tuple(features.shape)}"
        fix = "a backbone that gives tokens, or attention=None"
        raise checks.InvalidValue(checks.message("features", wanted, got, fix))
    return features.flatten(1, -2)


def _together(parts: Iterator[Tensor]) -> Tensor:
    first, *others = parts
    return torch.cat([first, *others]) if others else first
