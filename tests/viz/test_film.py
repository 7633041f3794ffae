"""Films: light where the head looks, the answer and certainty of the tick, and a GIF that plays them."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cofire.checks import InvalidValue
from cofire.viz import DARK, Walk, attention_centres, attention_map, film_frames, write_gif
from cofire.viz._film import WIDTH, sheet
from tests.viz.evidence import synthetic_evidence

EVIDENCE = synthetic_evidence(examples=20, ticks=5, neurons=6, heads=2)


def a_walk(place: int = 0) -> Walk:
    one = EVIDENCE.examples[place]
    return Walk(
        image=EVIDENCE.images[one],
        attention=EVIDENCE.recording["attention"][:, place],
        token_grid=(7, 7),
        logits=EVIDENCE.logits[one],
        certainty=EVIDENCE.certainty[one],
        label=int(EVIDENCE.labels[one]),
    )


def test_the_map_keeps_places_and_interpolates_between_tokens():
    shares = np.zeros(49)
    shares[2 * 7 + 5] = 1.0  # row 2, column 5
    found = attention_map(shares, (7, 7), (140, 140))
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert (row // 20, column // 20) == (2, 5)
    assert found.min() >= 0
    np.testing.assert_allclose(found[50, 120], 0.5, atol=0.06)  # half-way to the next column's centre
    np.testing.assert_allclose(attention_map(np.full(49, 1 / 49), (7, 7), (28, 28)), 1 / 49, rtol=1e-5)


def test_centres_are_means_of_token_places():
    attention = EVIDENCE.recording["attention"][:, 0]  # (T, H, 49)
    x = sum(attention[..., row * 7 + column] * (column + 0.5) / 7 for row in range(7) for column in range(7))
    y = sum(attention[..., row * 7 + column] * (row + 0.5) / 7 for row in range(7) for column in range(7))
    np.testing.assert_allclose(attention_centres(attention, (7, 7)), np.stack([x, y], axis=-1))
    assert attention_centres(np.zeros(4), (2, 2)).tolist() == [0.5, 0.5]


def test_a_frame_per_tick_lit_where_the_head_looks():
    """One head on a blank image: the amber light is centred on the attended token."""
    attention = np.zeros((3, 1, 16))
    attention[[0, 1, 2], 0, [0, 6, 15]] = 1.0
    blank = Walk(np.zeros((28, 28)), attention, (4, 4), np.zeros((10, 3)), np.zeros(3), 0)
    frames = film_frames(blank, scale=1)
    assert len(frames) == 3
    side = WIDTH - 20
    for frame, token in zip(frames, (0, 6, 15), strict=True):
        tile = np.asarray(frame).astype(int)[34 + 20 : 34 + side, 10 : 10 + side]  # below the head's name
        amber = tile[..., 0] - tile[..., 2]
        rows, columns = np.nonzero(amber > 0.9 * amber.max())
        assert (int(rows.mean() + 20) * 4 // side, int(columns.mean()) * 4 // side) == divmod(token, 4)


def test_attention_to_everything_alike_stays_dim():
    even = np.full((1, 1, 49), 1 / 49)
    focused = np.zeros((1, 1, 49))
    focused[..., 24] = 1.0
    white = np.ones((28, 28))
    white[0, 0] = 0.0
    lit = {}
    for name, attention in (("even", even), ("focused", focused)):
        frame = film_frames(Walk(white, attention, (7, 7), np.zeros((10, 1)), np.zeros(1), 0), scale=1)[0]
        lit[name] = np.asarray(frame).astype(int)[150, 130]  # near the middle, beside the marker
    assert lit["focused"][0] - lit["focused"][2] > 60  # amber
    assert 0 < lit["even"][0] - lit["even"][2] < 40  # nearly grey


def test_the_answer_is_marked_right_or_wrong():
    walk = a_walk()
    answer = int(walk.logits[:, -1].argmax())
    colours = {}
    for label in (answer, (answer + 1) % 10):
        last = np.asarray(film_frames(replace(walk, label=label), scale=1)[-1])
        colours[label == answer] = {tuple(int(value) for value in pixel) for pixel in last.reshape(-1, 3)}
    right, wrong = (tuple(bytes.fromhex(colour[1:])) for colour in (DARK.thought, DARK.wrong))
    assert right in colours[True]
    assert right not in colours[False]
    assert wrong in colours[False]


def test_bars_are_as_long_as_shares_and_certainty():
    """A sure answer fills its column, and half certainty half of the bar."""
    logits = np.full((4, 1), -50.0)
    logits[2] = 50.0
    frame = film_frames(Walk(np.zeros((8, 8)), np.ones((1, 1, 1)), (1, 1), logits, np.array([0.5]), 2), scale=1)[0]
    pixels = np.asarray(frame)
    blue = (pixels == tuple(bytes.fromhex(DARK.thought[1:]))).all(axis=-1)
    bar = blue[-78:-40]  # below the maps, above the certainty
    assert bar.any(axis=1).sum() == 30
    columns = np.flatnonzero(bar.any(axis=0)) - 10
    assert set((columns / ((WIDTH - 20) / 4)).astype(int)) == {2}
    green = (pixels == tuple(bytes.fromhex(DARK.second[1:]))).all(axis=-1)
    width = WIDTH - 10 - 32 - (10 + 56)
    assert abs(green.any(axis=0).sum() - width / 2) <= 1


def test_the_notch_stays_at_the_highest_certainty_so_far():
    certainty = np.array([0.25, 0.75, 0.5])
    walk = Walk(np.zeros((8, 8)), np.ones((3, 1, 1)), (1, 1), np.zeros((4, 3)), certainty, 2)
    ink = tuple(bytes.fromhex(DARK.ink[1:]))
    start, width = 2 * 66, 2 * (WIDTH - 10 - 32 - 66)
    for frame, highest in zip(film_frames(walk, scale=2), (0.25, 0.75, 0.75), strict=True):
        bar = (np.asarray(frame)[-2 * 25 : -2 * 15, start : start + width] == ink).all(axis=(0, 2))
        assert abs(np.flatnonzero(bar).mean() - highest * width) <= 1


@pytest.mark.parametrize(("heads", "across"), [(1, 1), (2, 2), (4, 2), (8, 4)])
def test_any_number_of_heads_has_room(heads: int, across: int):
    attention = np.full((1, heads, 4), 0.25)
    frame = film_frames(Walk(np.eye(5), attention, (2, 2), np.zeros((10, 1)), np.zeros(1), 0), scale=2)[0]
    side = (WIDTH - 20 - 8 * (across - 1)) // across
    assert frame.size == (2 * WIDTH, 2 * (34 + -(-heads // across) * (side + 8) + 78))


def test_the_gif_has_every_tick_and_rests_on_the_last():
    films = [film_frames(a_walk(place), scale=1) for place in range(3)]
    animation = Image.open(io.BytesIO(write_gif(films, columns=2, milliseconds=300)))
    width, height = films[0][0].size
    assert animation.size == (2 * width, 2 * height)
    assert (animation.n_frames, animation.info["loop"]) == (5, 0)
    durations = []
    for tick in range(5):
        animation.seek(tick)
        durations.append(animation.info["duration"])
        shown = np.asarray(animation.convert("RGB")).astype(int)
        wanted = np.asarray(sheet([film[tick] for film in films], 2)).astype(int)
        assert np.abs(shown - wanted).mean() < 4  # of 255: a palette of 128 colours
        for colour in (DARK.thought, DARK.wrong, DARK.second):
            places = (wanted == tuple(bytes.fromhex(colour[1:]))).all(axis=-1)
            assert not places.any() or np.abs(shown - wanted)[places].max() < 16, colour
    assert durations == [300, 300, 300, 300, 1200]


def test_walks_that_do_not_fit_are_refused():
    walk = a_walk()
    with pytest.raises(InvalidValue, match=r"attention: wanted shape \(5, H, 36\), got shape \(5, 2, 49\); the"):
        replace(walk, token_grid=(6, 6))
    with pytest.raises(InvalidValue, match=r"logits: wanted shape \(C, 5\), got shape \(10, 4\)"):
        replace(walk, logits=walk.logits[:, 1:])
