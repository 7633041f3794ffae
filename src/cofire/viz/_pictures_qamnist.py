"""What the report of a run on Q&A MNIST shows besides: how it fares with more digits and longer questions."""

from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from cofire import checks
from cofire.tasks import QuestionsMNIST
from cofire.viz._page import Paragraph, Picture, Section
from cofire.viz._picture import make_picture
from cofire.viz._run_evidence import RunEvidence
from cofire.viz._style import LIGHT, Theme
from cofire.viz._words import share

MOST = 10  # digits and operations that are asked for
ASKED = 40  # questions of each kind
CASES = 6


class Grid(NamedTuple):
    """Shares of right answers (digits, operations), both from 1, and the ranges that were trained."""

    accuracy: np.ndarray
    digits: tuple[int, int]
    operations: tuple[int, int]

    @property
    def trained(self) -> np.ndarray:
        """Which kinds were trained, bool (digits, operations)."""
        inside = [
            (np.arange(1, size + 1) >= low) & (np.arange(1, size + 1) <= high)
            for size, (low, high) in zip(self.accuracy.shape, (self.digits, self.operations), strict=True)
        ]
        return inside[0][:, None] & inside[1]


class Case(NamedTuple):
    """A question that was answered: the digits shown (n, height, width), the question, the truth and the answer."""

    images: np.ndarray
    question: str
    truth: int
    answer: int


def sections(evidence: RunEvidence) -> list[Section]:
    """The accuracy by numbers of digits and operations, and some questions with their answers."""
    grid = ask_everything(evidence)
    inside, outside = grid.accuracy[grid.trained], grid.accuracy[~grid.trained]
    said = f"{share(inside.mean())} of the answers are right within what was trained (framed)" if inside.size else ""
    beyond = f"{share(outside.mean())} beyond it; guessing gives 10%" if outside.size else ""
    grid_picture = make_picture(
        "grid",
        lambda axis, theme: draw_grid(grid, axis, theme=theme),
        f"Right answers by the numbers of digits and operations, {ASKED} new questions about held-out images each: "
        f"{'; '.join(part for part in (said, beyond) if part)}.",
        f"Table of accuracies for up to {MOST} digits and {MOST} operations.",
        height=4.6,
    )
    return [
        Section("More digits and longer questions", [grid_picture]),
        Section("Some of the questions", _cases(evidence)),
    ]


def ask_everything(evidence: RunEvidence, most: int = MOST, asked: int = ASKED) -> Grid:
    """Ask the model of a run for up to `most` digits and operations, each answered where it is most certain."""
    task = _task(evidence)
    accuracy = np.empty((most, most))
    for digits in range(1, most + 1):
        for operations in range(1, most + 1):
            accuracy[digits - 1, operations - 1] = _answers(evidence, digits, operations, asked)[1].mean()
    return Grid(accuracy, task.kinds.digits, task.kinds.operations)


def draw_grid(grid: Grid, axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """Accuracies in percent, the more the darker; a frame holds the kinds that were trained."""
    rows, columns = grid.accuracy.shape
    edges = (0.5, columns + 0.5, rows + 0.5, 0.5)
    axis.imshow(grid.accuracy, cmap=theme.ramp(theme.thought), vmin=0, vmax=1.25, extent=edges, aspect="auto")
    for row, column in np.ndindex(rows, columns):
        text = f"{100 * grid.accuracy[row, column]:.0f}"
        axis.text(column + 1, row + 1, text, ha="center", va="center", size=8.5)
    (top, low), (left, right) = grid.digits, (max(1, grid.operations[0]), grid.operations[1])
    width, height = min(right, columns) - left + 1, min(low, rows) - top + 1
    if min(width, height) > 0:
        frame = Rectangle((left - 0.5, top - 0.5), width, height, fill=False, edgecolor=theme.ink, linewidth=1.8)
        axis.add_patch(frame)
    axis.set(title="Right answers in percent", xlabel="operations", ylabel="digits shown")
    axis.set_xticks(range(1, columns + 1))
    axis.set_yticks(range(1, rows + 1))
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)
    return axis


def draw_cases(cases: list[Case], axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """One row for each question: the digits in the order of their places, the question, and the answer."""
    most = max(len(case.images) for case in cases)
    for row, case in enumerate(cases):
        for place, image in enumerate(case.images):
            axis.imshow(image, cmap="gray_r", vmin=0, vmax=1, extent=(place, place + 0.92, row + 0.92, row))
            frame = Rectangle((place, row), 0.92, 0.92, fill=False, edgecolor=theme.grid, linewidth=0.8)
            axis.add_patch(frame)
        right = case.truth == case.answer
        text = f"{case.question} = {case.answer}" + ("" if right else f", is {case.truth}")
        axis.text(most + 0.2, row + 0.46, text, va="center", size=10, color=theme.ink if right else theme.wrong)
    axis.set(title="Shown, asked, answered", xlim=(-0.05, most + 5.5), ylim=(len(cases), -0.05), aspect="equal")
    axis.set_axis_off()
    return axis


def _cases(evidence: RunEvidence) -> list[Picture | Paragraph]:
    """As many questions as there is room for, half of them answered wrongly where there are so many."""
    task = _task(evidence)
    digits, operations = task.kinds.digits[1], task.kinds.operations[1]
    cases, right = _answered(evidence, digits, operations, 200)
    wrong = np.flatnonzero(~right)[: CASES // 2]
    chosen = [*np.flatnonzero(right)[: CASES - len(wrong)], *wrong]
    if digits > 8:
        return [Paragraph("There are too many digits to a question to show them here.")]
    shown = [cases[int(one)] for one in chosen]
    return [
        make_picture(
            "questions",
            lambda axis, theme: draw_cases(shown, axis, theme=theme),
            "The digits in the order in which they were shown, what was asked for by place and read from left to "
            f"right modulo ten, and the answer. Of {len(right)} such questions {share(right.mean())} were answered "
            "rightly; mistakes stand below, in red.",
            "; ".join(f"{case.question} is {case.truth}, answered {case.answer}" for case in shown),
            height=0.55 * len(shown) + 0.4,
        )
    ]


def _answered(evidence: RunEvidence, digits: int, operations: int, count: int) -> tuple[list[Case], np.ndarray]:
    """Return answered questions of a kind, and which of them are right (N,)."""
    task = _task(evidence)
    batch, repeats = task.ask(digits, operations, count), task.settings["repeats"]
    answers, right = _answers(evidence, digits, operations, count)
    pictures = task.pictures(batch.inputs[:, ::repeats])
    signs = {-1: "+", -2: "−"}
    cases = []
    for images, tokens, truth, answer in zip(
        pictures, batch.asked[:, ::repeats].tolist(), batch.targets.tolist(), answers.tolist(), strict=True
    ):
        words = [signs[token] if token < 0 else f"#{token + 1}" for token in tokens]
        cases.append(Case(images, " ".join(words), truth, answer))
    return cases, right


@torch.inference_mode()
def _answers(evidence: RunEvidence, digits: int, operations: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the answers (N,) to questions of a kind, and which of them are right (N,)."""
    device = next(evidence.model.parameters()).device
    batch = _task(evidence).ask(digits, operations, count).to(device)
    thought = batch.show(evidence.model)
    answers = thought.answer().argmax(1)
    return answers.cpu().numpy(), (answers == batch.targets).cpu().numpy()


def _task(evidence: RunEvidence) -> QuestionsMNIST:
    return checks.instance("task", evidence.task, QuestionsMNIST)
