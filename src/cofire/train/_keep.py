"""What a run leaves in its folder while it goes on: checkpoints, the newest weights, the best ones."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save as save_tensors

from cofire.files import write_atomically
from cofire.train._checkpoint import save_checkpoint
from cofire.train._config import TrainConfig
from cofire.train._folder import RunFolder
from cofire.train._journal import Journal
from cofire.train._state import TrainState


class Keeper:
    """Writes the state of a run. All ranks call it, since a state may be divided among them; one of them writes."""

    def __init__(
        self,
        run: RunFolder,
        state: TrainState,
        journal: Journal,
        config: TrainConfig,
        machine: Mapping[str, Any],
        *,
        writes: bool,
    ):
        self._run, self._state, self._journal, self._config = run, state, journal, config
        self._machine, self._writes = machine, writes

    def keep(self, step: int) -> None:
        """Write a checkpoint and the newest weights."""
        if self._writes or self._state.sharded:
            checkpoint = self._state.checkpoint(step, self._journal.seconds, self._machine)
            if self._writes:
                self._journal.sync()
                save_checkpoint(self._run.checkpoints, checkpoint, self._config.keep_last)
        self.keep_weights()

    def keep_weights(self) -> None:
        """Write the newest weights."""
        self._write(self._run.weights, {"format": "pt"})

    def keep_best(self) -> None:
        """Write the weights as the best ones, with where they come from."""
        record = self._state.watch.best
        if record:
            facts = {"step": record.step, "metric": record.metric, "value": record.best}
            self._write(self._run.best, {"cofire": json.dumps(facts)})  # one entry, whose place in the file is certain

    def _write(self, path: Path, facts: dict[str, str]) -> None:
        if self._writes or self._state.sharded:
            weights = {name: value.contiguous() for name, value in self._state.weights().items()}
            if self._writes:
                content = save_tensors(weights, metadata=facts)
                write_atomically(path, lambda file: file.write(content))
