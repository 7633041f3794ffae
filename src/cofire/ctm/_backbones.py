"""Backbones: from an observation to tokens, ``(B, *space, F)``, or to plain features, (B, F), where there is no
attention.

A backbone's configuration knows its number of features F before anything is built, so that no layer is lazy and no
forward pass is needed to know a size.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cofire import checks
from cofire.ctm._resnet import ResNet

# What MiniGrid encodes per cell: objects, colours, door states, and the 49 cells of the 7 x 7 view.
GRID_VOCABULARIES = {"objects": 11, "colours": 6, "states": 3, "places": 49}


@dataclass(frozen=True, kw_only=True, slots=True)
class Direct:
    """No backbone: the observation is tokens (B, N, F), or features (B, F), already.

    >>> Direct(features=8).features
    8
    """

    features: int

    def __post_init__(self) -> None:
        checks.integer("features", self.features, low=1)

    def build(self) -> nn.Module:
        """The identity."""
        return nn.Identity()


@dataclass(frozen=True, kw_only=True, slots=True)
class Convolutional:
    """Two steps of 3x3 convolution, batch norm, ReLU and 2x2 max pool: images (B, C, H, W) to (B, H/4, W/4, F)."""

    features: int
    channels: int = 1

    def __post_init__(self) -> None:
        checks.integer("features", self.features, low=1)
        checks.integer("channels", self.channels, low=1)

    def build(self) -> nn.Module:
        """The module."""
        return _Convolutional(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class StridedConvolutions:
    """Convolutions that halve the image themselves, each with batch norm and ReLU: cheaper than pooling.

    `steps` are (features, kernel size, stride); images (B, C, H, W) become (B, H', W', F) with F of the last step and
    H' = H over the product of strides, rounded up.

    >>> StridedConvolutions(steps=((24, 5, 2), (48, 3, 2))).features
    48
    """

    steps: tuple[tuple[int, int, int], ...]
    channels: int = 1

    def __post_init__(self) -> None:
        checks.integer("channels", self.channels, low=1)
        checks.integer("number of steps", len(self.steps), low=1)
        for features, size, stride in self.steps:
            checks.integer("features", features, low=1)
            checks.integer("kernel size", size, low=1)
            checks.integer("stride", stride, low=1)

    @property
    def features(self) -> int:
        """Features per token."""
        return self.steps[-1][0]

    def build(self) -> nn.Module:
        """The module."""
        return _StridedConvolutions(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class ShallowWide:
    """Two wide gated convolutions, the second grouped: images (B, C, H, W) to (B, H/2, W/2, width/2)."""

    channels: int = 3
    width: int = 4096
    groups: int = 32

    @property
    def features(self) -> int:
        """Features per token, after the gate."""
        return self.width // 2

    def build(self) -> nn.Module:
        """The module."""
        return _ShallowWide(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenEmbedding:
    """A learned vector per symbol: sequences (B, N) of -1 and +1 (or of 0 .. vocabulary - 1) to (B, N, F).

    Signed sequences have -1 as symbol 0 and +1 as symbol 1.
    """

    features: int
    vocabulary: int = 2
    signed: bool = True

    def __post_init__(self) -> None:
        checks.integer("features", self.features, low=1)
        checks.integer("vocabulary", self.vocabulary, low=2)
        if self.signed and self.vocabulary != 2:
            raise checks.InvalidValue(
                checks.message("vocabulary", "2 for signed sequences", str(self.vocabulary), "signed=False")
            )

    def build(self) -> nn.Module:
        """The module."""
        return _TokenEmbedding(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassicControl:
    """Two gated layers with layer norm: observations (B, inputs) to features (B, F)."""

    inputs: int
    features: int

    def build(self) -> nn.Module:
        """The module."""
        return _GatedPair(self.inputs, self.features)


@dataclass(frozen=True, kw_only=True, slots=True)
class MiniGrid:
    """Learned vectors of object, colour, state and place for each cell of a view, two gated layers, flattened.

    Observations (B, 7, 7, 3) of integers (object, colour, state) to features (B, 49 * F_cell).
    """

    cell_features: int
    embedding: int = 8

    @property
    def features(self) -> int:
        """All cells' features together."""
        return GRID_VOCABULARIES["places"] * self.cell_features

    def build(self) -> nn.Module:
        """The module."""
        return _MiniGrid(self)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Custom:
    """The user's own module that yields tokens ``(B, *space, F)`` or features (B, F). It cannot be written to JSON."""

    module: nn.Module
    features: int
    storable = False

    def __post_init__(self) -> None:
        checks.instance("module", self.module, nn.Module)
        checks.integer("features", self.features, low=1)

    def build(self) -> nn.Module:
        """The module itself."""
        return self.module


