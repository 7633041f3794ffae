"""Every published configuration, and small ones that learn on a laptop, by name."""

from cofire.train.presets._preset import Preset as Preset

__all__ = ["Preset"]
