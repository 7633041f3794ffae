"""A report as one HTML file that needs nothing else: headlines, then sections of pictures, films, tables and text.

What is said is decided elsewhere; here it becomes HTML, every text escaped, every picture inlined.
"""

import base64
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib.resources import files
from string import Template
from typing import final

import cofire
from cofire.viz._style import DARK, LIGHT, Theme


@final
@dataclass(frozen=True)
class Headline:
    """One figure to know first: its value, what it is, a word more, and the role whose colour it has ("" for none)."""

    value: str
    label: str
    aside: str = ""
    role: str = ""

    def html(self) -> str:
        """Return a term of a definition list."""
        role = f' class="{html.escape(self.role)}"' if self.role else ""
        aside = f'<dd class="aside">{html.escape(self.aside)}</dd>' if self.aside else ""
        label, value = html.escape(self.label), html.escape(self.value)
        return f'<div{role}><dt>{label}</dt><dd class="value">{value}</dd>{aside}</div>'


@final
@dataclass(frozen=True)
class Picture:
    """A figure: PNGs for light and dark, a caption that says what to see, and the same in words for those who cannot.

    `name` is also that of its PNG file. Where `dark` is empty the light one serves both.
    """

    name: str
    caption: str
    alt: str
    light: bytes
    dark: bytes = b""
    wide: bool = False

    def html(self) -> str:
        """Return a figure that follows the reader's colour scheme; on paper it is light."""
        media = 'media="screen and (prefers-color-scheme: dark)"'
        dark = f'<source srcset="{inline(self.dark)}" {media}>' if self.dark else ""
        width, height = png_size(self.light)
        size = f'width="{width}" height="{height}"'
        image = f'<img src="{inline(self.light)}" alt="{html.escape(self.alt)}" {size}>'
        kind = ' class="wide"' if self.wide else ""
        caption = f"<figcaption>{html.escape(self.caption)}</figcaption>"
        return f'<figure id="{html.escape(self.name)}"{kind}><picture>{dark}{image}</picture>{caption}</figure>'


@final
@dataclass(frozen=True)
class Film:
    """Several films of equal length under one play button: JPEG frames of one size and words for each, resting at one.

    `still` is a PNG of all films at rest and `gif` all of them moving, for use outside the page.
    """

    name: str
    caption: str
    frames: Sequence[Sequence[bytes]]
    size: tuple[int, int]
    alts: Sequence[str]
    rest: int
    still: bytes
    gif: bytes
    milliseconds: int = 400

    def html(self) -> str:
        """Return a figure with a player; without scripts it shows the frame at rest."""
        ticks = len(self.frames[0])
        films = "\n".join(self._film(frames, alt) for frames, alt in zip(self.frames, self.alts, strict=True))
        controls = (
            '<div class="controls" hidden><button type="button">Play</button>'
            f'<input type="range" min="1" max="{ticks}" value="{self.rest + 1}" aria-label="tick of thought">'
            f"<output>tick {self.rest + 1} of {ticks}</output></div>"
        )
        start = (
            f'<figure id="{html.escape(self.name)}" class="wide" data-player data-milliseconds="{self.milliseconds}">'
        )
        caption = f"<figcaption>{html.escape(self.caption)}</figcaption>"
        across = f'class="films" style="--across: {film_columns(len(self.frames))}"'
        return f"{start}\n<div {across}>\n{films}\n</div>\n{controls}{caption}</figure>"

    def _film(self, frames: Sequence[bytes], alt: str) -> str:
        images = []
        for tick, frame in enumerate(frames):
            now = ' class="now"' if tick == self.rest else ""
            text, size = html.escape(f"{alt}, tick {tick + 1}"), 'width="{}" height="{}"'.format(*self.size)
            images.append(f'<img{now} src="{inline(frame, "jpeg")}" alt="{text}" {size}>')
        return '<div class="film">' + "".join(images) + "</div>"


@final
@dataclass(frozen=True)
class Table:
    """Rows of cells; the first cell of each row is its heading, `header` names the columns where there is one."""

    rows: Sequence[Sequence[str]]
    header: Sequence[str] = ()

    def html(self) -> str:
        """Return a table that scrolls by itself where the screen is narrow."""
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in self.header)
        head = f"<thead><tr>{head}</tr></thead>" if head else ""
        body = "".join(self._row(row) for row in self.rows)
        return f'<div class="scroll"><table>{head}<tbody>{body}</tbody></table></div>'

    @staticmethod
    def _row(row: Sequence[str]) -> str:
        cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in row[1:])
        return f'<tr><th scope="row">{html.escape(row[0])}</th>{cells}</tr>'


