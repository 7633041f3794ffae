"""Start weights from keys: every parameter is drawn at the address of its own name.

So adding a part to a machine leaves the start weights of all other parts as they were, and no global generator is
touched: modules are built without memory (on torch's meta device), then filled here.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from cofire.random import Key
from cofire.random import torch_ as draws


def materialise(module: nn.Module, key: Key) -> None:
    """Give every meta tensor of the module memory and its start value.

    A module with a method `initialise(key)` fills its own parameters and buffers; linear layers and convolutions are
    uniform in +-1/sqrt(fan in), embeddings standard normal, normalisations the identity.
    """
    fresh: set[int] = set()
    for part in module.modules():
        for name, tensor in _own(part):
            if tensor.is_meta:
                filled = torch.empty_like(tensor, device="cpu")
                if isinstance(tensor, nn.Parameter):
                    part.register_parameter(name, nn.Parameter(filled, requires_grad=tensor.requires_grad))
                else:
                    part.register_buffer(name, filled, persistent=name not in part._non_persistent_buffers_set)
                fresh.add(id(part))
    with torch.no_grad():
        for name, part in module.named_modules():
            if id(part) in fresh:
                _fill(part, key.fold(*name.split(".")) if name else key)
        for name, part in module.named_modules():  # a part may overrule what its children would do
            if hasattr(part, "initialise") and (
                id(part) in fresh or any(id(child) in fresh for child in part.children())
            ):
                part.initialise(key.fold(*name.split(".")) if name else key)  # pyright: ignore[reportCallIssue]


def _own(part: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from list(part.named_parameters(recurse=False))
    yield from list(part.named_buffers(recurse=False))


def _fill(part: nn.Module, key: Key) -> None:
    if isinstance(part, nn.Linear | nn.Conv2d):
        bound = 1 / math.sqrt(part.weight[0].numel())
        for name, tensor in part.named_parameters(recurse=False):
            tensor.copy_(draws.uniform(key.fold(name), tuple(tensor.shape), -bound, bound))
    elif isinstance(part, nn.Embedding):
        part.weight.copy_(draws.normal(key.fold("weight"), tuple(part.weight.shape)))
    elif isinstance(part, nn.LayerNorm | nn.BatchNorm2d):
        part.weight.fill_(1.0)
        part.bias.zero_()
        if isinstance(part, nn.BatchNorm2d):
            part.reset_running_stats()
    elif not hasattr(part, "initialise"):
        raise NotImplementedError(f"{type(part).__name__} has parameters and no start values; give it initialise(key)")
