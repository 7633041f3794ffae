"""Augmentation against plain definitions, pixel by pixel, and against the probabilities of the policy."""

import math

import numpy as np
import pytest
from PIL import Image

from cofire.random import Key
from cofire.tasks._augmentation import AUGMENTATIONS, centre_crop, random_crop
from cofire.tasks._auto_augment import OPERATIONS, POLICIES, auto_augment

WIDTH, HEIGHT = 32, 28
PIXELS = Key(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
PICTURE = Image.fromarray(PIXELS)
GREY = np.asarray(PICTURE.convert("L")).astype(float)


def applied(operation: str, magnitude: int, sign: int = 1) -> np.ndarray:
    return np.asarray(OPERATIONS[operation](PICTURE, magnitude, sign))


def taken_from(a: float, b: float, c: float, d: float, e: float, f: float) -> np.ndarray:
    """Every pixel from the one whose square holds (a x + b y + c, d x + e y + f), x and y at its centre; else black."""
    result = np.zeros_like(PIXELS)
    for y in range(HEIGHT):
        for x in range(WIDTH):
            column = math.floor(a * (x + 0.5) + b * (y + 0.5) + c)
            row = math.floor(d * (x + 0.5) + e * (y + 0.5) + f)
            if 0 <= column < WIDTH and 0 <= row < HEIGHT:
                result[y, x] = PIXELS[row, column]
    return result


def share_that_differs(one: np.ndarray, other: np.ndarray) -> float:
    return float((one != other).any(-1).mean())


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("magnitude", [0, 3, 7, 9])
def test_moves(magnitude: int, sign: int):
    shear = sign * 0.3 * magnitude / 9
    across, down = (sign * int(150 / 331 * size * magnitude / 9) for size in (WIDTH, HEIGHT))
    angle = math.radians(sign * 30 * magnitude / 9)
    cosine, sine = math.cos(angle), math.sin(angle)
    x, y = WIDTH / 2, HEIGHT / 2
    plain = {  # counter-clockwise by the angle, seen with y downwards
        "shear_x": (1, shear, 0, 0, 1, 0),
        "shear_y": (1, 0, 0, shear, 1, 0),
        "translate_x": (1, 0, -across, 0, 1, 0),
        "translate_y": (1, 0, 0, 0, 1, -down),
        "rotate": (cosine, -sine, x - cosine * x + sine * y, sine, cosine, y - sine * x - cosine * y),
    }
    for operation, matrix in plain.items():
        assert share_that_differs(applied(operation, magnitude, sign), taken_from(*matrix)) < 0.02, operation


@pytest.mark.parametrize("magnitude", [0, 2, 5, 9])
def test_levels(magnitude: int):
    bits = 8 - round(magnitude / (9 / 4))
    np.testing.assert_array_equal(applied("posterize", magnitude), PIXELS // 2 ** (8 - bits) * 2 ** (8 - bits))
    threshold = 255 - 255 * magnitude / 9
    np.testing.assert_array_equal(applied("solarize", magnitude), np.where(threshold > PIXELS, PIXELS, 255 - PIXELS))
    np.testing.assert_array_equal(applied("invert", magnitude), 255 - PIXELS)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("magnitude", [0, 3, 9])
def test_mixtures(magnitude: int, sign: int):
    amount = 1 + sign * 0.9 * magnitude / 9
    blurred = PIXELS.astype(float)
    kernel = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
    for y in range(1, HEIGHT - 1):
        for x in range(1, WIDTH - 1):
            blurred[y, x] = (PIXELS[y - 1 : y + 2, x - 1 : x + 2] * kernel[..., None]).sum((0, 1))
    plain = {
        "brightness": np.zeros_like(PIXELS, dtype=float),
        "colour": np.repeat(GREY[..., None], 3, -1),
        "contrast": np.full(PIXELS.shape, round(GREY.mean()), dtype=float),
        "sharpness": blurred,
    }
    for operation, other in plain.items():
        mixed = np.clip(other + amount * (PIXELS - other), 0, 255)
        assert np.abs(applied(operation, magnitude, sign) - mixed).max() < 2.5, operation


def test_contrast_is_stretched_channel_by_channel():
    narrow = Image.fromarray((PIXELS // 4 + 60).astype(np.uint8))
    pixels = np.asarray(narrow).astype(float)
    low, high = pixels.min((0, 1)), pixels.max((0, 1))
    stretched = np.asarray(OPERATIONS["auto_contrast"](narrow, 0, 1))
    assert np.abs(stretched - (pixels - low) * 255 / (high - low)).max() <= 1


def test_equalized_levels_count_the_pixels_below():
    """Level k becomes the number of pixels below it, in steps of a 255th of those that are not of the highest level."""
    dark = (255 * (PIXELS / 255.0) ** 1.5).astype(np.uint8)
    equal = np.asarray(OPERATIONS["equalize"](Image.fromarray(dark), 0, 1))
    for channel in range(3):
        counts = np.bincount(dark[..., channel].ravel(), minlength=256)
        step = (counts.sum() - counts[counts > 0][-1]) // 255
        levels = np.minimum((np.cumsum(counts) - counts + step // 2) // step, 255)
        np.testing.assert_array_equal(equal[..., channel], levels[dark[..., channel]])


# --- the policy ------------------------------------------------------------------------------------------------------


def test_the_policy_is_carried_out_with_its_probabilities(monkeypatch: pytest.MonkeyPatch):
    for name in OPERATIONS:
        monkeypatch.setitem(OPERATIONS, name, lambda trail, magnitude, sign, name=name: [*trail, (name, magnitude)])
    counts: dict[tuple, int] = {}
    draws = Key(4).uniform((20_000, 5), dtype=np.float64)
    for row in draws:
        done = tuple(auto_augment([], row))
        counts[done] = counts.get(done, 0) + 1
    wanted: dict[tuple, float] = {}
    for first, second in POLICIES:
        for does_first in (True, False):
            for does_second in (True, False):
                done = tuple((one[0], one[2]) for one, does in ((first, does_first), (second, does_second)) if does)
                chance = (first[1] if does_first else 1 - first[1]) * (second[1] if does_second else 1 - second[1])
                wanted[done] = wanted.get(done, 0) + chance / len(POLICIES)
    assert set(counts) <= {done for done, chance in wanted.items() if chance > 0}
    for done, chance in wanted.items():
        assert abs(counts.get(done, 0) / len(draws) - chance) < 4.5 * math.sqrt(chance / len(draws)) + 1e-9, done


def test_signs_are_either():
    moved = {applied("translate_x", 9, sign).tobytes() for sign in (1, -1)}
    rows = [np.array([1.5 / 25, 0.99, 0.0, 0.0, sign]) for sign in (0.2, 0.7)]  # the second policy's second operation
    assert {np.asarray(auto_augment(PICTURE, row)).tobytes() for row in rows} == moved


def test_grey_images_can_be_augmented():
    for name, operation in OPERATIONS.items():
        assert operation(PICTURE.convert("L"), 7, 1).mode == "L", name


# --- crops -----------------------------------------------------------------------------------------------------------


def place_picture(width: int, height: int) -> Image.Image:
    """Red tells the column and green the row, 0 to 255 over the image."""
    columns, rows = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([columns, rows, 0 * rows], -1).round().astype(np.uint8))


def test_parts_have_the_areas_and_ratios_wanted_and_lie_everywhere():
    image = place_picture(300, 200)
    lefts, tops, areas, ratios, mirrored = [], [], [], [], []
    for row in Key(2).uniform((400, 23), dtype=np.float64):
        part = np.asarray(random_crop(image, row, 64)).astype(float)
        assert part.shape == (64, 64, 3)
        red, green = part[..., 0].mean(0), part[..., 1].mean(1)
        mirrored.append(red[0] > red[-1])
        across, down = np.ptp(red) / 255 * 300 * 64 / 63, np.ptp(green) / 255 * 200 * 64 / 63
        areas.append(across * down / 60_000)
        ratios.append(across / down)
        lefts.append(red.min() / (255 - np.ptp(red) + 1e-9))
        tops.append(green.min() / (255 - np.ptp(green) + 1e-9))
    assert 0.05 < min(areas) < 0.15
    assert 0.85 < max(areas) < 1.05
    assert 0.7 < min(ratios) < 0.85
    assert 1.25 < max(ratios) < 1.45
    assert 0.4 < np.mean(mirrored) < 0.6
    for places in (lefts, tops):
        assert 0.4 < np.mean(places) < 0.6


def test_where_no_attempt_fits_the_middle_is_taken():
    """A strip ten times as wide as high: every part of area 1 is too high; the middle at 4:3 remains."""
    image = place_picture(400, 40)
    draws = np.full(23, 0.999999)
    red = np.asarray(random_crop(image, draws, 64)).astype(float)[..., 0]
    wanted = np.array([200 - 26.5, 200 + 26.5]) / 400 * 255
    np.testing.assert_allclose([red.min(), red.max()], wanted, atol=2)


@pytest.mark.parametrize(("width", "height"), [(300, 200), (90, 120), (224, 224)])
def test_the_middle_is_seven_eighths_of_the_shorter_side(width: int, height: int):
    part = np.asarray(centre_crop(place_picture(width, height), 112)).astype(float)
    assert part.shape == (112, 112, 3)
    side = min(width, height) * 224 / 256
    for channel, size in ((part[0, :, 0], width), (part[:, 0, 1], height)):
        wanted = np.array([size - side, size + side]) / 2 / size * 255
        np.testing.assert_allclose([channel[0], channel[-1]], wanted, atol=2.5)


def test_without_augmentation_training_and_test_images_are_the_same():
    kind = AUGMENTATIONS["none"]
    for size in (None, 16):
        one, other = kind.train(PICTURE, np.empty(0), size), kind.test(PICTURE, size)
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
    assert kind.test(PICTURE, 16).size == (16, 16)
    assert kind.test(PICTURE, None).size == (WIDTH, HEIGHT)


# --- small deformations ----------------------------------------------------------------------------------------------


def warped(draws: list[float], pixels: np.ndarray) -> np.ndarray:
    """By the definition: about the middle, as the matrices say, bilinear between pixels, black around."""
    turn, across, down, slant, right, below = (2 * np.array(draws) - 1).tolist()
    angle, slant = math.radians(10 * turn), 0.1 * slant
    turned = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    linear = np.diag([1 + 0.1 * across, 1 + 0.1 * down]) @ turned @ np.array([[1, slant], [0, 1]])
    size = np.array([pixels.shape[1], pixels.shape[0]])
    result = np.zeros(pixels.shape)
    for row, column in np.ndindex(pixels.shape):
        seen = np.array([column + 0.5, row + 0.5]) - size / 2
        x, y = linear @ seen + size / 2 + 0.07 * size * [right, below] - 0.5
        if not (-0.5 <= x < size[0] - 0.5 and -0.5 <= y < size[1] - 0.5):
            continue
        left, top = math.floor(x), math.floor(y)
        for i, j in np.ndindex(2, 2):
            weight = (1 - abs(x - left - i)) * (1 - abs(y - top - j))
            inside = np.clip([top + j, left + i], 0, size[::-1] - 1)
            result[row, column] += weight * pixels[tuple(inside)]
    return result


@pytest.mark.parametrize("place", range(6))
def test_a_warp_is_its_definition(place: int):
    draws = Key(4).uniform((6,), step=place, dtype=np.float64)
    pixels = np.asarray(PICTURE.convert("L"))
    found = np.asarray(AUGMENTATIONS["warp"].train(Image.fromarray(pixels), draws, None)).astype(float)
    difference = np.abs(found - warped(draws.tolist(), pixels))
    assert np.quantile(difference, 0.98) <= 1  # rounding; at the border a pixel may be in or out
    assert np.abs(found - pixels).mean() > 5


def test_a_warp_of_nothing_is_nothing_and_a_test_image_stays_as_it_is():
    still = AUGMENTATIONS["warp"].train(PICTURE, np.full(6, 0.5), None)
    assert np.array_equal(np.asarray(still), PIXELS)
    assert np.array_equal(np.asarray(AUGMENTATIONS["warp"].test(PICTURE, None)), PIXELS)