Backbone = (
    Direct
    | Convolutional
    | StridedConvolutions
    | ResNet
    | ShallowWide
    | TokenEmbedding
    | ClassicControl
    | MiniGrid
    | Custom
)


class _Convolutional(nn.Module):
    def __init__(self, config: Convolutional):
        super().__init__()
        self.first = nn.Conv2d(config.channels, config.features, 3, padding=1)
        self.first_norm = nn.BatchNorm2d(config.features)
        self.second = nn.Conv2d(config.features, config.features, 3, padding=1)
        self.second_norm = nn.BatchNorm2d(config.features)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.first_norm(self.first(x))), 2)
        x = F.max_pool2d(F.relu(self.second_norm(self.second(x))), 2)
        return x.permute(0, 2, 3, 1)


class _StridedConvolutions(nn.Module):
    def __init__(self, config: StridedConvolutions):
        super().__init__()
        self.convolutions, self.norms = nn.ModuleList(), nn.ModuleList()
        inputs = config.channels
        for features, size, stride in config.steps:
            self.convolutions.append(nn.Conv2d(inputs, features, size, stride, padding=size // 2, bias=False))
            self.norms.append(nn.BatchNorm2d(features))
            inputs = features

    def forward(self, x: Tensor) -> Tensor:
        for place, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            x = convolution(x)
            if place == 0:
                x = x.contiguous(memory_format=torch.channels_last)  # the layout of tokens, and a quarter faster
            x = F.relu(norm(x))
        return x.permute(0, 2, 3, 1)


class _ShallowWide(nn.Module):
    def __init__(self, config: ShallowWide):
        super().__init__()
        self.first = nn.Conv2d(config.channels, config.width, 3, stride=2, padding=1)
        self.first_norm = nn.BatchNorm2d(config.features)
        self.second = nn.Conv2d(config.features, config.width, 3, padding=1, groups=config.groups)
        self.second_norm = nn.BatchNorm2d(config.features)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first_norm(F.glu(self.first(x), 1))
        return self.second_norm(F.glu(self.second(x), 1)).permute(0, 2, 3, 1)


class _TokenEmbedding(nn.Module):
    def __init__(self, config: TokenEmbedding):
        super().__init__()
        self.signed = config.signed
        self.embedding = nn.Embedding(config.vocabulary, config.features)

    def forward(self, x: Tensor) -> Tensor:
        return self.embedding((x > 0).long() if self.signed else x.long())


class _GatedPair(nn.Module):
    """Linear, GLU, layer norm, twice."""

    def __init__(self, inputs: int, features: int):
        super().__init__()
        self.first, self.second = nn.Linear(inputs, 2 * features), nn.Linear(features, 2 * features)
        self.first_norm, self.second_norm = nn.LayerNorm(features), nn.LayerNorm(features)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first_norm(F.glu(self.first(x), -1))
        return self.second_norm(F.glu(self.second(x), -1))


class _MiniGrid(nn.Module):
    def __init__(self, config: MiniGrid):
        super().__init__()
        for name, size in GRID_VOCABULARIES.items():
            self.add_module(name, nn.Embedding(size, config.embedding))
        self.cells = _GatedPair(len(GRID_VOCABULARIES) * config.embedding, config.cell_features)

    def forward(self, x: Tensor) -> Tensor:
        batch = x.shape[0]
        cells = x.long().reshape(batch, GRID_VOCABULARIES["places"], 3)
        places = torch.arange(GRID_VOCABULARIES["places"], device=x.device).expand(batch, -1)
        codes = {"objects": cells[..., 0], "colours": cells[..., 1], "states": cells[..., 2], "places": places}
        vectors = [self.get_submodule(name)(code) for name, code in codes.items()]
        return self.cells(torch.cat(vectors, -1)).flatten(1)
