"""A moving average of the weights along the run: what is evaluated and kept, while training goes on with the newest."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from cofire.train._shards import divided_like, own


class WeightAverage:
    """The exponential average of parameters and running statistics,

        a_n = d_n a_{n-1} + (1 - d_n) w_n,     d_n = min(d, n / (n + 9)),

    with the decay d; the second term lets the start weights be forgotten at once. Averages of the last steps generalise
    better than any one of them. Source: Polyak & Juditsky, SIAM J. Control Optim. 30 (1992).
    """

    def __init__(self, model: nn.Module, decay: float):
        self._decay = decay
        named = model.state_dict(keep_vars=True)
        self._newest = {name: value.detach() for name, value in named.items() if value.is_floating_point()}
        self.values = {name: value.clone() for name, value in self._newest.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after `step` steps, counted from 1."""
        decay = min(self._decay, step / (step + 9))
        for name, value in self.values.items():
            own(value).lerp_(own(self._newest[name]), 1 - decay)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Within this the model has the averaged weights."""
        kept = {name: value.clone() for name, value in self._newest.items()}
        self.settle()
        try:
            yield
        finally:
            _copy(kept, self._newest)

    def settle(self) -> None:
        """Give the model the averaged weights for good."""
        _copy(self.values, self._newest)

    def restore(self, values: Mapping[str, Tensor]) -> None:
        """Put back averages that were kept."""
        _copy(values, self.values)


@torch.no_grad()
def _copy(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
    for name, value in target.items():
        own(value).copy_(own(divided_like(value, source[name])))
