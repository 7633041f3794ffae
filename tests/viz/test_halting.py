"""Stopping early, drawn and told: lines are the front's, numbers are those of plain definitions on new examples."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import same_color
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cofire import viz
from cofire.checks import InvalidType, InvalidValue
from cofire.ctm import Thought, halting
from cofire.viz._early_stops import stopping_early
from cofire.viz._page import Paragraph, Picture, Table
from cofire.viz._stop_choices import HeldOut, choose, for_so_many, halve, judge
from cofire.viz._words import near_one
from tests.viz.run_evidence import CLASSES, POSITIONS, evidence

RUN = evidence(sure=2.5)
HELD = HeldOut.of(RUN)
FRONT = halting.front(HELD.thought, HELD.right, positions=HELD.positions)


@pytest.fixture
def axis() -> Axes:
    return Figure().subplots()


def line(axis: Axes, label: str) -> Line2D:
    (found,) = [one for one in axis.lines if str(one.get_label()).startswith(label)]
    return found


def words(axis: Axes) -> list[str]:
    return [text.get_text() for text in axis.get_legend().get_texts()]


# --- the figure ------------------------------------------------------------------------------------------------------


def test_every_line_is_a_curve_of_the_front(axis: Axes):
    viz.draw_halting(FRONT, axis, theme=viz.DARK)
    for label, curve, colour in (
        ("oracle", FRONT.oracle, viz.DARK.muted),
        ("everybody", FRONT.fixed, viz.DARK.control),
        ("certainty", FRONT.certain, viz.DARK.second),
        ("calibrated", FRONT.confident, viz.DARK.thought),
    ):
        drawn = line(axis, label)
        np.testing.assert_allclose(drawn.get_xdata(), curve.ticks.numpy())
        np.testing.assert_allclose(drawn.get_ydata(), curve.accuracy.numpy())
        assert same_color(drawn.get_color(), colour)
    assert set(line(axis, "full run").get_ydata()) == {HELD.full}
    assert words(axis)[-1] == f"full run, {100 * HELD.full:.1f}%"
    assert not axis.patches


def test_what_matters_is_in_view(axis: Axes):
    point = viz.WorkingPoint(ticks=2.0, accuracy=0.3, loss=0.002)
    low, high = viz.draw_halting(FRONT, axis, chosen=point).get_ylim()
    assert 0 <= low < 0.3 < HELD.full <= FRONT.oracle.accuracy.max() < high
    assert axis.get_xlim() == (0.5, 6.5)
    close, _ = viz.draw_halting(FRONT, Figure().subplots()).get_ylim()
    assert low < close < HELD.full


@pytest.mark.parametrize(("change", "said"), [(-0.004, "0.4 points lost"), (0.01, "1.0 points gained")])
def test_the_chosen_point_is_ringed_beside_what_may_be_lost(axis: Axes, change: float, said: str):
    point = viz.WorkingPoint(ticks=3.25, accuracy=HELD.full + change, loss=0.005)
    viz.draw_halting(FRONT, axis, chosen=point)
    ring = line(axis, "chosen")
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (3.25, HELD.full + change)
    assert words(axis)[-2:] == ["0.5 points that may be lost", f"chosen: 3.2 ticks, {said}"]
    heights = axis.patches[0].get_window_extent().transformed(axis.transData.inverted())
    assert (heights.y0, heights.y1) == pytest.approx((HELD.full - 0.005, HELD.full))


def test_thresholds_stand_beside_the_points_that_they_make(axis: Axes):
    viz.draw_halting(FRONT, axis)
    made = {(x, y): at for x, y, at in zip(*(column.tolist() for column in FRONT.confident), strict=True)}
    assert 2 <= len(axis.texts) <= 4
    for text in axis.texts:
        assert text.get_text() == near_one(made[tuple(map(float, text.xy))])
        assert text.xy[1] > axis.get_ylim()[0]


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_what_is_always_right_or_never_can_be_drawn(axis: Axes, right: float):
    found = halting.front(Thought(torch.zeros(3, 2, 2), torch.full((3, 2), 0.5)), torch.full((3, 2), right))
    low, high = viz.draw_halting(found, axis).get_ylim()
    assert line(axis, "oracle").get_xydata().tolist() == [[1.0, right]]
    assert 0 <= low <= right < high


@pytest.mark.parametrize(
    ("point", "said"),
    [
        (viz.WorkingPoint(0.5, 0.9, 0.002), "mean ticks of chosen: wanted a finite number from 1 to 6.0, got 0.5"),
        (viz.WorkingPoint(7.0, 0.9, 0.002), "got 7.0; the usual fix: the thought has 6 ticks"),
        (viz.WorkingPoint(3.0, 98.6, 0.002), "accuracy of chosen: wanted .* from 0 to 1, got 98.6; .*0.986 for 98.6%"),
        (viz.WorkingPoint(3.0, float("nan"), 0.002), "accuracy of chosen: wanted a finite number .* got nan"),
        (viz.WorkingPoint(3.0, 0.9, -0.1), "loss of chosen: wanted .* got -0.1; .* 0.002 for 0.2 points"),
    ],
)
def test_points_that_cannot_be_are_named(axis: Axes, point: viz.WorkingPoint, said: str):
    with pytest.raises(InvalidValue, match=said):
        viz.draw_halting(FRONT, axis, chosen=point)


def test_something_else_is_refused(axis: Axes):
    with pytest.raises(InvalidType, match=r"front: wanted Front, got .*cofire.ctm.halting.front\(thought, right\)"):
        viz.draw_halting(HELD, axis)  # pyright: ignore
    with pytest.raises(InvalidType, match=r"chosen: wanted WorkingPoint, got .*0\.9"):
        viz.draw_halting(FRONT, axis, chosen=(3.0, 0.9, 0.1))  # pyright: ignore


# --- the numbers -----------------------------------------------------------------------------------------------------


def plain(policy: halting.Policy, held: HeldOut) -> tuple[float, float]:
    """Accuracy and mean ticks of a policy, example by example, each read where it was most certain."""
    right, ticks = [], []
    for n, used in enumerate(halting.replay(policy, held.thought, positions=held.positions).ticks.tolist()):
        right.append(held.right[n, int(held.thought.certainty[n, :used].argmax())].item())
        ticks.append(used)
    return float(np.mean(right)), float(np.mean(ticks))


def test_what_is_held_out_is_that_of_the_run():
    logits = RUN.answers.logits.reshape(-1, POSITIONS, CLASSES, RUN.ticks)
    right = (logits.argmax(2) == RUN.answers.targets[:, :, None]).mean(1)
    np.testing.assert_allclose(HELD.right, right, atol=1e-6)
    assert HELD.full == pytest.approx(RUN.scores["accuracy"].mean())
    assert (len(HELD), HELD.ticks, HELD.positions) == (60, 6, POSITIONS)


def test_in_a_stream_only_the_silence_counts():
    config = SimpleNamespace(streamed=True, ticks=4, answer=RUN.model.config.answer)
    streamed = HeldOut.of(replace(RUN, model=SimpleNamespace(config=config)))
    assert streamed.ticks == 4
    assert torch.equal(streamed.right, HELD.right[:, 2:])
    assert torch.equal(streamed.thought.logits, HELD.thought.logits[..., 2:])


@pytest.mark.parametrize("loss", [0.0, 0.002, 0.2])
def test_a_policy_is_the_cheapest_that_keeps_the_accuracy(loss: float):
    chosen = choose(HELD, loss)
    families = {
        "certainty": [halting.Certainty(n / 40) for n in range(1, 40)],
        "patience": [halting.Patience(k) for k in range(1, 6)],
    }
    for name, family in families.items():
        accuracy, ticks = plain(chosen[name], HELD)
        keeping = [used for found, used in (plain(one, HELD) for one in family) if found >= HELD.full - loss - 1e-9]
        if keeping:
            assert accuracy >= HELD.full - loss - 1e-9
            assert ticks == min(keeping)
        else:
            assert accuracy == max(plain(one, HELD)[0] for one in family)
    assert plain(chosen["calibrated confidence"], HELD)[0] >= HELD.full - loss - 1e-6


def test_where_all_lose_the_one_that_loses_least_is_taken():
    certainty = torch.tensor([[0.98, 0.981, 0.99]]).expand(4, 3)  # above every threshold of the family
    held = HeldOut(Thought(torch.zeros(4, 2, 3), certainty), torch.tensor([[0.0, 0.0, 1.0]]).expand(4, 3), 1)
    assert halting.replay(choose(held)["certainty"], held.thought).ticks.tolist() == [1] * 4
    assert choose(held)["patience"] == halting.Patience(1) or plain(choose(held)["patience"], held)[0] == 1.0


def test_each_half_is_judged_with_the_settings_of_the_other():
    halves = [HELD.part(rows) for rows in halve(60)]
    found = {one.name: one for one in judge(HELD)}
    for name in ("calibrated confidence", "certainty", "patience", "plateau", "budget", "budget by confidence"):
        pairs = [plain(choose(halves[k])[name], halves[1 - k]) for k in (0, 1)]
        assert (found[name].accuracy, found[name].ticks) == pytest.approx(tuple(np.mean(pairs, axis=0))), name


def test_halves_have_every_example_once_and_some_of_every_kind():
    first, second = halve(1000)
    assert sorted([*first, *second]) == list(range(1000))
    for period in (2, 10):  # classes that take turns
        assert np.bincount(first % period, minlength=period).min() > 350 / period
    assert 150 < (first < 500).sum() < 350  # and classes that follow each other


def test_a_budget_grows_with_the_examples():
    sure = halting.Calibrated(1.0, 0.5)
    assert for_so_many(halting.Budget(50, sure), 10, 5) == halting.Budget(25, sure)
    assert for_so_many(halting.Budget(10), 10, 9) == halting.Budget(9)
    assert for_so_many(sure, 10, 5) is sure


# --- the section -----------------------------------------------------------------------------------------------------


def parts(runs: list[HeldOut]) -> tuple[Paragraph, Table, Picture]:
    (section,) = stopping_early(runs)
    assert section.heading == "Stopping early"
    paragraph, table, picture = section.blocks
    assert isinstance(paragraph, Paragraph)
    assert isinstance(table, Table)
    assert isinstance(picture, Picture)
    return paragraph, table, picture


def test_the_section_tells_what_was_judged():
    paragraph, table, picture = parts([HELD])
    found = {one.name: one for one in judge(HELD)}
    assert [row[0] for row in table.rows] == ["never: the full run", *found]
    for row in table.rows[1:]:
        one = found[row[0]]
        lost, fewer = 100 * (HELD.full - one.accuracy), 6 / one.ticks
        assert row[1:5] == [
            f"{100 * one.accuracy:.1f}%",
            f"{round(lost, 1) + 0.0:.1f}",
            f"{one.ticks:.1f}",
            f"{fewer:.1f}x",
        ]
        assert row[5] == " or ".join(one.settings) != ""
    chosen = found["calibrated confidence"]
    assert f"stops after {chosen.ticks:.1f} of 6 ticks on average" in paragraph.text
    assert f"at {100 * chosen.accuracy:.1f}% and {chosen.ticks:.1f} ticks" in picture.alt
    assert picture.light != picture.dark


def test_several_seeds_have_mean_and_spread():
    paragraph, table, picture = parts([HeldOut.of(evidence(seed=seed)) for seed in (0, 1)])
    each = [{one.name: one for one in judge(HeldOut.of(evidence(seed=seed)))}["patience"].ticks for seed in (0, 1)]
    row = next(row for row in table.rows if row[0] == "patience")
    assert row[3] == f"{np.mean(each):.1f} ± {np.std(each, ddof=1):.1f}"
    assert len(table.header) == len(row) == 5
    assert re.search(r"stops after \d\.\d ± \d\.\d of 6 ticks", paragraph.text)
    assert picture.caption.endswith("That of the first seed.")


def test_where_there_is_nothing_to_stop_there_is_no_section():
    assert stopping_early([HeldOut.of(evidence(ticks=1))]) == []
    assert stopping_early([HELD.part(np.arange(3))]) == []


def test_equal_evidence_gives_equal_pictures():
    assert parts([HELD])[2] == parts([HELD])[2]
