"""The sizes of the demonstration: its model, its control, and how both are trained."""

from cofire import checks
from cofire.ctm import CTMConfig, one_tick_control
from cofire.train import TrainConfig
from cofire.train.presets import find_preset, with_steps

PRESET = find_preset("digits", "small")
STEPS = PRESET.train.steps


def demo_config() -> CTMConfig:
    """Return the configuration of the model that thinks."""
    return checks.instance("model", PRESET.model, CTMConfig)


def control_config() -> CTMConfig:
    """Return the configuration of the control: the same parts, and a single tick."""
    return one_tick_control(demo_config())


def train_config(steps: int) -> TrainConfig:
    """Return how both are trained; short runs warm up for less and look at held-out digits once."""
    return checks.instance("train", with_steps(PRESET.train, steps), TrainConfig)
