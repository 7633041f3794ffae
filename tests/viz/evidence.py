"""Evidence as a trained model would leave it, drawn from a key: no model is run."""

from typing import Any

import numpy as np

from cofire.ctm import measures
from cofire.random import Key
from cofire.recording import Recording, Trace
from cofire.viz import RunFacts, ThinkingEvidence

CLASSES = 10
SEGMENTS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgecd", "abc", "abcdefg", "abcdfg")
STROKES = {  # of a seven-segment digit in a 28 x 28 image: rows, columns
    "a": (slice(4, 6), slice(9, 19)),
    "b": (slice(4, 14), slice(17, 19)),
    "c": (slice(14, 24), slice(17, 19)),
    "d": (slice(22, 24), slice(9, 19)),
    "e": (slice(14, 24), slice(9, 11)),
    "f": (slice(4, 14), slice(9, 11)),
    "g": (slice(13, 15), slice(9, 19)),
}


def synthetic_evidence(
    *, examples: int = 60, ticks: int = 8, neurons: int = 30, heads: int = 4, seed: int = 0, **changes: Any
) -> ThinkingEvidence:
    """A model that settles each digit at a tick of its own and errs on a few; `changes` replace fields."""
    key = Key(seed).fold("synthetic evidence")
    labels = np.arange(examples) % CLASSES
    difficulty = key.fold("difficulty").uniform((examples,)).astype(np.float64) ** 3
    logits = _logits(key.fold("logits"), labels, difficulty, ticks)
    certainty = certainty_of(logits)
    recorded = np.argsort(difficulty)[np.linspace(0, examples - 1, min(8, examples)).astype(int)]
    fields: dict[str, Any] = {
        "images": draw_digits(key.fold("images"), labels),
        "labels": labels,
        "logits": logits,
        "certainty": certainty,
        "control_logits": _logits(key.fold("control"), labels, difficulty * 1.15, 1) * 0.5,
        "examples": recorded,
        "recording": _recording(key.fold("recording"), ticks, len(recorded), neurons, heads),
        "token_grid": (7, 7),
        "decays": {
            name: np.maximum(key.fold("decays", name).normal((size,), mean=0.15, std=0.4), 0)
            for name, size in (("output", 64), ("action", 32))
        },
        "metrics": _log(key.fold("log"), 0.02),
        "control_metrics": _log(key.fold("control log"), 0.08),
        "config": {"model": {"ticks": ticks, "neurons": neurons, "heads": heads}, "training": {"rate": 1e-3}},
        "facts": RunFacts(
            command="cofire demo --out runs/demo --seed 0",
            seed=seed,
            steps=1400,
            batch_size=64,
            train_examples=4000,
            training_seconds=161.4,
            control_seconds=38.2,
            parameters=212_394,
            control_parameters=212_394,
            machine={"processor": "a made-up one, 2 cores", "python": "3.11.7", "torch": "2.13.0"},
        ),
    }
    return ThinkingEvidence(**(fields | changes))


def certainty_of(logits: np.ndarray) -> np.ndarray:
    """1 - H(softmax(y)) / log C, (N, C, T) -> (N, T)."""
    shares = measures.probabilities(logits)
    entropy = -(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=1)
    return 1 - entropy / np.log(logits.shape[1])


def draw_digits(key: Key, labels: np.ndarray) -> np.ndarray:
    """Seven-segment digits, each moved and inked a little differently: (N, 28, 28) in [0, 1]."""
    shifts = key.fold("shift").integers(-3, 4, (len(labels), 2))
    images = np.zeros((len(labels), 28, 28), np.float32)
    for image, label, shift in zip(images, labels, shifts, strict=True):
        for segment in SEGMENTS[label]:
            image[STROKES[segment]] = 1.0
        image[:] = np.roll(image, shift, axis=(0, 1))
    return np.clip(images * 0.85 + key.fold("paper").uniform(images.shape, high=0.15), 0, 1)


def _logits(key: Key, labels: np.ndarray, difficulty: np.ndarray, ticks: int) -> np.ndarray:
    """The right class rises around the tick at which the example settles, and not at all for the hardest."""
    settle = 1 + difficulty[:, None] * ticks * 0.9
    rise = 1 / (1 + np.exp(-(np.arange(1, ticks + 1) - settle) / 0.7))  # (N, T)
    tired = 1 - 0.015 * np.abs(np.arange(1, ticks + 1) - settle - 1.5)
    margin = 16 * rise * tired * (1.1 - difficulty[:, None])
    noise = key.normal((len(labels), CLASSES, ticks), std=0.5)
    drift = key.fold("lasting").normal((len(labels), CLASSES, 1), std=1.1)
    return noise + drift + margin[:, None, :] * (np.arange(CLASSES) == labels[:, None])[:, :, None]


def _recording(key: Key, ticks: int, batch: int, neurons: int, heads: int) -> Recording:
    time = np.arange(ticks)[:, None, None]
    speed, phase = (
        key.fold("speed").uniform((neurons,), high=0.9),
        key.fold("phase").uniform((batch, neurons), high=2.5),
    )
    activation = np.sin(speed * time + phase) * key.fold("size").uniform((neurons,)) * np.exp(-0.05 * time)
    row, column = np.divmod(np.arange(49), 7)
    angle = 0.5 * time + 2 * np.pi * np.arange(heads) / heads + np.arange(batch)[:, None]  # (T, B, H)
    distance = (row - 3 - 2 * np.sin(angle)[..., None]) ** 2 + (column - 3 - 2 * np.cos(angle)[..., None]) ** 2
    attention = np.exp(-distance / 2)
    left, right = key.fold("pairs").integers(0, neurons, (2, 24))
    together = np.cumsum(activation[:, :, left] * activation[:, :, right], axis=0) / np.sqrt(1 + time)
    return Recording(
        {
            "sync_out": Trace(together, ("tick", "batch", "pair")),
            "post_activation": Trace(activation, ("tick", "batch", "neuron")),
            "attention": Trace(attention / attention.sum(axis=-1, keepdims=True), ("tick", "batch", "head", "token")),
        }
    )


def _log(key: Key, floor: float) -> dict[str, np.ndarray]:
    steps = np.arange(1.0, 1401.0)
    loss = (2.3 * np.exp(-steps / 160) + floor) * np.exp(key.normal((len(steps),), std=0.3))
    accuracy = 1 - 0.9 * np.exp(-steps / 160) - floor / 2 * key.fold("accuracy").uniform((len(steps),))
    measured = steps % 200 == 0
    return {
        "step": steps,
        "loss": loss,
        "accuracy": accuracy,
        "thinking_time": 3 + 4 * accuracy,
        "test_accuracy": np.where(measured, accuracy - 0.01, np.nan),
    }
