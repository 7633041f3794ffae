"""What the report of a run of control shows: returns as it learns, an episode with the neurons in it, and what is
remembered of what cannot be seen.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import leaves_list, linkage

from cofire.random import Key
from cofire.tasks.control import FourRooms
from cofire.tasks.control._four_rooms import corners, walls
from cofire.train.ppo import Watched, watch
from cofire.viz._page import Block, Paragraph, Picture, Section, Table
from cofire.viz._picture import make_picture
from cofire.viz._run_evidence import RunEvidence
from cofire.viz._style import DARK, LIGHT, Theme, paint
from cofire.viz._training import draw_training
from cofire.viz._words import count, counted

WATCHED = 40  # episodes from which is learned, half of them, what is remembered; the other half tests it
ACTIONS = {
    "cartpole": ("push left", "push right"),
    "acrobot": ("torque −1", "none", "torque +1"),
    "four-rooms": ("turn left", "turn right", "walk", "pick up", "drop", "toggle", "done"),
}


class Quantity(NamedTuple):
    """A number of the world's state: its name with the unit, and the column and factor that give it."""

    name: str
    column: int
    factor: float = 1.0


VISIBLE = {
    "cartpole": (Quantity("cart (m)", 0), Quantity("pole (rad)", 2)),
    "acrobot": (Quantity("first angle (rad)", 0), Quantity("second angle (rad)", 1)),
}
MASKED = {
    "cartpole": (Quantity("velocity of the cart (m/s)", 1), Quantity("angular velocity of the pole (rad/s)", 3)),
    "acrobot": (
        Quantity("angular velocity of the first link (rad/s)", 2),
        Quantity("angular velocity of the second link (rad/s)", 3),
    ),
}


class Readout(NamedTuple):
    """A quantity that is not shown, read linearly: true and read values (n,) of episodes that were not fitted, the
    share of variance that the neurons tell, and that which the observation of the same step tells.
    """

    name: str
    true: np.ndarray
    found: np.ndarray
    told: float
    told_by_sight: float


def sections(evidence: RunEvidence) -> list[Section]:
    """Learning curves, an episode from within, and what is remembered where something is masked."""
    key = Key.from_json(evidence.config["key"]).fold("evaluation")
    first = watch(evidence.model, evidence.task, key=key)
    found = [Section("How it learned to act", _learning(evidence)), Section("An episode", _episode(evidence, first))]
    if evidence.task.settings.get("masked"):
        many = watch(evidence.model, evidence.task, key=key, episodes=WATCHED, greedy=False)
        found.append(Section("What it remembers", _remembered(readouts(evidence.task.name, many))))
    return found


# --- drawings --------------------------------------------------------------------------------------------------------


def draw_curve(runs: Sequence[RunEvidence], controls: Sequence[RunEvidence], name: str, axis: Axes, *, theme: Theme):
    """The mean "return" or "length" of the episodes that ended in each iteration, and of the fixed ones."""
    curves = {
        "while it learns": _columns(runs, name),
        "fixed episodes, likeliest action": _columns(runs, f"test_{name}_greedy"),
    }
    colours = {"while it learns": theme.thought, "fixed episodes, likeliest action": theme.second}
    if controls:
        curves["one-tick control"], colours["one-tick control"] = _columns(controls, name), theme.control
    known = {label: curve for label, curve in curves.items() if curve is not None}
    title = {"return": "Return", "length": "Length of an episode"}[name]
    ylabel = {"return": "sum of rewards", "length": "steps"}[name]
    draw_training(known, axis, title=title, ylabel=ylabel, colours=colours, theme=theme)
    lowest = min(float(np.nanmin(values)) for _, values in known.values())
    if lowest < 0:
        axis.set_ylim(1.05 * lowest, max(float(np.nanmax(values)) for _, values in known.values()) - 0.05 * lowest)
    axis.set_xlabel("steps in the world")


