"""The palette keeps its promises: contrast on the paper, roles told apart by any colour vision, no lasting settings."""

import itertools
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from cofire.viz import DARK, LIGHT, Theme, paint, paint_axis

THEMES = [LIGHT, DARK]
ROLES = ("thought", "control", "second", "wrong")

# Linear RGB as dichromats see it (Viénot, Brettel & Mollon 1999), and as it is.
VISIONS = {
    "normal": np.eye(3),
    "protan": np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]]),
    "deutan": np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]]),
}


def linear(colour: str) -> np.ndarray:
    value = np.array(to_rgb(colour))
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    luminance = [linear(colour) @ [0.2126, 0.7152, 0.0722] for colour in (one, other)]
    return (max(luminance) + 0.05) / (min(luminance) + 0.05)


def lightness_and_hue(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear RGB."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    ratio = (to_xyz @ np.clip(rgb, 0, 1)) / to_xyz.sum(1)
    root = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_text_and_lines_stand_out_from_the_paper(theme: Theme):
    assert contrast(theme.ink, theme.paper) > 7  # WCAG AAA for text
    assert contrast(theme.muted, theme.paper) > 4.5  # AA for text
    assert contrast(theme.muted, theme.card) > 4.5
    for role in ROLES:
        assert contrast(getattr(theme, role), theme.paper) > 2.6, role


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_roles_are_told_apart_by_any_colour_vision(theme: Theme, vision: str):
    for one, other in itertools.combinations(ROLES, 2):
        seen = [lightness_and_hue(VISIONS[vision] @ linear(getattr(theme, role))) for role in (one, other)]
        assert np.linalg.norm(seen[0] - seen[1]) > 12, (one, other)


def test_painting_is_repeatable_and_leaves_no_settings_behind():
    before = dict(mpl.rcParams)
    pictures = [paint_axis(lambda axis, theme: axis.plot([1, 3, 2], color=theme.thought), 3, 2, DARK) for _ in range(2)]
    assert pictures[0] == pictures[1]
    assert dict(mpl.rcParams) == before


def test_painting_uses_the_theme():
    seen = {}

    def draw(figure, theme):
        seen[theme.name] = (figure.get_facecolor()[:3], figure.subplots().xaxis.label.get_color())

    for theme in THEMES:
        paint(draw, 2, 2, theme)
        assert np.allclose(seen[theme.name][0], to_rgb(theme.paper))
        assert seen[theme.name][1] == theme.ink


def test_no_global_figure_state_is_touched():
    code = (
        "import sys; from cofire.viz import paint_axis; paint_axis(lambda axis, theme: axis.plot([1]), 2, 2); "
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
