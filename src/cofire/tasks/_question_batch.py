"""Batches of questions: examples that need different numbers of ticks, side by side.

Images come first, then the question, then silence in which the answer is awaited. Examples of one kind (the same
numbers of images and of parts of the question) run together; those of other kinds run apart, each as long as it needs,
and their answers are put side by side. What fills up the tensors of a mixed batch is never shown.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from cofire import checks
from cofire.ctm import Thought
from cofire.tasks._task import Batch

NOTHING = -(2**31)  # stands where a question has ended already; an image that is not there is not a number


class QuestionBatch(Batch):
    """Images (B, S, C, H, W), one per tick, targets (B,) and questions (B, Q), one part per tick.

    `show` returns what a model thinks at the ticks after the question only.
    """

    @classmethod
    def join(cls, parts: list["QuestionBatch"], order: Tensor) -> "QuestionBatch":
        """Put batches of different kinds into one, example `order[i]` of all of them at place i."""
        frames = max(part.inputs.shape[1] for part in parts)
        asked = max(part.asked.shape[1] for part in parts)
        inputs = torch.cat([_filled(part.inputs, frames, torch.nan) for part in parts])[order]
        question = torch.cat([_filled(part.asked, asked, NOTHING) for part in parts])[order]
        return cls(inputs, torch.cat([part.targets for part in parts])[order], question)

    @property
    def asked(self) -> Tensor:
        """The questions (B, Q)."""
        return checks.instance("question", self.question, Tensor)

    def to(self, device: torch.device | str) -> "QuestionBatch":
        """Return the batch on a device."""
        return QuestionBatch(self.inputs.to(device), self.targets.to(device), self.asked.to(device))

    def kinds(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield the examples of each kind: which they are (k,), their images (k, S', ...) and questions (k, Q')."""
        frames = self.inputs.flatten(2)[..., 0].isfinite().sum(1)
        parts = (self.asked != NOTHING).sum(1)
        for kind in torch.stack([frames, parts], 1).unique(dim=0).tolist():
            here = ((frames == kind[0]) & (parts == kind[1])).nonzero().squeeze(1)
            yield here, self.inputs[here, : kind[0]], self.asked[here, : kind[1]]

    def show(self, model: Callable[..., Any], **options: Any) -> Any:
        """Return what a model thinks after the questions: a `Thought` of as many ticks as it thinks in silence.

        Where a model returns something else, such as a recording, that is returned for a batch of one kind; a mixed
        batch raises `InvalidType`.
        """
        parts, places = [], []
        for here, images, question in self.kinds():
            thought = model(images, question=question, **options)
            if isinstance(thought, Thought):
                thought = _after(thought, images.shape[1] + question.shape[1])
            parts.append(thought)
            places.append(here)
        if len(parts) == 1:
            return parts[0]
        for part in parts:
            checks.instance("answer", part, Thought, fix="show questions of one kind at a time, batch.kinds() has them")
        order, longest = torch.cat(places).argsort(), max(part.certainty.shape[1] for part in parts)
        parts = [_lengthened(part, longest) for part in parts]
        joined = {name: torch.cat(values)[order] for name, values in _columns(parts).items()}
        others = {name: torch.cat([part.others[name] for part in parts])[order] for name in parts[0].others}
        return Thought(**joined, others=others)


def _after(thought: Thought, tick: int) -> Thought:
    """Return what is thought from a tick on; where samples stopped by themselves, their ticks count from there too."""
    cut = {name: values[0][..., tick:] for name, values in _columns([thought]).items() if name != "ticks"}
    others = {name: value[..., tick:] for name, value in thought.others.items()}
    return replace(thought, **cut, others=others, ticks=None if thought.ticks is None else thought.ticks - tick)


def _lengthened(thought: Thought, ticks: int) -> Thought:
    """Return a thought that was stopped early, its last tick repeated up to so many."""
    here = torch.arange(ticks, device=thought.certainty.device).clamp(max=thought.certainty.shape[1] - 1)
    longer = {name: values[0][..., here] for name, values in _columns([thought]).items() if name != "ticks"}
    return replace(thought, **longer, others={name: value[..., here] for name, value in thought.others.items()})


def _columns(thoughts: list[Thought]) -> dict[str, list[Tensor]]:
    """Return the tensors of thoughts by name, those that there are; ticks are the last dimension of all but "ticks"."""
    names = [field.name for field in fields(Thought) if isinstance(getattr(thoughts[0], field.name), Tensor)]
    return {name: [getattr(thought, name) for thought in thoughts] for name in names}


def _filled(tensor: Tensor, length: int, value: int | float) -> Tensor:
    filled = tensor.new_full((len(tensor), length, *tensor.shape[2:]), value)
    filled[:, : tensor.shape[1]] = tensor
    return filled