def draw_episode(name: str, seen: Watched, figure: Figure, *, theme: Theme) -> None:
    """One episode, the first: what happened, what the neurons did, and what the policy was, over its steps."""
    length = int(seen.played.lengths[0])
    visible = VISIBLE.get(name, ())
    axes = figure.subplots(2 + bool(visible), 1, sharex=True, height_ratios=[1] * bool(visible) + [3, 1], squeeze=False)
    axes = list(axes[:, 0])
    if visible:
        world = axes.pop(0)
        for one, colour in zip(visible, theme.series, strict=False):
            world.plot(
                np.arange(length) + 1, one.factor * seen.states[:length, 0, one.column], color=colour, label=one.name
            )
        world.set_title("What is seen")
        world.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=len(visible))
    neurons, policy = axes
    traces = seen.activations[:length, :, 0].reshape(-1, seen.activations.shape[-1])
    shown = ordered(traces)
    image = neurons.imshow(
        shown.T,
        aspect="auto",
        interpolation="nearest",
        cmap=theme.diverging(theme.control, theme.thought),
        vmin=-2.5,
        vmax=2.5,
        extent=(0.5, length + 0.5, shown.shape[1] + 0.5, 0.5),
    )
    neurons.set(title="What the neurons do, tick by tick", ylabel="neuron")
    figure.colorbar(image, ax=neurons, label="activation (deviations)", pad=0.01)
    shares = seen.policy[:length, 0].T
    policy.stackplot(
        np.arange(length) + 1, shares, colors=(*theme.series, theme.muted), labels=ACTIONS.get(name, ()), linewidth=0
    )
    policy.set(title="How likely each action is", xlabel="step", ylim=(0, 1), xlim=(0.5, length + 0.5))
    policy.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=len(shares))


def draw_route(seen: Watched, axis: Axes, *, theme: Theme) -> None:
    """The rooms of the first episode, and the way through them."""
    length = int(seen.played.lengths[0])
    states = seen.states[:length, 0]
    grid = walls()
    doors = corners(states[0, :4])
    grid[doors[1], doors[0]] = False
    axis.imshow(grid, cmap=theme.ramp(theme.muted), vmin=0, vmax=1.4)
    x, y = corners(states[:, 4])
    goal = corners(states[0, 6:])
    axis.plot(x, y, color=theme.thought, linewidth=2, alpha=0.8)
    axis.plot(x[0], y[0], marker="o", markersize=8, color=theme.thought, linestyle="none", label="start")
    axis.plot(*goal, marker="s", markersize=9, color=theme.second, linestyle="none", label="goal")
    axis.set(title="The way it took", xticks=[], yticks=[])
    axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


def draw_readout(one: Readout, axis: Axes, *, theme: Theme) -> None:
    """True values against those that are read from the neurons."""
    axis.axline((0, 0), slope=1, color=theme.muted, linewidth=1)
    axis.scatter(one.true, one.found, s=4, alpha=0.25, color=theme.thought, linewidths=0)
    low, high = np.quantile(one.true, [0.002, 0.998])
    margin = 0.1 * (high - low)
    axis.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin))
    axis.set(title=one.name[0].upper() + one.name[1:], xlabel="true", ylabel="read from the neurons")


# --- what is shown ---------------------------------------------------------------------------------------------------


def ordered(traces: np.ndarray) -> np.ndarray:
    """Traces (T, D) in deviations from the mean, neurons that move alike beside each other; still ones last."""
    spread = traces.std(axis=0)
    moving = np.flatnonzero(spread > 1e-6 * max(float(spread.max()), 1e-12))
    scaled = np.zeros_like(traces)
    scaled[:, moving] = (traces[:, moving] - traces[:, moving].mean(axis=0)) / spread[moving]
    order = moving
    if len(moving) > 2:
        order = moving[leaves_list(linkage(scaled[:, moving].T, "average", optimal_ordering=True))]
    still = np.setdiff1d(np.arange(traces.shape[1]), order)
    return scaled[:, np.concatenate([order, still])]


