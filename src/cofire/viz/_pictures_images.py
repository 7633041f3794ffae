"""What the report of a run on images shows besides: ways to read an answer, calibration, and thinking time."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from cofire import checks
from cofire.ctm import measures
from cofire.tasks import Images
from cofire.viz import _reliability, _run_figures, _stopping
from cofire.viz._accuracy import tick_axis
from cofire.viz._page import Picture, Section
from cofire.viz._picture import make_picture
from cofire.viz._run_evidence import RunEvidence
from cofire.viz._style import LIGHT, Theme
from cofire.viz._words import share

GALLERY = 10
THRESHOLDS = (0.5, 0.8, 0.9)
CLASSES_NAMED = 20  # classes that have room for a bar each


def sections(evidence: RunEvidence) -> list[Section]:
    """Readings and calibration tick by tick, thinking time by class, and the images settled soonest and last."""
    checks.instance("task", evidence.task, Images)
    found = [Section("How its confidence can be trusted", _calibration(evidence))]
    if evidence.ticks > 1:
        found.insert(0, Section("Ways to read the answer", [_readings(evidence), _settled(evidence)]))
        found.append(Section("What took longer", [_thinking_time(evidence), *_galleries(evidence)]))
    return found


# --- what is measured ------------------------------------------------------------------------------------------------


def readings(logits: np.ndarray, certainty: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
    """The accuracy after every tick (T,) of four ways to read an answer from the ticks so far.

    At this tick; at the most certain one; from the mean of the logits; from their mean weighted by certainty.

    >>> logits = np.array([[[3.0, 0.0], [0.0, 1.0]]])
    >>> {name: row.tolist() for name, row in readings(logits, np.array([[0.9, 0.5]]), np.array([0])).items()}
    {'at this tick': [1.0, 0.0], 'most certain so far': [1.0, 1.0], 'mean': [1.0, 1.0], 'weighted mean': [1.0, 1.0]}
    """
    ticks = logits.shape[2]
    said = logits.argmax(axis=1)
    best = np.array([certainty[:, : tick + 1].argmax(axis=1) for tick in range(ticks)]).T
    answers = {
        "at this tick": said,
        "most certain so far": np.take_along_axis(said, best, axis=1),
        "mean": logits.cumsum(axis=2).argmax(axis=1),
        "weighted mean": (logits * certainty[:, None]).cumsum(axis=2).argmax(axis=1),
    }
    return {name: (answer == targets[:, None]).mean(axis=0) for name, answer in answers.items()}


def calibration_errors(logits: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
    """The expected calibration error after every tick (T,): of the tick's probabilities, and of their mean so far."""
    ticks, probabilities = logits.shape[2], measures.probabilities(logits)
    running = probabilities.cumsum(axis=2) / np.arange(1, ticks + 1)
    found = {"at this tick": probabilities, "mean of the ticks so far": running}
    return {
        name: np.array([measures.expected_calibration_error(one[..., tick], targets) for tick in range(ticks)])
        for name, one in found.items()
    }


# --- pictures --------------------------------------------------------------------------------------------------------


def draw_settled(
    certainty: np.ndarray,
    right: np.ndarray,
    axis: Axes,
    *,
    thresholds: Sequence[float] = THRESHOLDS,
    theme: Theme = LIGHT,
) -> Axes:
    """The share of examples (N, T) whose certainty is above thresholds at every tick; dashed: those answered wrongly.

    `right` (N, T) tells which examples are right at each tick.
    """
    checks.shape("right", right, certainty.shape)
    numbers = np.arange(1, certainty.shape[1] + 1)
    for threshold, colour in zip(thresholds, theme.series, strict=False):
        above = certainty > threshold
        axis.plot(numbers, above.mean(axis=0), color=colour, label=f"certainty above {threshold:g}")
        axis.plot(numbers, (above & ~right).mean(axis=0), color=colour, linestyle=(0, (2, 1.5)), linewidth=1.4)
    axis.set(title="Images that are settled", ylabel="share of held-out images", ylim=(0, 1.03))
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.legend(loc="best")
    return tick_axis(axis, certainty.shape[1])


def draw_times(
    ticks: np.ndarray, labels: np.ndarray, names: Sequence[str], axis: Axes, *, theme: Theme = LIGHT
) -> Axes:
    """The mean thinking time (N,), in ticks, of each class (N,), the quickest first; lines hold its middle half.

    Where there are too many classes to name, how many of them take how long.
    """
    present = np.unique(labels)
    groups = [ticks[labels == one] for one in present]
    means = np.array([group.mean() for group in groups])
    axis.set(title="Thinking time by class")
    if len(present) > CLASSES_NAMED:
        axis.hist(means, bins=24, color=theme.thought)
        axis.set(xlabel="mean most certain tick of a class", ylabel="classes")
        return axis
    order = means.argsort(kind="stable")
    places = np.arange(len(order))
    ends = np.array([np.quantile(groups[one], (0.25, 0.75)) for one in order])
    axis.barh(places, means[order], height=0.7, color=theme.thought)
    axis.hlines(places, ends[:, 0], ends[:, 1], color=theme.ink, linewidth=1.4)
    axis.axvline(ticks.mean(), color=theme.ink, linewidth=1.2, linestyle=(0, (5, 2)))
    axis.set_yticks(places, labels=[names[int(present[one])] for one in order])
    axis.set(xlabel="most certain tick", ylim=(len(order) - 0.4, -0.6))
    axis.tick_params(axis="y", length=0)
    return axis


