"""Pages are well-formed, escaped, self-contained HTML that needs neither a network nor scripts."""

import base64
import re

import pytest

from cofire.viz import DARK, LIGHT, paint_axis
from cofire.viz._page import Film, Headline, Listing, Page, Paragraph, Picture, Section, Table, asset, png_size
from tests.viz.pages import Reader

NASTY = '<b>&"quoted"</b>'
PNG = paint_axis(lambda axis, theme: axis.plot([0, 1]), 2, 1.5)


def page(*blocks) -> Reader:
    sections = [Section(f"All of {NASTY}", list(blocks))]
    return Reader(Page("kind", NASTY, NASTY, [Headline(NASTY, NASTY, NASTY, "thought")], sections, NASTY).html())


def test_everything_is_escaped():
    film = Film(NASTY, NASTY, [[b"jpeg"]], (1, 1), [NASTY], 0, b"", b"")
    picture = Picture(NASTY, NASTY, NASTY, PNG)
    read = page(Paragraph(NASTY), picture, film, Table([(NASTY, NASTY)], (NASTY, NASTY)), Listing(NASTY, NASTY))
    assert read.attributes("b") == []
    for tag in ("title", "h1", "h2", "dt", "dd", "figcaption", "th", "td", "code", "summary", "footer"):
        assert NASTY in read.words(tag), tag
    assert [image["alt"] for image in read.attributes("img")] == [NASTY, f"{NASTY}, tick 1"]


def test_pictures_follow_the_colour_scheme_and_keep_their_size():
    read = page(Picture("figure", "caption", "words", PNG, dark=PNG[:-1]))
    image, source = read.attributes("img")[0], read.attributes("source")[0]
    assert base64.b64decode(image["src"].removeprefix("data:image/png;base64,")) == PNG
    assert base64.b64decode(source["srcset"].removeprefix("data:image/png;base64,")) == PNG[:-1]
    assert source["media"] == "screen and (prefers-color-scheme: dark)"
    assert (int(image["width"]), int(image["height"])) == png_size(PNG) == (320, 240)


def test_a_picture_without_a_dark_side_has_one_source():
    assert page(Picture("figure", "caption", "words", PNG)).attributes("source") == []


def test_films_rest_on_one_frame_and_are_steered_by_a_labelled_slider():
    frames = [[b"1", b"2", b"3"], [b"4", b"5", b"6"]]
    read = page(Film("film", "caption", frames, (4, 2), ["one", "two"], 1, b"", b"", milliseconds=250))
    images = read.attributes("img")
    assert [image.get("class") for image in images] == [None, "now", None] * 2
    assert [image["alt"] for image in images[:2]] == ["one, tick 1", "one, tick 2"]
    slider = read.attributes("input")[0]
    assert (slider["min"], slider["max"], slider["value"], slider["aria-label"]) == ("1", "3", "2", "tick of thought")
    assert ("data-player", "") in read.attributes("figure")[0].items()
    assert read.attributes("figure")[0]["data-milliseconds"] == "250"
    assert "tick 2 of 3" in read.words("output")
    assert "hidden" in next(a for a in read.attributes("div") if a.get("class") == "controls")  # until a script runs


def test_figures_that_follow_each_other_share_a_grid():
    picture = Picture("figure", "caption", "words", PNG)
    read = page(picture, picture, Paragraph("text"), picture)
    assert [a.get("class") for a in read.attributes("div")].count("figures") == 2


def test_contents_lead_to_the_sections():
    sections = [Section("First, of all", []), Section("Last", [Paragraph("end")])]
    read = Reader(Page("kind", "title", "lead", [], sections, "").html())
    anchors = [heading["id"] for heading in read.attributes("h2")]
    assert [link["href"] for link in read.attributes("a")] == [f"#{anchor}" for anchor in anchors]
    assert anchors == ["first-of-all", "last"]


def test_a_page_forbids_itself_the_network_and_tells_its_language():
    read = page(Paragraph("text"))
    policy = next(meta for meta in read.attributes("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"].startswith("default-src 'none'; img-src data:;")
    assert read.attributes("html") == [{"lang": "en"}]
    assert any(meta.get("name") == "viewport" for meta in read.attributes("meta"))


def test_the_page_has_the_colours_of_the_figures():
    style = page(Paragraph("text")).words("style")
    for theme in (LIGHT, DARK):
        assert f"--paper: {theme.paper};" in style
        assert f"--thought: {theme.thought};" in style
    defined, used = (set(re.findall(pattern, style)) for pattern in (r"(--[a-z]+):", r"var\((--[a-z]+)\)"))
    assert used - {"--across"} <= defined  # that one every film brings along


@pytest.mark.parametrize("name", ["report.html", "report.css", "player.js"])
def test_assets_reach_for_nothing_outside(name: str):
    assert not re.search(r"https?://|//[a-z]|@import|url\(", asset(name))
