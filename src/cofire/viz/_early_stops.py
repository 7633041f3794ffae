"""The section of a report on stopping early: what every policy saves, and the front of what could be saved."""

from collections.abc import Sequence

from cofire.ctm import halting
from cofire.viz._halting import WorkingPoint, draw_halting
from cofire.viz._page import Paragraph, Section, Table
from cofire.viz._picture import make_picture
from cofire.viz._run_summary import Spread
from cofire.viz._stop_choices import LOSS, HeldOut, Judged, judge
from cofire.viz._words import counted, share

CHOSEN = "calibrated confidence"
TALL = 4.4  # inches: the names of the lines stand below them


def stopping_early(runs: Sequence[HeldOut]) -> list[Section]:
    """The section, from one run or several that differ by their seed; none where there is nothing to stop or to judge.

    The figure is that of the first run.
    """
    first = runs[0]
    if first.ticks < 2 or len(first) < 4:
        return []
    judged = [judge(run) for run in runs]
    chosen = {one.name: one for one in judged[0]}[CHOSEN]
    point = WorkingPoint(chosen.ticks, chosen.accuracy, LOSS)
    front = halting.front(first.thought, first.right, positions=first.positions)
    best = front.oracle
    picture = make_picture(
        "halting",
        lambda axis, theme: draw_halting(front, axis, chosen=point, theme=theme),
        "Accuracy against mean ticks, for every threshold at which one might stop, some of them written beside the "
        "line. The ring is the calibrated policy of the table, on examples it was not set on; the band below the full "
        "run is what it was allowed to lose. The dotted line is the bound: an oracle that knows when an answer is "
        f"right would have {share(float(best.accuracy[-1]))} with {float(best.ticks[-1]):.1f} ticks. The accuracies "
        "do not begin at 0." + (" That of the first seed." if len(runs) > 1 else ""),
        f"Curves of accuracy against mean ticks, with the calibrated policy at {share(point.accuracy)} and "
        f"{point.ticks:.1f} ticks beside {share(first.full)} and {first.ticks} ticks.",
        height=TALL,
    )
    return [Section("Stopping early", [Paragraph(_words(runs, judged)), _table(runs, judged), picture])]


def _words(runs: Sequence[HeldOut], judged: Sequence[Sequence[Judged]]) -> str:
    rows = [{one.name: one for one in run}[CHOSEN] for run in judged]
    ticks = Spread.of(one.ticks for one in rows)
    lost = Spread.of(100 * (run.full - one.accuracy) for run, one in zip(runs, rows, strict=True))
    return (
        f"A sample can leave the batch as soon as a policy is satisfied, and its work is saved. With {CHOSEN} it "
        f"stops after {ticks.number()} of {counted(runs[0].ticks, 'tick')} on average, "
        f"{runs[0].ticks / ticks.mean:.1f} times fewer, and {_change(lost.mean)}. Every policy was set on one half of "
        f"the held-out examples to lose at most {100 * LOSS:g} points of accuracy there, and judged on the other half; "
        "then the halves changed places. cofire eval RUN --halt calibrated=0.002 measures the time that is saved."
    )


def _change(lost: float) -> str:
    amount = f"{abs(lost):.1f} points of accuracy"
    return f"gains {amount}" if round(lost, 1) < 0 else f"loses {amount}"


def _table(runs: Sequence[HeldOut], judged: Sequence[Sequence[Judged]]) -> Table:
    """One row for each policy, the full run first; settings where a single run has them."""
    length = runs[0].ticks
    rows = [["never: the full run", Spread.of(run.full for run in runs).percent(), "", str(length), "", ""]]
    for parts in zip(*judged, strict=True):
        ticks = Spread.of(one.ticks for one in parts)
        lost = Spread.of(100 * (run.full - one.accuracy) for run, one in zip(runs, parts, strict=True))
        rows.append(
            [
                parts[0].name,
                Spread.of(one.accuracy for one in parts).percent(),
                f"{round(lost.mean, 1) + 0.0:.1f}",
                ticks.number(),
                f"{length / ticks.mean:.1f}x",
                " or ".join(parts[0].settings) if len(runs) == 1 else "",
            ]
        )
    header = ["stops by", "accuracy", "points lost", "mean ticks", "fewer", "set to"]
    return Table([row[: 6 if len(runs) == 1 else 5] for row in rows], header[: 6 if len(runs) == 1 else 5])
