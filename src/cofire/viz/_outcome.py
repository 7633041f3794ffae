"""What came out, in three sections: whether thinking helped, where it stopped, and how sure and how wrong it was."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes

from cofire.viz import _accuracy, _reliability, _stopping
from cofire.viz._page import Block, Paragraph, Section, Table
from cofire.viz._picture import make_picture
from cofire.viz._style import Theme
from cofire.viz._summary import Summary
from cofire.viz._words import chance, count, counted, share, times

_GALLERY = 10  # images on each side of easy against hard
_MISTAKES = 15


def did_thinking_help(summary: Summary) -> Section:
    """Accuracy, mistakes and certainty tick by tick, and the control beside them."""
    evidence, per_tick = summary.evidence, summary.accuracy_per_tick
    levels = {
        "most_certain": summary.accuracy,
        "control": summary.control_accuracy,
        "chance": summary.chance,
    }
    wrong = {
        "when most certain": int((~summary.right).sum()),
        "at the last tick": int((~summary.right_at_last).sum()),
        "one-tick control": int((~summary.control_right).sum()),
    }
    return Section(
        "Did thinking help?",
        [
            Paragraph(_verdict(summary)),
            make_picture(
                "accuracy",
                lambda axis, theme: _accuracy.draw_accuracy(per_tick, axis, **levels, theme=theme),
                f"How many answers would be right if thinking were cut after each tick: {share(per_tick[0])} after the "
                f"first, {share(per_tick[-1])} after the last. Where the curve still climbs, thinking pays; the dashed "
                "lines are the figures to compare with.",
                f"Line from {share(per_tick[0])} right at tick 1 to {share(per_tick[-1])} at tick {evidence.ticks}; "
                f"{share(summary.accuracy)} when most certain, {share(summary.control_accuracy)} for the control.",
            ),
            make_picture(
                "errors",
                lambda axis, theme: _accuracy.draw_errors(
                    per_tick, axis, examples=summary.total, **levels, theme=theme
                ),
                "The same, as mistakes: where all curves come near 100% right they look alike, here each line of the "
                "grid is ten times fewer mistakes. Lower is better.",
                f"Line of mistakes falling from {share(1 - per_tick[0])} to {share(1 - per_tick[-1])}.",
            ),
            make_picture(
                "certainty",
                lambda axis, theme: _accuracy.draw_certainty(evidence.certainty, summary.right, axis, theme=theme),
                "How certain it was after each tick, on average, for digits it got right and for those it got wrong. "
                "The band holds the middle 80% of the right ones. The gap between the lines is what makes certainty "
                "worth heeding.",
                _certainty_words(summary),
            ),
            make_picture(
                "control",
                lambda axis, theme: _accuracy.draw_mistakes(
                    wrong, summary.total, axis, colours=(theme.thought, theme.second, theme.control), theme=theme
                ),
                "Wrong answers of the same network read at two moments, and of its control, with 95% intervals. "
                "Intervals that overlap widely say that the difference may be luck.",
                "Bars: " + ", ".join(f"{name} {count(one)}" for name, one in wrong.items()) + ".",
            ),
            _paired_table(summary),
        ],
    )


def where_it_stopped(summary: Summary) -> Section:
    """The histogram of most certain ticks, and what settled soonest and last."""
    evidence = summary.evidence
    easy, hard = _stopping.easy_and_hard(evidence.certainty, _GALLERY)
    busiest = int(np.bincount(summary.ticks).argmax()) + 1
    blocks: list[Block] = [
        make_picture(
            "stopping",
            lambda axis, theme: _stopping.draw_stopping(evidence.certainty, summary.right, axis, theme=theme),
            f"The tick at which it was most certain about each digit. The mean is {summary.thinking_time:.1f} of "
            f"{evidence.ticks}, the commonest {busiest}. At the last tick stand those whose certainty still grew.",
            f"Histogram of most certain ticks with its peak at tick {busiest}.",
        ),
        make_picture(
            "thinking_time",
            lambda axis, theme: _stopping.draw_thinking_time(evidence.certainty, evidence.labels, axis, theme=theme),
            "The mean most certain tick of each digit; solid lines hold the middle half of its images, the dashed one "
            "is the mean of all. Tall bars are digits that it finds hard to settle.",
            "Bars of mean thinking time by digit: " + _times_by_digit(summary) + ".",
        ),
    ]
    for name, title, chosen in (("easy", "Settled soonest", easy), ("hard", "Settled last", hard)):
        if len(chosen):
            blocks.append(
                make_picture(
                    name,
                    _gallery(summary, chosen, title),
                    f"The {len(chosen)} digits that were {title.lower()}, with the answer and the tick. "
                    "A red frame is a mistake.",
                    f"Images of {_digit_list(summary, chosen)}.",
                    height=_stopping.gallery_height(len(chosen)),
                )
            )
    return Section("Where the thinking stopped", blocks)


def sure_and_wrong(summary: Summary) -> Section:
    """Calibration, the confusion matrix, and the mistakes themselves."""
    diagram = summary.reliability
    error = share(diagram.expected_calibration_error)
    wrong = np.flatnonzero(~summary.right)
    certainty = summary.evidence.certainty.max(axis=1)
    shown = wrong[np.argsort(-certainty[wrong], kind="stable")][:_MISTAKES]
    blocks: list[Block] = [
        make_picture(
            "reliability",
            lambda axis, theme: _reliability.draw_reliability(diagram, axis, theme=theme),
            "How often it was right when it was so confident, in 15 equal steps of confidence, with 95% intervals, "
            "and at the foot the number of digits in each. Points below the dotted line are overconfident. The "
            f"expected calibration error, their mean distance from it, is {error}; with probabilities averaged over "
            f"the ticks thought so far it is {share(summary.averaged_calibration_error)}, and for the control "
            f"{share(summary.control_calibration_error)}.",
            f"Reliability diagram with an expected calibration error of {error}.",
        ),
        make_picture(
            "confusion",
            lambda axis, theme: _reliability.draw_confusion(summary.confusion, axis, theme=theme),
            f"Which digit was taken for which: rows are the truth, columns the answer when most certain. "
            f"{_worst_confusion(summary)}",
            f"Confusion matrix with {count(int(summary.right.sum()))} of {count(summary.total)} on the diagonal.",
            height=4.6,
        ),
    ]
    if len(shown):
        whole = "All" if len(shown) == len(wrong) else f"{len(shown)} of"
        blocks.append(
            make_picture(
                "mistakes",
                _gallery(summary, shown, "What it got wrong"),
                f"{whole} {counted(len(wrong), 'mistake')}, the most certain first: its answer, the truth, the tick.",
                f"Images of {_digit_list(summary, shown)}.",
                height=_stopping.gallery_height(len(shown)),
            )
        )
    return Section("How sure, and how wrong", blocks)


def _verdict(summary: Summary) -> str:
    paired = summary.paired
    differ = paired.only_first + paired.only_second
    if not differ:
        return "The two answer alike, right and wrong, on every digit: this run shows no use of thinking longer."
    shown = (
        f"They differ on {counted(differ, 'digit')}: thinking alone was right on {paired.only_first}, "
        f"the control alone on {paired.only_second}."
    )
    odds = f"If neither were better, a split at least as uneven would come about with {chance(paired.p_value)}"
    if paired.p_value >= 0.05:
        return f"{shown} {odds}: this run alone does not show that thinking longer helped."
    if paired.only_first > paired.only_second:
        return f"{shown} {odds} (McNemar's exact test): thinking longer helped here."
    return f"{shown} {odds} (McNemar's exact test): the control is the better one, and thinking longer did harm."


def _paired_table(summary: Summary) -> Table:
    paired = summary.paired
    return Table(
        [
            ("thinking right", count(paired.both), count(paired.only_first)),
            ("thinking wrong", count(paired.only_second), count(paired.neither)),
        ],
        header=("digit by digit", "control right", "control wrong"),
    )


def _certainty_words(summary: Summary) -> str:
    last = summary.evidence.certainty[:, -1]
    groups = (("right", summary.right), ("wrong", ~summary.right))
    means = [f"{last[chosen].mean():.2f} for {name} ones" for name, chosen in groups if chosen.any()]
    return f"Lines of mean certainty, ending at {' and '.join(means)}."


def _times_by_digit(summary: Summary) -> str:
    labels = summary.evidence.labels
    return ", ".join(f"{one} {summary.ticks[labels == one].mean() + 1:.1f}" for one in np.unique(labels))


def _worst_confusion(summary: Summary) -> str:
    mistakes = summary.confusion - np.diag(np.diag(summary.confusion))
    if not mistakes.any():
        return "There was no mistake."
    truth, answer = np.unravel_index(mistakes.argmax(), mistakes.shape)
    return f"Most often, {times(int(mistakes[truth, answer]))}, a {truth} was taken for a {answer}."


def _digit_list(summary: Summary, chosen: np.ndarray) -> str:
    said = (
        f"a {summary.evidence.labels[one]}" + ("" if summary.right[one] else f" taken for a {summary.answers[one]}")
        for one in chosen
    )
    return ", ".join(said)


def _gallery(summary: Summary, chosen: np.ndarray, title: str) -> Callable[[Axes, Theme], Axes]:
    labels = []
    for one in chosen:
        answer, truth = summary.answers[one], summary.evidence.labels[one]
        said = f"{answer}" if summary.right[one] else f"{answer}, is {truth}"
        labels.append(f"{said} · tick {summary.ticks[one] + 1}")
    images, marked = summary.evidence.images[chosen], ~summary.right[chosen]
    return lambda axis, theme: _stopping.draw_images(images, labels, axis, title=title, marked=marked, theme=theme)
