"""The sizes of the demonstration: its model, its control, and how both are trained."""

from cofire.ctm import CTMConfig, one_tick_control
from cofire.train import TrainConfig
from cofire.train.presets import find_preset, with_steps

PRESET = find_preset("digits", "small")
STEPS = PRESET.train.steps


def demo_config() -> CTMConfig:
    """Return the configuration of the model that thinks."""
    return PRESET.model  # pyright: ignore[reportReturnType]


def control_config() -> CTMConfig:
    """Return the configuration of the control: the same parts, and a single tick."""
    return one_tick_control(demo_config())


def train_config(steps: int) -> TrainConfig:
    """Return how both are trained; short runs warm up for less and look at held-out digits once."""
    return with_steps(PRESET.train, steps)
