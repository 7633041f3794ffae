"""Attention as a film: each head walking over a digit tick by tick, with the answer and the certainty it has so far.

A frame is painted pixel by pixel with Pillow, which takes milliseconds where a figure takes a fifth of a second.
Films are dark in either theme: what a head attends to is lit, the rest of the digit stays dim.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import final

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_rgb
from PIL import Image, ImageDraw, ImageFont

from cofire import checks
from cofire.ctm import measures
from cofire.viz._style import DARK

WIDTH = 240  # of a frame, in units; a frame of scale 2 has twice as many pixels
_MARGIN, _GAP = 10, 8
_TOP, _BARS = 34, 78  # heights of the line of text above the maps and of the block of bars below them
EVEN_LIGHT = 4  # times an even share of attention: the least that full light stands for
_LIGHT = np.array(to_rgb(DARK.control))


@final
@dataclass(frozen=True)
class Walk:
    """What one film shows of one example: the image, where H heads looked, and what the model thought meanwhile.

    `image` (height, width); `attention` (T, H, rows * columns) of tokens in row-major order over the image, as shares;
    `token_grid` their rows and columns; `logits` (C, T); `certainty` (T,); `label` the right class.
    """

    image: np.ndarray
    attention: np.ndarray
    token_grid: tuple[int, int]
    logits: np.ndarray
    certainty: np.ndarray
    label: int

    def __post_init__(self) -> None:
        checks.shape("image", self.image, ("height", "width"))
        tokens = self.token_grid[0] * self.token_grid[1]
        ticks = len(checks.shape("certainty", self.certainty, ("T",)))
        checks.shape("attention", self.attention, (ticks, "H", tokens), fix="give the rows and columns of the tokens")
        checks.shape("logits", self.logits, ("C", ticks))


def attention_map(shares: np.ndarray, token_grid: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """Attention over tokens (rows * columns,) as a smooth map of (height, width) pixels, each >= 0.

    Tokens are spread evenly over the image and interpolated bilinearly between their centres.

    >>> attention_map(np.array([1.0, 0.0]), (1, 2), (1, 4)).round(2)
    array([[1.  , 0.75, 0.25, 0.  ]], dtype=float32)
    """
    grid = np.ascontiguousarray(shares.reshape(token_grid), dtype=np.float32)
    picture = Image.fromarray(grid).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.maximum(np.asarray(picture), 0)


def film_frames(walk: Walk, scale: int = 2) -> list[Image.Image]:
    """One picture per tick: a map per head, each on its own fixed scale of light, above probabilities and certainty.

    A head's brightest light in the film is the largest share of its attention that a token has at any tick, or four
    times an even share where that is more: a head that looks everywhere alike stays dim.
    """
    tokens = walk.attention.shape[2]
    brightest = np.maximum(walk.attention.max(axis=(0, 2)), EVEN_LIGHT / tokens)  # (H,)
    shares = measures.probabilities(walk.logits[None])[0]
    return [_frame(walk, tick, scale, brightest, shares[:, tick]) for tick in range(len(walk.certainty))]


def write_gif(films: Sequence[Sequence[Image.Image]], columns: int = 4, milliseconds: int = 400) -> bytes:
    """Films of equal length side by side as an animated GIF that loops; the last tick stays for a while."""
    sheets = [sheet(frames, columns) for frames in zip(*films, strict=True)]
    palette = _swatches(sheets[-1]).quantize(128, dither=Image.Dither.NONE)
    sheets = [one.quantize(palette=palette, dither=Image.Dither.NONE) for one in sheets]
    buffer = io.BytesIO()
    durations = [milliseconds] * (len(sheets) - 1) + [4 * milliseconds]
    sheets[0].save(buffer, "GIF", save_all=True, append_images=sheets[1:], duration=durations, loop=0, optimize=False)
    return buffer.getvalue()


def sheet(frames: Sequence[Image.Image], columns: int = 4) -> Image.Image:
    """Frames of one size side by side in rows of `columns`."""
    width, height = frames[0].size
    rows = -(-len(frames) // columns)
    whole = Image.new("RGB", (min(columns, len(frames)) * width, rows * height), DARK.paper)
    for place, frame in enumerate(frames):
        whole.paste(frame, (place % columns * width, place // columns * height))
    return whole


def _swatches(picture: Image.Image) -> Image.Image:
    """A picture above a broad field of every colour of the theme, so that a palette made from it spares them."""
    colours = [DARK.thought, DARK.wrong, DARK.second, DARK.last, DARK.ink, DARK.muted, DARK.card, DARK.paper]
    width, height = picture.size
    whole = Image.new("RGB", (width, height + height // 4))
    whole.paste(picture, (0, 0))
    for place, colour in enumerate(colours):
        left, right = place * width // len(colours), (place + 1) * width // len(colours)
        whole.paste(colour, (left, height, right, height + height // 4))
    return whole


def write_png(picture: Image.Image) -> bytes:
    """A picture as a PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def write_jpeg(frame: Image.Image) -> bytes:
    """A frame as a JPEG: its smooth light makes a PNG of the same look larger, and forty times as slow to write."""
    buffer = io.BytesIO()
    frame.save(buffer, "JPEG", quality=80, subsampling=0)
    return buffer.getvalue()


