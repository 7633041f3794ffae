"""AdamW over the parameters of a module, and its state as named tensors."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from cofire import checks
from cofire.train._config import TrainConfig
from cofire.train._shards import divided_like

_FUSED = ("cpu", "cuda", "mps")


def trainable(module: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters that learn, by name."""
    found = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
    if not found:
        fix = "let some require gradients"
        raise checks.InvalidValue(checks.message("model", "a module with trainable parameters", "none", fix))
    return found


def decays(name: str, parameter: Tensor, exclusions: tuple[str, ...]) -> bool:
    """Return whether weight decay acts on a parameter: on matrices and beyond whose name holds no exclusion.

    >>> decays("head.weight", torch.empty(2, 2), ("bias",)), decays("norm.weight", torch.empty(2), ("bias",))
    (True, False)
    """
    return parameter.ndim > 1 and not any(part in name for part in exclusions)


def make_optimiser(module: nn.Module, config: TrainConfig, device: torch.device) -> torch.optim.AdamW:
    """Return AdamW, in the fused form where the device has it; the loop sets the learning rate of every step."""
    groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for name, parameter in trainable(module).items():
        groups[decays(name, parameter, config.weight_decay_exclusions)].append(parameter)
    return torch.optim.AdamW(
        [
            {"params": parameters, "weight_decay": config.weight_decay if decayed else 0.0}
            for decayed, parameters in groups.items()
            if parameters
        ],
        lr=config.learning_rate,
        betas=config.betas,
        eps=config.epsilon,
        fused=device.type in _FUSED,
    )


def optimiser_state(optimiser: torch.optim.Optimizer, module: nn.Module) -> dict[str, Tensor]:
    """Return the state as tensors named `parameter/quantity`; a parameter that never had a gradient has none."""
    return {
        f"{name}/{quantity}": value
        for name, parameter in trainable(module).items()
        for quantity, value in optimiser.state.get(parameter, {}).items()
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put a state that `optimiser_state` returned back in place."""
    names = {id(parameter): name for name, parameter in trainable(module).items()}
    document = optimiser.state_dict()
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    for index, parameter in enumerate(parameters):
        prefix = names[id(parameter)] + "/"
        kept = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
        state = {name: divided_like(parameter, value) for name, value in kept.items()}
        if state:
            document["state"][index] = state
    optimiser.load_state_dict(document)
