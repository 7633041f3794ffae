"""Gradient clipping: how long the gradient of a step may be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from cofire import checks
from cofire.train._shards import own, whole


@dataclass(frozen=True)
class NormClip:
    """Shorten a gradient that is longer than `max` (Euclidean norm over all parameters) to that length.

    >>> NormClip(1.0).limit(torch.tensor(7.0), torch.empty(0), step=0)
    tensor(1.)
    """

    max: float
    history: ClassVar[int] = 0

    def __post_init__(self):
        checks.number("max", self.max, above=0)

    def limit(self, norm: Tensor, recent: Tensor, step: int) -> Tensor:
        """Return the greatest length allowed in this step, counted from 0."""
        return torch.full_like(norm, self.max)


@dataclass(frozen=True)
class QuantileClip:
    """Shorten a gradient that is longer than most of the recent ones to the `quantile` of their lengths.

    The lengths are those before clipping, of the last `history` steps with this one among them, so that the first
    gradient stays as it is. Source: Seetharaman et al., AutoClip, arXiv 2007.14469.

    >>> recent = torch.zeros(3)
    >>> [QuantileClip(0.5, 3).limit(torch.tensor(norm), recent, step).item() for step, norm in enumerate([1.0, 9.0])]
    [1.0, 5.0]
    """

    quantile: float
    history: int = 1000

    def __post_init__(self):
        checks.number("quantile", self.quantile, above=0, high=1, fix="0.9 clips the longest tenth")
        checks.integer("history", self.history, low=1)

    def limit(self, norm: Tensor, recent: Tensor, step: int) -> Tensor:
        """Note the norm in `recent` (history,), a ring addressed by step, and return the greatest length allowed.

        A norm that is not finite, of a step that mixed precision leaves out, does not count.
        """
        recent[step % self.history] = torch.where(norm.isfinite(), norm, torch.nan)
        return torch.nanquantile(recent[: step + 1], self.quantile)


Clip = NormClip | QuantileClip
_KINDS: dict[str, type[Clip]] = {"norm": NormClip, "quantile": QuantileClip}


def clip_to_json(clip: Clip | None) -> dict[str, Any] | None:
    """Return a clip as JSON values.

    >>> clip_to_json(NormClip(2.0))
    {'kind': 'norm', 'max': 2.0}
    """
    if clip is None:
        return None
    kind = next(name for name, one in _KINDS.items() if isinstance(clip, one))
    return {"kind": kind, **vars(clip)}


def clip_from_json(data: Mapping[str, Any] | None) -> Clip | None:
    """Return the clip that `clip_to_json` wrote."""
    if data is None:
        return None
    values = dict(data)
    kind = _KINDS[checks.choice("clip kind", values.pop("kind", None), _KINDS)]
    try:
        return kind(**values)
    except TypeError as problem:
        raise checks.InvalidValue(checks.message("clip", f"the fields of {kind.__name__}", str(data))) from problem


def shorten(parameters: list[Tensor], clip: Clip | None, recent: Tensor, step: int) -> Tensor:
    """Clip the gradients in place; return their norm before."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = whole(torch.nn.utils.get_total_norm(gradients))
    if clip is not None:
        limit = clip.limit(norm, recent, step)  # stays on the device, where a number would wait for it
        factor = ((norm + 1e-6).reciprocal() * limit).clamp(max=1.0)
        torch._foreach_mul_([own(one) for one in gradients], factor)  # pyright: ignore[reportPrivateImportUsage]
    return norm