def _frame(walk: Walk, tick: int, scale: int, brightest: np.ndarray, shares: np.ndarray) -> Image.Image:
    heads = len(brightest)
    columns = min(heads, 2 if heads <= 4 else 4)
    side = (WIDTH - 2 * _MARGIN - (columns - 1) * _GAP) // columns
    maps = -(-heads // columns) * (side + _GAP)
    frame = Image.new("RGB", (WIDTH * scale, (_TOP + maps + _BARS) * scale), DARK.paper)
    pen = Pen(frame, scale)
    answer = int(shares.argmax())
    right = answer == walk.label
    colour = DARK.thought if right else DARK.wrong
    said = f"says {answer}" if right else f"says {answer}, is {walk.label}"
    pen.text((_MARGIN, 10), f"tick {tick + 1} of {len(walk.certainty)}", DARK.ink)
    pen.text((WIDTH - _MARGIN, 10), said, colour, anchor="ra", bold=True)
    for head in range(heads):
        left = _MARGIN + head % columns * (side + _GAP)
        top = _TOP + head // columns * (side + _GAP)
        tile = _lit(walk, tick, head, float(brightest[head]), side * scale)
        frame.paste(tile, (left * scale, top * scale))
        _draw_trail(pen, walk, tick, head, (left, top, side))
        pen.text((left + 3, top + 2), f"head {head + 1}" if side > 80 else str(head + 1), DARK.muted, size=8)
    _draw_shares(pen, shares, _TOP + maps, answer, colour)
    draw_certainty(pen, walk.certainty[: tick + 1], _TOP + maps + 52)
    return frame


def _lit(walk: Walk, tick: int, head: int, brightest: float, side: int) -> Image.Image:
    """The digit, dim, with light of one colour where the head attends."""
    low, high = float(walk.image.min()), float(walk.image.max())
    ink = (walk.image.astype(np.float32) - low) / max(high - low, 1e-9)
    ink = np.asarray(Image.fromarray(ink).resize((side, side), Image.Resampling.BICUBIC)).clip(0, 1)
    light = attention_map(walk.attention[tick, head], walk.token_grid, (side, side)) / brightest
    light = light.clip(0, 1)[..., None]
    dim = 0.14 + 0.42 * ink[..., None] * np.ones(3)
    bright = _LIGHT * (0.42 + 0.58 * ink[..., None])
    pixels = dim + (bright - dim) * light
    return Image.fromarray((255 * pixels).round().astype(np.uint8))


def attention_centres(attention: np.ndarray, token_grid: tuple[int, int]) -> np.ndarray:
    """The centre of mass of attention (..., rows * columns) as shares of width and height: (..., 2) of x, y.

    Where nothing was attended to, it is the middle of the image.

    >>> attention_centres(np.array([0.0, 1.0, 0.0, 1.0]), (2, 2))
    array([0.75, 0.5 ])
    """
    rows, columns = token_grid
    place = np.arange(rows * columns)
    centres = np.stack([(place % columns + 0.5) / columns, (place // columns + 0.5) / rows], axis=-1)
    total = attention.sum(axis=-1, keepdims=True)
    return np.where(total > 0, attention @ centres / np.where(total > 0, total, 1), 0.5)


def _draw_trail(pen: "Pen", walk: Walk, tick: int, head: int, square: tuple[int, int, int]) -> None:
    left, top, side = square
    centres = attention_centres(walk.attention[: tick + 1, head].astype(np.float64), walk.token_grid)
    points = [(left + side * x, top + side * y) for x, y in centres]
    pen.line(points, DARK.last)
    pen.dot(points[-1], 2.4, DARK.last)


def _draw_shares(pen: "Pen", shares: np.ndarray, top: int, answer: int, colour: str) -> None:
    """A column per class from 0 to 1."""
    width, height, base = (WIDTH - 2 * _MARGIN) / len(shares), 30, top + 34
    for digit, share in enumerate(shares):
        left = _MARGIN + digit * width
        fill, ink = (colour, DARK.ink) if digit == answer else (DARK.muted, DARK.muted)
        pen.box((left + 2, base - height, left + width - 2, base), DARK.card)
        pen.box((left + 2, base - height * float(share), left + width - 2, base), fill)
        pen.text((left + width / 2, base + 2), str(digit), ink, anchor="ma", size=8)


def draw_certainty(pen: "Pen", certainty: np.ndarray, line: int) -> None:
    """The certainty of the last tick given as a bar from 0 to 1, with a notch at the highest of all of them."""
    start, end = _MARGIN + 56, WIDTH - _MARGIN - 32
    now, highest = (start + (end - start) * max(0.0, float(one)) for one in (certainty[-1], certainty.max()))
    pen.text((_MARGIN, line), "certainty", DARK.ink, size=9)
    pen.box((start, line + 2, end, line + 10), DARK.card)
    pen.box((start, line + 2, now, line + 10), DARK.second)
    pen.box((highest - 0.5, line, highest + 0.5, line + 12), DARK.ink)
    pen.text((WIDTH - _MARGIN, line), f"{float(certainty[-1]):.2f}", DARK.ink, anchor="ra", size=9)


class Pen:
    """Drawing in units of which a frame is WIDTH wide, whatever its scale."""

    def __init__(self, frame: Image.Image, scale: int) -> None:
        self._draw = ImageDraw.Draw(frame)
        self._scale = scale

    def text(
        self,
        place: tuple[float, float],
        text: str,
        colour: str,
        *,
        anchor: str = "la",
        size: int = 11,
        bold: bool = False,
    ) -> None:
        font = _font(size * self._scale, bold)
        self._draw.text((place[0] * self._scale, place[1] * self._scale), text, fill=colour, font=font, anchor=anchor)

    def box(self, corners: tuple[float, float, float, float], colour: str) -> None:
        left, top, right, bottom = (round(value * self._scale) for value in corners)
        if right > left and bottom > top:
            self._draw.rectangle((left, top, right - 1, bottom - 1), fill=colour)

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: int = 1) -> None:
        scaled = [(x * self._scale, y * self._scale) for x, y in points]
        self._draw.line(scaled, fill=colour, width=width * self._scale, joint="curve")

    def dot(self, place: tuple[float, float], radius: float, colour: str) -> None:
        (x, y), reach = (value * self._scale for value in place), radius * self._scale
        self._draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=colour)


@cache
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / name), size)
