"""Attention: what the machine looks at, asked by its action synchronisation.

Keys and values are projected once per call, not per tick; the query's two projections are multiplied into one, and
the output projection is handed to the synapse model to fold into its first map. Per tick there remain, for each head
h of width w,

    p = softmax(K_h q_h / sqrt(w)),     o_h = V_h^T p

Source: Vaswani et al., Attention is all you need, arXiv 1706.03762; Darlow et al., arXiv 2505.05522, section 3.5.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cofire import checks, kernels
from cofire.ctm._deferred import SharedLookup, learns, linear_map
from cofire.ctm._dense import Dense
from cofire.ctm._room import room
from cofire.ctm._torch_threads import Work, readable
from cofire.random import Key
from cofire.random.torch_ import dropout_mask


@dataclass(frozen=True, kw_only=True, slots=True)
class Attention:
    """Multi-head attention of `width` over the tokens of the backbone."""

    width: int
    heads: int
    dropout: float = 0.0

    def __post_init__(self) -> None:
        checks.integer("heads", self.heads, low=1)
        checks.integer("width", self.width, low=1)
        if self.width % self.heads:
            got = f"{self.width} with {self.heads} heads"
            raise checks.InvalidValue(
                checks.message("width", "a multiple of the number of heads", got, "change either")
            )
        checks.number("dropout", self.dropout, low=0, high=0.99)


class AttentionConstants(NamedTuple):
    """The query's two maps in one, scaled: q = W s + b."""

    query: Callable[[Tensor], Tensor]  # (B, P) -> (B, width)
    key: Key | None


class Percept(NamedTuple):
    """What there is to observe in a call: keys and values per head, or plain features where there is no attention."""

    keys: Tensor | None  # (B H, w, N)
    values: Tensor | None  # (B H, N, w)
    features: Tensor | None  # (B, I)
    shared: SharedLookup | None = None  # keys and values, where gradients are wanted


class AttentionReader(nn.Module):
    """The projections of the attention; the tokens have `features` each, the query comes from `queries` pairs."""

    def __init__(self, config: Attention, features: int, queries: int):
        super().__init__()
        width = config.width
        self.config = config
        self.tokens = nn.Linear(features, width)
        self.tokens_norm = nn.LayerNorm(width)
        self.query = nn.Linear(queries, width)
        self.query_in, self.key_in, self.value_in = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)

    def initialise(self, key: Key) -> None:
        """Zero biases and Glorot-uniform weights where the published attention has them; the rest as linear layers."""
        width = self.config.width
        bound = math.sqrt(6 / (width + 3 * width))  # one matrix (3 width, width) in the published layout
        for name, part in (("query_in", self.query_in), ("key_in", self.key_in), ("value_in", self.value_in)):
            drawn = key.fold(name, "weight").uniform((width, width), low=-bound, high=bound)
            part.weight.copy_(torch.from_numpy(drawn))
            part.bias.zero_()
        self.out.bias.zero_()

    def perceive(self, tokens: Tensor) -> Percept:
        """Keys and values of tokens (B, N, F), once per observation."""
        if readable(tokens):
            return self.perceive_parts([tokens], len(tokens))
        x = self.tokens_norm(self.tokens(tokens))
        (batch, count, width), heads = x.shape, self.config.heads
        shape = (batch, count, heads, width // heads)
        keys = self.key_in(x).view(shape).permute(0, 2, 3, 1)
        keys = keys.reshape(batch * heads, width // heads, count).contiguous()
        values = self.value_in(x).view(shape).permute(0, 2, 1, 3)
        values = values.reshape(batch * heads, count, width // heads).contiguous()
        return Percept(keys, values, None, SharedLookup(keys, values) if learns() else None)

    def perceive_parts(self, parts: Iterable[Tensor], batch: int) -> Percept:
        """The same for tokens (b, N, F) that come some samples at a time, B in all, for compiled loops."""
        first, merged = Dense(self.tokens.weight, self.tokens.bias), self._merged()
        ordered: OrderedTokens | None = None
        for tokens in parts:
            x = self.tokens_norm(first(tokens.flatten(0, 1)))
            ordered = ordered or OrderedTokens(batch, tokens.shape[1], self.config, x)
            ordered.append(merged(x))
        if ordered is None:
            raise ValueError("no tokens")
        return Percept(ordered.keys, ordered.values, None)

    def _merged(self) -> Dense:
        """Both projections of a token in one, [key; value]."""
        pair = (self.key_in, self.value_in)
        return Dense(torch.cat([one.weight for one in pair]), torch.cat([one.bias for one in pair]))

    def constants(self, key: Key | None) -> AttentionConstants:
        """The merged query projection of this call."""
        dropping = self.training and self.config.dropout > 0
        return AttentionConstants(linear_map(*self.query_map()), key if dropping else None)

    def query_map(self) -> tuple[Tensor, Tensor]:
        """Weight (width, P) and bias (width,) of the query's two maps in one, with the scale of the scores."""
        scale = 1 / math.sqrt(self.config.width // self.config.heads)
        bias = torch.addmv(self.query_in.bias, self.query_in.weight, self.query.bias)
        return (self.query_in.weight @ self.query.weight) * scale, bias * scale

    def attend(
        self, synchronisation: Tensor, percept: Percept, constants: AttentionConstants, tick: int
    ) -> tuple[Tensor, Tensor]:
        """What is seen, before the output projection, (B, width), and the attention weights, (B, H, N)."""
        keys, values = percept.keys, percept.values
        if keys is None or values is None:
            raise checks.InvalidValue(
                checks.message("percept", "keys and values", "plain features", "model.perceive(x) makes the right one")
            )
        batch, heads = synchronisation.shape[0], self.config.heads
        query = constants.query(synchronisation).view(batch * heads, 1, -1)
        mask = None
        if constants.key is not None:
            mask = dropout_mask(constants.key, (batch * heads, 1, keys.shape[2]), self.config.dropout, step=tick)
        if percept.shared is None:
            weights = torch.softmax(torch.bmm(query, keys), -1)
            seen = torch.bmm(weights if mask is None else weights * mask, values)
        else:
            seen, weights = percept.shared(query, mask)
        return seen.view(batch, -1), weights.view(batch, heads, -1)


class OrderedTokens:
    """Keys (B H, w, N) and values (B H, N, w) of B samples, in memory that is filled up for the compiled look."""

    def __init__(self, batch: int, count: int, config: Attention, like: Tensor):
        self._heads, self._count, self._width = config.heads, count, config.width // config.heads
        rows, self._done = batch * config.heads, 0
        self._keys = room((rows, self._width, kernels.filled(count)), like)
        self._values = room((rows, count, kernels.filled(self._width)), like)
        self.keys, self.values = self._keys[..., :count], self._values[..., : self._width]

    def append(self, projected: Tensor) -> None:
        """Put what tokens of the next samples were projected to, (b N, 2 H w), into its place."""
        batch, place = len(projected) // self._count, self._done * self._heads
        key, row = projected.data_ptr(), 4 * projected.stride(0)
        sizes = [batch, self._heads, self._width, self._count]
        places = [self._keys[place:].data_ptr(), self._values[place:].data_ptr()]
        Work(kernels.tokens.address, [*sizes, key, key + row // 2, *places, row])()
        self._done += batch
