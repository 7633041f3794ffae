"""The scalars of a run for TensorBoard."""

from importlib import import_module
from pathlib import Path
from typing import Any

from cofire import checks
from cofire.train._events import Evaluated, Event, Finished, Listener, Progress, Started, ignore


class TensorBoard:
    """A listener that writes scalars for TensorBoard into a folder: `train(..., on_event=TensorBoard(folder))`.

    Steps of training are written as "train/loss", "train/gradient_norm" and so on, with "train/learning_rate" and
    "train/steps_per_second"; evaluations as "test/loss", "test/accuracy", .... A resumed run goes on in the same
    folder, and steps behind its checkpoint are shown once. What happens is passed on to `also`.

    Raises `MissingExtra` without the extra "tensorboard".
    """

    def __init__(self, folder: Path | str, also: Listener = ignore):
        self._folder, self._also = Path(folder), also
        self._writer: Any = None
        try:
            self._make = import_module("torch.utils.tensorboard").SummaryWriter
        except ImportError as problem:
            fix = "pip install 'cofire[tensorboard]'"
            text = checks.message("TensorBoard", "the package tensorboard", "no such package", fix)
            raise checks.MissingExtra(text) from problem

    def __call__(self, event: Event) -> None:
        """Write what an event says."""
        if isinstance(event, Started):
            self._writer = self._make(str(self._folder), purge_step=event.step + 1)
        elif isinstance(event, Progress):
            rates = {"learning_rate": event.learning_rate, "steps_per_second": event.rate}
            self._write("train", {**event.metrics, **rates}, event.step)
        elif isinstance(event, Evaluated):
            values = {name.removeprefix("test_"): value for name, value in event.metrics.items()}
            self._write("test", values, event.step)
        elif isinstance(event, Finished) and self._writer:
            self._writer.close()
        self._also(event)

    def _write(self, group: str, values: dict[str, float], step: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(f"{group}/{name}", value, step)
        self._writer.flush()  # all is there when the run is killed
