"""Questions about digits: how the indices and operators of a Q&A MNIST question are fed to the machine.

A question is a sequence of integers: an index i >= 0 of a digit shown earlier, -1 for plus, -2 for minus. An index is
the i-th row of a sinusoidal table, an operator a learned vector; each is fed for a tick in place of what the
attention sees. Source: Darlow et al., arXiv 2505.05522, section on Q&A MNIST; the table is that of Vaswani et al.,
arXiv 1706.03762.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cofire import checks
from cofire.random import Key


@dataclass(frozen=True, kw_only=True, slots=True)
class DigitQuestions:
    """An embedding of `indices` positions and `operators` operators."""

    indices: int = 50
    operators: int = 2

    def __post_init__(self) -> None:
        checks.integer("indices", self.indices, low=1)
        checks.integer("operators", self.operators, low=1)

    def build(self, width: int) -> "QuestionEmbedding":
        """The module for vectors of the attention's width."""
        return QuestionEmbedding(self, width)


class QuestionEmbedding(nn.Module):
    """(B, Q) integers to (B, Q, width)."""

    table: Tensor

    def __init__(self, config: DigitQuestions, width: int):
        super().__init__()
        self.config = config
        self.operators = nn.Embedding(config.operators, width)
        self.register_buffer("table", torch.empty(config.indices, width))

    def initialise(self, key: Key) -> None:
        """The sinusoidal table: sin(i / 10000^(2k/width)) in even columns, the cosine in odd ones."""
        count, width = self.table.shape
        place = torch.arange(count, dtype=torch.float32)[:, None]
        rate = torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * (-math.log(10000.0) / width))
        self.table[:, 0::2] = torch.sin(place * rate)
        self.table[:, 1::2] = torch.cos(place * rate)[:, : width // 2]

    def forward(self, question: Tensor) -> Tensor:
        """The vectors of a question; raises InvalidValue for what is neither an index nor an operator."""
        low, high = int(question.min()), int(question.max())
        if low < -self.config.operators or high >= self.config.indices:
            wanted = f"integers from {-self.config.operators} to {self.config.indices - 1}"
            raise checks.InvalidValue(
                checks.message("question", wanted, f"{low} to {high}", "-1 is plus, -2 minus, others the digit's place")
            )
        return self.embed(question)

    def embed(self, question: Tensor) -> Tensor:
        """The vectors of a question that is known to be one."""
        indices = self.table[question.clamp(min=0)]
        operators = self.operators((-question - 1).clamp(min=0))
        return torch.where((question >= 0)[..., None], indices, operators)