def draw_gallery(
    images: np.ndarray, labels: Sequence[str], wrong: np.ndarray, axis: Axes, *, title: str, theme: Theme = LIGHT
) -> Axes:
    """A grid of colour images (K, height, width, 3), five to a row, with a line of text each; mistakes in red."""
    checks.shape("images", images, ("K", "height", "width", 3))
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        left, top = 1.12 * (place % 5), 1.42 * (place // 5)
        colour = theme.wrong if wrong[place] else theme.ink
        axis.imshow(image, extent=(left, left + 1, top + 1, top))
        if wrong[place]:
            axis.add_patch(Rectangle((left, top), 1, 1, fill=False, edgecolor=theme.wrong, linewidth=2))
        axis.text(left + 0.5, top + 1.06, label, ha="center", va="top", size=7.5, color=colour)
    rows = -(-len(images) // 5)
    axis.set(title=title, xlim=(-0.03, 5.51), ylim=(1.42 * rows - 0.15, -0.03), aspect="equal")
    axis.set_axis_off()
    return axis


def _readings(evidence: RunEvidence) -> Picture:
    answers = evidence.answers
    curves = readings(answers.logits, answers.certainty, answers.targets)
    ends = ", ".join(f"{name} {share(row[-1])}" for name, row in curves.items())
    return make_picture(
        "readings",
        lambda axis, theme: _run_figures.draw_by_tick(
            _rows(curves), axis, title="Four ways to read an answer", ylabel="right answers", theme=theme
        ),
        f"The share of right answers, if thinking were cut after each tick, by what is read: in the end {ends}.",
        f"Four curves of accuracy by tick, ending at {ends}.",
    )


def _settled(evidence: RunEvidence) -> Picture:
    answers = evidence.answers
    right = answers.logits.argmax(axis=1) == answers.targets[:, None]
    sure = answers.certainty > 0.8
    return make_picture(
        "settled",
        lambda axis, theme: draw_settled(answers.certainty, right, axis, theme=theme),
        "How many images it is so certain about after each tick, and (dashed) how many of those it gets wrong there. "
        f"At the last tick {share(sure[:, -1].mean())} are above 0.8, {share((sure & ~right)[:, -1].mean())} wrongly.",
        "Curves of the share of images above three levels of certainty, by tick.",
    )


def _calibration(evidence: RunEvidence) -> list[Picture]:
    answers = evidence.answers
    last = np.full(len(answers.targets), evidence.ticks - 1)
    mean = measures.reliability(measures.mean_probabilities(answers.logits, last), answers.targets)
    error = share(mean.expected_calibration_error)
    pictures = [
        make_picture(
            "calibration",
            lambda axis, theme: _reliability.draw_reliability(mean, axis, theme=theme),
            "How often it was right when it was so confident, where the confidence is the mean probability of all its "
            f"ticks, as published. Expected calibration error: {error}.",
            f"Reliability diagram of the mean probabilities with an expected calibration error of {error}.",
        )
    ]
    if evidence.ticks == 1:
        return pictures
    errors = calibration_errors(answers.logits, answers.targets)
    highest = max(float(row.max()) for row in errors.values())

    def draw(axis: Axes, theme: Theme) -> None:
        title = "How far confidence and accuracy are apart"
        _run_figures.draw_by_tick(_rows(errors), axis, title=title, ylabel="expected calibration error", theme=theme)
        axis.set_ylim(0, 1.15 * highest + 0.01)

    ends = ", ".join(f"{name} {share(row[-1])}" for name, row in errors.items())
    caption = f"The expected calibration error after each tick, the smaller the better; in the end: {ends}."
    return [*pictures, make_picture("calibration_by_tick", draw, caption, f"Two curves by tick, ending at {ends}.")]


def _thinking_time(evidence: RunEvidence) -> Picture:
    answers, names = evidence.answers, _task(evidence).classes
    ticks = evidence.tick + 1
    return make_picture(
        "thinking_time",
        lambda axis, theme: draw_times(ticks, answers.targets, names, axis, theme=theme),
        f"The mean most certain tick of each class; that of all images is {ticks.mean():.1f} of {evidence.ticks}.",
        "Mean thinking time by class.",
        height=4.6 if len(names) <= CLASSES_NAMED else 3.6,
    )


def _galleries(evidence: RunEvidence) -> list[Picture]:
    easy, hard = _stopping.easy_and_hard(evidence.answers.certainty, GALLERY)
    shown = [("easy", "Settled soonest", easy), ("hard", "Settled last", hard)]
    return [_gallery(evidence, name, title, chosen) for name, title, chosen in shown if len(chosen)]


def _gallery(evidence: RunEvidence, name: str, title: str, chosen: np.ndarray) -> Picture:
    task, answers = _task(evidence), evidence.answers
    said = measures.at_tick(answers.logits, evidence.tick).argmax(axis=1)[chosen]
    wrong = said != answers.targets[chosen]
    images = task.pictures(task.test(chosen).inputs)
    if images.ndim == 3:
        images = np.repeat(images[..., None], 3, axis=-1)
    labels = [f"{task.classes[one][:14]} · {evidence.tick[place] + 1}" for one, place in zip(said, chosen, strict=True)]
    return make_picture(
        name,
        lambda axis, theme: draw_gallery(images, labels, wrong, axis, title=title, theme=theme),
        f"The {len(chosen)} images that were {title.lower()}, with the answer and the tick. Red is a mistake.",
        f"Images of {', '.join(task.classes[answers.targets[one]] for one in chosen)}.",
        height=_stopping.gallery_height(len(chosen)),
    )


def _rows(curves: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: row[None] for name, row in curves.items()}


def _task(evidence: RunEvidence) -> Images:
    return checks.instance("task", evidence.task, Images)
