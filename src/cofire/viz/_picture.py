"""From a drawing to a picture of a report: painted once in light and once in dark."""

from collections.abc import Callable
from typing import Any

from matplotlib.axes import Axes

from cofire.viz._page import Picture
from cofire.viz._style import DARK, LIGHT, Theme, paint_axis

WIDTH, HEIGHT = 5.2, 3.6  # inches; two stand side by side on a laptop, one fills a phone


def make_picture(
    name: str, draw: Callable[[Axes, Theme], Any], caption: str, alt: str, *, height: float = HEIGHT
) -> Picture:
    """The picture that `draw(axis, theme)` draws, with what to see in it and what it shows in words.

    >>> made = make_picture("line", lambda axis, theme: axis.plot([0, 1]), "It rises.", "A rising line.")
    >>> made.light != made.dark
    True
    """
    light, dark = (paint_axis(draw, WIDTH, height, theme) for theme in (LIGHT, DARK))
    return Picture(name, caption, alt, light, dark)
