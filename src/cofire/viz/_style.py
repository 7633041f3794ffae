"""How every figure of cofire looks: one palette by role, two themes, one way from a drawing to a PNG.

The series colours are Paul Tol's "vibrant" scheme, made for readers with any colour vision; the dark theme lifts them
so that they keep their contrast. A colour stands for a role (the thought, its control, what went wrong), and the same
role has the same colour in every figure and in the page around them.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure

DOTS_PER_INCH = 160


@final
@dataclass(frozen=True, kw_only=True)
class Theme:
    """The colours of one appearance, by role; every one a hexadecimal string.

    >>> LIGHT.thought
    '#0077bb'
    """

    name: str
    paper: str  # behind everything
    card: str  # behind a block that stands out from the page
    ink: str  # text and axes
    muted: str  # what should step back: chance levels, notes
    grid: str  # hairlines
    thought: str  # the network that thinks
    control: str  # what it is compared with
    second: str  # a second quantity of the same network
    wrong: str  # mistakes
    other: str  # one more series
    last: str  # and one more

    @property
    def series(self) -> tuple[str, ...]:
        """The colours of series that have no role, in the order of use."""
        return (self.thought, self.control, self.second, self.wrong, self.other, self.last)

    def ramp(self, colour: str) -> LinearSegmentedColormap:
        """A sequential colour map from the paper to one colour: 0 is the paper itself."""
        return LinearSegmentedColormap.from_list("ramp", [to_rgb(self.paper), to_rgb(colour)])

    def diverging(self, below: str, above: str) -> LinearSegmentedColormap:
        """A colour map for signed values: one colour, the paper at the middle, the other colour."""
        return LinearSegmentedColormap.from_list("diverging", [to_rgb(below), to_rgb(self.paper), to_rgb(above)])

    def settings(self) -> dict[Any, Any]:
        """Matplotlib settings under which artists are made."""
        return {
            "figure.facecolor": self.paper,
            "savefig.facecolor": self.paper,
            "axes.facecolor": self.paper,
            "axes.edgecolor": self.muted,
            "axes.labelcolor": self.ink,
            "axes.titlecolor": self.ink,
            "axes.titlelocation": "left",
            "axes.titlesize": 11,
            "axes.titleweight": "bold",
            "axes.titlepad": 8,
            "axes.labelsize": 10,
            "axes.linewidth": 0.8,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": False,
            "axes.axisbelow": True,
            "axes.prop_cycle": cycler(color=list(self.series)),
            "grid.color": self.grid,
            "grid.linewidth": 0.8,
            "text.color": self.ink,
            "xtick.color": self.muted,
            "ytick.color": self.muted,
            "xtick.labelcolor": self.ink,
            "ytick.labelcolor": self.ink,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "font.family": "DejaVu Sans",
            "font.size": 9.5,
            "lines.linewidth": 2.0,
            "lines.solid_capstyle": "round",
            "legend.frameon": False,
            "legend.fontsize": 9,
            "legend.handlelength": 1.6,
        }

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Matplotlib under this theme's settings; what was set before comes back on leaving."""
        with mpl.rc_context(self.settings()):
            yield


LIGHT = Theme(
    name="light",
    paper="#fdfcfa",
    card="#f4f2ee",
    ink="#22262b",
    muted="#646971",
    grid="#e3e0da",
    thought="#0077bb",
    control="#ee7733",
    second="#009988",
    wrong="#cc3311",
    other="#ee3377",
    last="#33bbee",
)
DARK = Theme(
    name="dark",
    paper="#15181c",
    card="#1e2227",
    ink="#e7e5e0",
    muted="#9aa0a8",
    grid="#30353c",
    thought="#4fb0f0",
    control="#ffb06a",
    second="#2fc4b2",
    wrong="#f06450",
    other="#f57aa6",
    last="#8ad8f5",
)


def paint(draw: Callable[[Figure, Theme], Any], width: float, height: float, theme: Theme = LIGHT) -> bytes:
    """What `draw(figure, theme)` draws on a new figure of that size (inches), as the bytes of a PNG.

    No global figure is kept, and equal drawings give equal bytes.

    >>> paint(lambda figure, theme: figure.subplots().plot([0, 1]), 3, 2)[1:4]
    b'PNG'
    """
    with theme.applied():
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure, theme)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return buffer.getvalue()


def paint_axis(draw: Callable[[Axes, Theme], Any], width: float, height: float, theme: Theme = LIGHT) -> bytes:
    """Like `paint`, for a drawing that needs a single axis."""
    return paint(lambda figure, theme: draw(figure.subplots(), theme), width, height, theme)
