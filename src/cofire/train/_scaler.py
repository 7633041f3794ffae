"""The scale of a float16 loss as part of a run's state."""

from collections.abc import Mapping

import torch
from torch import Tensor


def scaler_state(scaler: torch.amp.GradScaler | None) -> dict[str, Tensor]:
    """Return what changes of a scaler, as tensors; nothing of none."""
    if scaler is None:
        return {}
    state = scaler.state_dict()
    return {name: torch.tensor(state[name], dtype=torch.float64) for name in ("scale", "_growth_tracker")}


def restore_scaler(scaler: torch.amp.GradScaler | None, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `scaler_state` returned."""
    if scaler is not None:
        growth = int(tensors["_growth_tracker"])
        scaler.load_state_dict({**scaler.state_dict(), "scale": float(tensors["scale"]), "_growth_tracker": growth})
