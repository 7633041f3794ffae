"""What the report of a run on digits shows besides: what was taken for what, and how quick and slow digits look."""

import numpy as np

from cofire import checks
from cofire.ctm import measures
from cofire.tasks import Digits
from cofire.viz import _reliability, _stopping
from cofire.viz._page import Block, Section
from cofire.viz._picture import make_picture
from cofire.viz._run_evidence import RunEvidence

GALLERY = 10


def sections(evidence: RunEvidence) -> list[Section]:
    """The confusion of digits, thinking time by digit, and the digits that were settled soonest and last."""
    answers, classes = evidence.answers, evidence.answers.logits.shape[1]
    said = measures.at_tick(answers.logits, evidence.tick).argmax(axis=1)
    confusion = measures.confusion_matrix(said, answers.targets, classes)
    blocks: list[Block] = [
        make_picture(
            "confusion",
            lambda axis, theme: _reliability.draw_confusion(confusion, axis, theme=theme),
            "Which digit was taken for which: rows are the truth, columns the answer.",
            f"Confusion matrix with {np.trace(confusion)} of {confusion.sum()} on the diagonal.",
            height=4.6,
        )
    ]
    if evidence.ticks > 1:
        blocks.append(
            make_picture(
                "thinking_time",
                lambda axis, theme: _stopping.draw_thinking_time(answers.certainty, answers.targets, axis, theme=theme),
                "The mean most certain tick of each digit; solid lines hold the middle half of its images, the dashed "
                "one is the mean of all.",
                "Bars of mean thinking time by digit.",
            )
        )
    easy, hard = _stopping.easy_and_hard(answers.certainty, GALLERY)
    shown = [("easy", "Settled soonest", easy), ("hard", "Settled last", hard)]
    blocks += [_gallery(evidence, said, name, title, chosen) for name, title, chosen in shown if len(chosen)]
    return [Section("Digit by digit", blocks)]


def _gallery(evidence: RunEvidence, said: np.ndarray, name: str, title: str, chosen: np.ndarray) -> Block:
    task = checks.instance("task", evidence.task, Digits)
    images = task.pictures(task.test(chosen).inputs)
    truth = evidence.answers.targets
    wrong = said[chosen] != truth[chosen]
    labels = [
        f"{said[one]}{f', is {truth[one]}' if said[one] != truth[one] else ''} · tick {evidence.tick[one] + 1}"
        for one in chosen
    ]
    return make_picture(
        name,
        lambda axis, theme: _stopping.draw_images(images, labels, axis, title=title, marked=wrong, theme=theme),
        f"The {len(chosen)} digits that were {title.lower()}, with the answer and the tick. A red frame is a mistake.",
        f"Images of {', '.join(str(truth[one]) for one in chosen)}.",
        height=_stopping.gallery_height(len(chosen)),
    )
