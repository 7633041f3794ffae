"""A full run cut short: what a thought would have been, had it stopped after so many ticks, or as a policy says."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from cofire import checks
from cofire.ctm._thought import Thought
from cofire.ctm.halting._policy import Seen, as_policy


def cut(thought: Thought, ticks: Tensor) -> Thought:
    """The thought as it is after `ticks` (B,) of its ticks, the last of them repeated to the same length.

    So every way to pick an answer looks only at ticks that were thought: the most certain one is the first of equals,
    the last one is repeated, and means leave the repetitions out.

    Raises InvalidValue for ticks that the thought does not have.

    >>> thought = Thought(torch.tensor([[[0.0, 1.0, 9.0]]]), torch.tensor([[0.1, 0.2, 0.9]]))
    >>> cut(thought, torch.tensor([2])).logits.tolist(), cut(thought, torch.tensor([2])).answer().tolist()
    ([[[0.0, 1.0, 1.0]]], [[1.0]])
    """
    batch, length = thought.certainty.shape
    checks.shape("ticks", ticks, (batch,))
    checks.integer("fewest ticks", int(ticks.min()), low=1)
    checks.integer("most ticks", int(ticks.max()), low=1, high=length, fix=f"the thought has {length} ticks")
    here = torch.arange(length, device=ticks.device).minimum(ticks[:, None] - 1)  # (B, T)

    def repeated(values: Tensor) -> Tensor:
        index = here if values.dim() == 2 else here[:, None].expand(values.shape)
        return values.gather(-1, index)

    return replace(
        thought,
        logits=repeated(thought.logits),
        certainty=repeated(thought.certainty),
        energy=None if thought.energy is None else repeated(thought.energy),
        sync_out=None if thought.sync_out is None else repeated(thought.sync_out),
        others={name: repeated(output) for name, output in thought.others.items()},
        ticks=ticks,
    )


def replay(halt: Any, thought: Thought, *, positions: int = 1, listening: int = 0) -> Thought:
    """A full run cut where a policy would have stopped it: what `model.think(x, halt=…)` gives, without thinking.

    Arguments: the policy; the full run; `positions` of the answer; `listening`: the ticks of a stream and its question,
    in which no policy is asked.
    """
    policy = as_policy(halt)
    batch, length = thought.certainty.shape
    checks.integer("listening", listening, low=0, high=length - 1)
    policy.start(batch)
    going, kept = torch.arange(batch, device=thought.certainty.device), None
    ticks = torch.full_like(going, length)
    for t in range(listening, length):
        energy = None if thought.energy is None else thought.energy[going, t]
        logits, certainty = thought.logits[going, :, t], thought.certainty[going, t]
        seen = Seen(logits, certainty, energy, t + 1 - listening, length - 1 - t, positions)
        stops, kept = policy.step(seen, kept)
        ticks[going[stops]] = t + 1
        going, kept = going[~stops], tuple(part[~stops] for part in kept)
        if not len(going):
            break
    return cut(thought, ticks)


def rightness(logits: Tensor, targets: Tensor, positions: int = 1) -> Tensor:
    """The share of each tick's answer that is right: logits (N, out, T), targets (N,) or (N, positions) -> (N, T).

    >>> logits = torch.tensor([[[9.0, 0.0], [0.0, 9.0], [9.0, 9.0], [0.0, 0.0]]])  # two positions of two classes
    >>> rightness(logits, torch.tensor([[0, 0]]), positions=2).tolist()
    [[1.0, 0.5]]
    """
    checks.shape("logits", logits, ("N", "out", "T"))
    answers = logits.unflatten(1, (positions, -1)).argmax(2)  # (N, positions, T)
    if targets.dim() == 1:
        targets = targets[:, None]
    checks.shape("targets", targets, (len(logits), positions), fix="one class per position")
    return (answers == targets[..., None].to(answers.device)).to(torch.float32).mean(1)


def answered_right(thought: Thought, right: Tensor) -> Tensor:
    """How right `thought.answer()` is when cut after each tick, (N, T), from how right each tick's answer is."""
    sure, now = thought.certainty[:, 0], right[:, 0]
    cut_after = [now]
    for t in range(1, right.shape[1]):
        rises = thought.certainty[:, t] > sure
        sure = torch.where(rises, thought.certainty[:, t], sure)
        now = torch.where(rises, right[:, t], now)
        cut_after.append(now)
    return torch.stack(cut_after, 1)


def check_judged(thought: Thought, right: Tensor) -> Tensor:
    """How right each tick's answer is, (N, T) in [0, 1], as real numbers; raises InvalidValue for anything else, and
    for logits that are not finite.
    """
    checks.instance("right", right, Tensor, fix="halting.rightness(thought.logits, targets)")
    checks.shape("right", right, tuple(thought.certainty.shape), fix="halting.rightness(thought.logits, targets)")
    if not right.numel():
        raise checks.InvalidValue(checks.message("right", "one example or more", "none", "held-out examples"))
    right = right.to(torch.float64)
    if not bool(((right >= 0) & (right <= 1)).all()):
        wanted, got = "shares from 0 to 1", f"{right.min().item()} to {right.max().item()}"
        raise checks.InvalidValue(checks.message("right", wanted, got, "halting.rightness(thought.logits, targets)"))
    fix = "a model whose training did not diverge"
    checks.finite("logits", thought.logits.detach().double().cpu().numpy(), fix=fix)
    return right
