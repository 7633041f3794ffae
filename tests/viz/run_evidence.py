"""Runs that were never trained: answers of a known quality, and the log of a run that went well."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cofire.ctm import Answer, Direct, FeedForward, FeedForwardConfig
from cofire.random import Key
from cofire.train import Predictions, TrainConfig
from cofire.viz._run_evidence import RunEvidence

POSITIONS, CLASSES = 3, 4


class Places:
    """Three positions of four classes each; scored by position and as a whole."""

    name = "places"
    train_size, test_size = 100, 60
    settings: Mapping[str, Any] = {"key": None, "length": POSITIONS}

    def score(self, logits: Tensor, targets: Tensor, tick: Tensor) -> dict[str, Tensor]:
        index = tick[:, None, None].expand(-1, logits.shape[1], 1)
        said = logits.gather(2, index).squeeze(2).unflatten(1, (POSITIONS, CLASSES)).argmax(2)
        right = (said == targets).float()
        return {"accuracy": right.mean(1), "whole": right.all(1).float()}


def log(steps: int, stops: bool) -> dict[str, np.ndarray]:
    step = np.arange(1, steps + 1, dtype=np.float64)
    accuracy = 1 - np.exp(-step / 10)
    held_out = np.where(step % 10 == 0, accuracy, np.nan)
    columns = {
        "step": step,
        "seconds": step / 4,
        "learning_rate": np.full(steps, 1e-3),
        "loss": np.exp(-step / 20),
        "gradient_norm": np.ones(steps),
        "accuracy": accuracy,
        "test_accuracy": held_out,
        "test_extra": held_out,
    }
    return columns | ({"thinking_time": 5 - step / steps} if stops else {})


def evidence(
    *,
    seed: int = 0,
    ticks: int = 6,
    sure: float = 4.0,
    stops: bool = True,
    steps: int = 40,
    answers: bool = True,
    name: str = Places.name,
) -> RunEvidence:
    """A run whose answers get better from tick to tick; `sure` is how far it gets."""
    key = Key(seed).fold("run evidence")
    task = Places()
    targets = (key.fold("targets").uniform((task.test_size, POSITIONS)) * CLASSES).astype(np.int64)
    signal = sure * np.linspace(0.1, 1, ticks)
    logits = key.fold("noise").normal((task.test_size, POSITIONS, CLASSES, ticks)).astype(np.float32)
    rows, places = np.indices(targets.shape)
    logits[rows, places, targets] += signal.astype(np.float32)
    log_p = torch.from_numpy(logits).log_softmax(2)
    certainty = 1 + (log_p.exp() * log_p).sum(2).mean(1) / np.log(CLASSES)
    answer = Answer(outputs=POSITIONS * CLASSES, positions=POSITIONS)
    model = FeedForward(FeedForwardConfig(width=4, backbone=Direct(features=2), answer=answer), key=Key(0))
    config = {
        "cofire": "0",
        "model": {"class": "CTM", "config": {"kind": "CTMConfig", "ticks": ticks, "neurons": 8}},
        "task": {"name": name, "settings": {**task.settings, "key": seed}},
        "train": TrainConfig(steps=steps).to_json(),
        "about": {"preset": "small", "seed": seed, "changed": {"batch_size": 8, "model.ticks": ticks}},
    }
    predictions = Predictions(logits.reshape(task.test_size, POSITIONS * CLASSES, ticks), certainty.numpy(), targets)
    return RunEvidence(
        task=task,
        model=model,
        config=config,
        metrics=log(steps, stops),
        folder=Path("nowhere"),
        predictions=predictions if answers else None,
    )
