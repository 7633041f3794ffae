"""Tensors that are divided over devices: the part that lies here, the whole of it, and back.

Everything is also defined for tensors that are not divided, which are what they are.
"""

from typing import Any

from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor


def own(tensor: Tensor) -> Tensor:
    """Return the part of a tensor that lies on this device; it shares its memory."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """Return all of a tensor; all devices have to ask for it together."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def divided_like(model: Tensor, tensor: Tensor) -> Tensor:
    """Return a tensor, which every device holds whole, divided as `model` is, where it has its shape."""
    if not isinstance(model, DTensor) or model.shape != tensor.shape:
        return tensor
    place = tensor.to(model.device)
    return distribute_tensor(place, model.device_mesh, model.placements, src_data_rank=None)


def shard(module: nn.Module, mesh: Any) -> nn.Module:
    """Divide the parameters of a module over the devices of a mesh, in place, as one group.

    One group, because a machine reads parameters of its parts outside their calls (weights that all ticks share), and
    takes their gradients after the last tick: parameters are gathered before the first tick and let go of when all
    gradients are there. What is divided all the time is what training adds: gradients, moments, averages.
    """
    from torch.distributed.fsdp import fully_shard

    fully_shard(module, mesh=mesh["data_parallel"])
    return module
