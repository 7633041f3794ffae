"""A run that begins with the weights of another one, and with nothing else of it."""

from hashlib import sha256
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from cofire import checks

_NAMES = ("weights.safetensors", "model.safetensors")  # of a run, of a saved machine
_FIX = "give the folder of a run, its weights.safetensors, or the folder of a saved machine"


class WarmStart:
    """The weights in a file: that of a run folder, of a saved machine, or a safetensors file by its own name.

    Raises `FileProblem` where there are none.
    """

    def __init__(self, path: Path | str):
        path = Path(path)
        self.path = next((path / name for name in _NAMES if (path / name).exists()), path)
        try:
            content = self.path.read_bytes()
            self._tensors: dict[str, Tensor] = load_tensors(content)
        except (OSError, SafetensorError) as problem:
            text = checks.message(f"warm_start {path}", "weights in a safetensors file", str(problem), _FIX)
            raise checks.FileProblem(text) from problem
        self.digest = sha256(content).hexdigest()

    def fill(self, model: nn.Module) -> None:
        """Give a model these weights; raises `InvalidValue` that names every entry which does not fit."""
        wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
        found = {name: tuple(tensor.shape) for name, tensor in self._tensors.items()}
        misfits = [f"{name} is missing" for name in wanted if name not in found]
        misfits += [f"{name} is unknown" for name in sorted(found) if name not in wanted]
        misfits += [
            f"{name} has shape {found[name]} instead of {wanted[name]}"
            for name in wanted
            if name in found and found[name] != wanted[name]
        ]
        if misfits:
            shown = "; ".join(misfits[:20]) + (f"; and {len(misfits) - 20} more" if len(misfits) > 20 else "")
            fix = "start from a model of the same configuration"
            raise checks.InvalidValue(checks.message(f"warm_start {self.path}", "the model's entries", shown, fix))
        model.load_state_dict(self._tensors)