def readouts(name: str, seen: Watched) -> list[Readout]:
    """The masked quantities of a world, read by least squares from what the machine reads from its neurons.

    Fitted on the first half of the episodes and judged on the other; beside it, the same from the observation of the
    same step alone.
    """
    lengths = seen.played.lengths
    during = np.arange(len(seen.states))[:, None] < lengths
    fitted = during & (np.arange(len(lengths)) < len(lengths) // 2)
    judged = during & ~fitted
    sources = (seen.read, seen.observations.reshape(*seen.observations.shape[:2], -1))
    found: list[Readout] = []
    for one in MASKED[name]:
        true = one.factor * seen.states[..., one.column]
        guesses = [_least_squares(source[fitted], true[fitted], source[judged]) for source in sources]
        told = [1 - float(((true[judged] - guess) ** 2).mean() / true[judged].var()) for guess in guesses]
        found.append(Readout(one.name, true[judged], guesses[0], *told))
    return found


def _least_squares(inputs: np.ndarray, targets: np.ndarray, others: np.ndarray) -> np.ndarray:
    """What a linear map with a little ridge, fitted on inputs and targets, makes of the others."""
    mean, spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-12
    x = np.column_stack([(inputs - mean) / spread, np.ones(len(inputs))]).astype(np.float64)
    ridge = 1e-4 * len(x) * np.eye(x.shape[1])
    weights = np.linalg.solve(x.T @ x + ridge, x.T @ targets)
    return np.column_stack([(others - mean) / spread, np.ones(len(others))]) @ weights


def _columns(runs: Sequence[RunEvidence], name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Steps in the world and a column of the metrics of R runs, (R, steps); gaps of a curve are bridged."""
    if any(name not in run.metrics for run in runs):
        return None
    length = min(len(run.metrics["step"]) for run in runs)
    steps = runs[0].metrics["environment_steps"][:length]
    rows = np.stack([run.metrics[name][:length] for run in runs])
    if not np.isfinite(rows).any(axis=1).all():
        return None
    if not name.startswith("test_"):
        rows = np.stack([np.interp(steps, steps[np.isfinite(row)], row[np.isfinite(row)]) for row in rows])
    return steps, rows


def _last(runs: Sequence[RunEvidence], name: str) -> str:
    """The last measured value of a column, with its spread over runs."""
    values = [column[np.isfinite(column)][-1] for column in (run.metrics[name] for run in runs)]
    spread = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{np.mean(values):.1f}{spread}"


def _learning(evidence: RunEvidence) -> list[Block]:
    runs, controls = evidence.runs, evidence.control.runs if evidence.control else ()
    pictures: list[Block] = [
        make_picture(
            name,
            lambda axis, theme, name=name: draw_curve(runs, controls, name, axis, theme=theme),
            f"{what} of the episodes that ended in each iteration; rewards as the world gives them."
            + (f" The band is one standard deviation over {len(runs)} seeds." if len(runs) > 1 else ""),
            f"{what} over the steps in the world.",
        )
        for name, what in (("return", "Mean return"), ("length", "Mean length"))
    ]
    if "test_return_greedy" not in evidence.metrics:
        return pictures
    episodes = evidence.config["train"]["evaluation_episodes"]
    kinds = [("machine", runs)] + ([("one-tick control", controls)] if controls else [])
    rows = [[kind, *(_last(some, f"test_return_{how}") for how in ("greedy", "sampled"))] for kind, some in kinds]
    steps = int(evidence.metrics["environment_steps"][-1])
    words = f"In the end, after {counted(steps, 'step')}: the mean return of {count(episodes)} fixed episodes."
    return [*pictures, Paragraph(words), Table(rows, ("", "likeliest action", "actions drawn"))]


def _episode(evidence: RunEvidence, seen: Watched) -> list[Block]:
    name, length = evidence.task.name, int(seen.played.lengths[0])

    def draw(figure: Figure, theme: Theme) -> Any:
        draw_episode(name, seen, figure, theme=theme)

    light, dark = (paint(draw, 10.4, 6.4, theme) for theme in (LIGHT, DARK))
    caption = (
        f"The first of the fixed episodes, by the likeliest action: {counted(length, 'step')}, a return of "
        f"{seen.played.returns[0]:.4g}. Neurons that move alike stand beside each other."
    )
    alt = f"Activations of {seen.activations.shape[-1]} neurons over {counted(length, 'step')}."
    blocks: list[Block] = [Picture("episode", caption, alt, light, dark, wide=True)]
    if isinstance(evidence.task, FourRooms):
        caption = "The four rooms of this episode, drawn whole; the machine sees seven by seven cells ahead of it."
        alt = "A map of four rooms with the way of the machine."
        blocks.append(make_picture("route", lambda axis, theme: draw_route(seen, axis, theme=theme), caption, alt))
    return blocks


def _remembered(found: Sequence[Readout]) -> list[Block]:
    words = "; ".join(
        f"{one.name.rsplit(' (', 1)[0]}: {max(one.told, 0):.0%} of its variance "
        f"({max(one.told_by_sight, 0):.0%} from what is seen at the step alone)"
        for one in found
    )
    text = (
        "Velocities are not shown to the machine. A linear map from what is read from its neurons to the true "
        f"velocity, fitted on half of {WATCHED} episodes and judged on the other half, finds: {words}."
    )
    return [
        Paragraph(text),
        *(
            make_picture(
                f"remembered_{place}",
                lambda axis, theme, one=one: draw_readout(one, axis, theme=theme),
                "Every dot is a step of an episode that the map was not fitted on.",
                f"Scatter of true and read values; {max(one.told, 0):.0%} of the variance is told.",
            )
            for place, one in enumerate(found, 1)
        ),
    ]