@final
@dataclass(frozen=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str

    def html(self) -> str:
        """Return a paragraph."""
        return f"<p>{html.escape(self.text)}</p>"


@final
@dataclass(frozen=True)
class Listing:
    """Text to copy, as it is; folded under `summary` where there is one."""

    text: str
    summary: str = ""

    def html(self) -> str:
        """Return preformatted text."""
        listing = f"<pre><code>{html.escape(self.text)}</code></pre>"
        return (
            f"<details><summary>{html.escape(self.summary)}</summary>{listing}</details>" if self.summary else listing
        )


Block = Paragraph | Picture | Film | Table | Listing


@final
@dataclass(frozen=True)
class Section:
    """A heading and what stands under it; pictures and films that follow each other share rows where there is room."""

    heading: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        """The address of the section within the page.

        >>> Section("Where it looked", []).anchor
        'where-it-looked'
        """
        return re.sub(r"[^a-z0-9]+", "-", self.heading.lower()).strip("-")

    def html(self) -> str:
        """Return the section."""
        parts: list[str] = []
        open_grid = False
        for block in self.blocks:
            figure = isinstance(block, Picture | Film)
            if figure != open_grid:
                parts.append('<div class="figures">' if figure else "</div>")
                open_grid = figure
            parts.append(block.html())
        parts.extend(["</div>"] if open_grid else [])
        body = "\n".join(parts)
        return f'<section>\n<h2 id="{self.anchor}">{html.escape(self.heading)}</h2>\n{body}\n</section>'


@final
@dataclass(frozen=True)
class Page:
    """A report: a title, the one thing to know, the figures to know first, and the sections."""

    kind: str
    title: str
    lead: str
    headlines: Sequence[Headline]
    sections: Sequence[Section]
    footer: str

    def html(self) -> str:
        """Return the whole page as one self-contained HTML file.

        >>> page = Page("report", "A < B", "So it is.", [], [Section("Why", [Paragraph("Because.")])], "")
        >>> "<h1>A &lt; B</h1>" in page.html(), '<a href="#why">Why</a>' in page.html()
        (True, True)
        """
        links = (f'<li><a href="#{one.anchor}">{html.escape(one.heading)}</a></li>' for one in self.sections)
        headlines = "".join(headline.html() for headline in self.headlines)
        return Template(asset("report.html")).substitute(
            version=cofire.__version__,
            kind=html.escape(self.kind),
            title=html.escape(self.title),
            lead=html.escape(self.lead),
            style=palette() + asset("report.css"),
            headlines=f'<dl class="headlines">{headlines}</dl>' if headlines else "",
            contents=f"<ul>{''.join(links)}</ul>",
            sections="\n".join(section.html() for section in self.sections),
            footer=html.escape(self.footer),
            script=asset("player.js"),
        )


def asset(name: str) -> str:
    """A file of `cofire/viz/assets` as text."""
    return (files("cofire.viz") / "assets" / name).read_text(encoding="utf-8")


def film_columns(count: int) -> int:
    """How many films stand side by side where there is room: four, or three where that fills the rows.

    >>> [film_columns(count) for count in (1, 2, 3, 4, 6, 8, 9)]
    [1, 2, 3, 4, 3, 4, 3]
    """
    return 3 if count % 3 == 0 and count % 4 else min(4, count)


def inline(image: bytes, kind: str = "png") -> str:
    """An image as a data address.

    >>> inline(b"abc")
    'data:image/png;base64,YWJj'
    """
    return f"data:image/{kind};base64,{base64.b64encode(image).decode('ascii')}"


def png_size(png: bytes) -> tuple[int, int]:
    """Width and height in pixels, from the header of a PNG."""
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def palette() -> str:
    """The colours of the figures as variables of the page, by role, in light and in dark; films are always dark."""
    dark = f"@media screen and (prefers-color-scheme: dark) {{\n{_variables(DARK)}}}\n"
    return f"{_variables(LIGHT)}{dark}:root {{ --film: {DARK.paper}; }}\n"


def _variables(theme: Theme) -> str:
    roles = (field.name for field in fields(theme) if field.name != "name")
    return ":root { " + " ".join(f"--{role}: {getattr(theme, role)};" for role in roles) + " }\n"
