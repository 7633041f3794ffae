"""The residual network of the published machines: a small stem and the first stages of a ResNet, as a token grid.

The stem is a 1x1 convolution to three channels, a 3x3 convolution of stride 1 and a max pool of stride 2, which keeps
the receptive field small. Source: He et al., Deep residual learning, arXiv 1512.03385; stem and cut from arXiv
2505.05522.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cofire import checks
from cofire.random import Key

# depth: (blocks per stage, expansion of the bottleneck or 1 for basic blocks)
DEPTHS = {
    18: ((2, 2, 2, 2), 1),
    34: ((3, 4, 6, 3), 1),
    50: ((3, 4, 6, 3), 4),
    101: ((3, 4, 23, 3), 4),
    152: ((3, 8, 36, 3), 4),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ResNet:
    """A ResNet of the given depth, cut after `stages` of its four stages; images (B, channels, H, W) of any size.

    >>> ResNet(depth=50, stages=2).features
    512
    """

    depth: int
    stages: int
    channels: int = 3

    def __post_init__(self) -> None:
        checks.choice("depth", self.depth, tuple(DEPTHS))
        checks.integer("stages", self.stages, low=1, high=4)
        checks.integer("channels", self.channels, low=1)

    @property
    def features(self) -> int:
        """Features per token."""
        return 64 * 2 ** (self.stages - 1) * DEPTHS[self.depth][1]

    def blocks(self) -> list[list["Block"]]:
        """The residual blocks of each stage that is kept."""
        counts, expansion = DEPTHS[self.depth]
        stages, inputs = [], 64
        for stage in range(self.stages):
            width = 64 * 2**stage
            stages.append([])
            for place in range(counts[stage]):
                stages[-1].append(Block(inputs, width, 2 if stage > 0 and place == 0 else 1, expansion))
                inputs = width * expansion
        return stages

    def build(self) -> nn.Module:
        """The module (B, channels, H, W) -> (B, H', W', F)."""
        return _ResNet(self)


class Block(NamedTuple):
    """The sizes of a residual block: basic (two 3x3 convolutions) or, with an expansion, a bottleneck (1x1, 3x3,
    1x1).
    """

    inputs: int
    width: int
    stride: int
    expansion: int

    @property
    def outputs(self) -> int:
        """Channels that come out."""
        return self.width * self.expansion

    @property
    def convolutions(self) -> int:
        """Convolutions on the main path."""
        return 2 if self.expansion == 1 else 3

    @property
    def projected(self) -> bool:
        """True where the shortcut needs a convolution because sizes change."""
        return self.stride != 1 or self.inputs != self.outputs


class _Convolution(nn.Conv2d):
    """A convolution without bias that starts as the residual networks do."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1):
        super().__init__(inputs, outputs, size, stride, padding=size // 2, bias=False)

    def initialise(self, key: Key) -> None:
        """Normal with variance 2 / fan-out (He et al., arXiv 1502.01852)."""
        std = math.sqrt(2 / (self.out_channels * self.kernel_size[0] * self.kernel_size[1]))
        self.weight.copy_(torch.from_numpy(key.fold("weight").normal(tuple(self.weight.shape), std=std)))


class _Block(nn.Module):
    """A residual block with its shortcut."""

    def __init__(self, block: Block):
        super().__init__()
        inputs, width, stride, outputs = block.inputs, block.width, block.stride, block.outputs
        if block.expansion == 1:
            sizes = [(inputs, width, 3, stride), (width, width, 3, 1)]
        else:
            sizes = [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
        self.convolutions = nn.ModuleList(_Convolution(*size) for size in sizes)
        self.norms = nn.ModuleList(nn.BatchNorm2d(size[1]) for size in sizes)
        self.shortcut = _Convolution(inputs, outputs, 1, stride) if block.projected else None
        self.shortcut_norm = nn.BatchNorm2d(outputs) if block.projected else None

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for place, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            y = norm(convolution(y))
            if place < len(self.norms) - 1:
                y = F.relu(y)
        if self.shortcut is not None and self.shortcut_norm is not None:
            x = self.shortcut_norm(self.shortcut(x))
        return F.relu(x + y)


class _ResNet(nn.Module):
    def __init__(self, config: ResNet):
        super().__init__()
        self.colours = nn.Conv2d(config.channels, 3, 1)
        self.stem = _Convolution(3, 64, 3)
        self.stem_norm = nn.BatchNorm2d(64)
        self.stages = nn.ModuleList(nn.Sequential(*(_Block(block) for block in blocks)) for blocks in config.blocks())

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem_norm(self.stem(self.colours(x))))
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        for stage in self.stages:
            x = stage(x)
        return x.permute(0, 2, 3, 1)
