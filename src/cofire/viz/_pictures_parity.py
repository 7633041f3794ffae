"""What the report of a run on parity shows besides: in which order places are looked at, and when each is settled."""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import MaxNLocator, PercentFormatter

from cofire import checks
from cofire.ctm import CTM
from cofire.tasks import Parity
from cofire.viz._accuracy import tick_axis
from cofire.viz._page import Block, Section
from cofire.viz._picture import make_picture
from cofire.viz._run_evidence import RunEvidence
from cofire.viz._style import LIGHT, Theme

WATCHED = 200  # sequences whose attention is averaged


def sections(evidence: RunEvidence) -> list[Section]:
    """The order of attention, where the network has some, and the thinking time and accuracy of every place."""
    return [*_looking(evidence), _settling(evidence)]


def attention_by_tick(evidence: RunEvidence) -> np.ndarray:
    """The mean attention of held-out sequences to every place: (T, heads, L), each row a sum of one."""
    model = checks.instance("model", evidence.model, CTM)
    task = checks.instance("task", evidence.task, Parity)
    device = next(model.parameters()).device
    inputs = task.test(np.arange(min(WATCHED, task.test_size))).inputs.to(device)
    return np.asarray(model.record(inputs, ticks=evidence.ticks)["attention"], dtype=np.float64).mean(axis=1)


def thinking_times(evidence: RunEvidence) -> np.ndarray:
    """The tick, counted from 1, at which each place of each sequence is least uncertain, (N, L)."""
    logits = _by_place(evidence)
    shares = torch.from_numpy(logits).double().softmax(2)
    return (-(shares * shares.clamp_min(1e-300).log()).sum(2)).argmin(dim=2).numpy() + 1


def right_by_place(evidence: RunEvidence) -> np.ndarray:
    """The share of sequences that are right at each place and tick, (L, T)."""
    return (_by_place(evidence).argmax(axis=2) == evidence.answers.targets[:, :, None]).mean(axis=0)


def draw_attention(attention: np.ndarray, axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """Attention (T, heads, L) over ticks, the mean of all heads, with a dot for the place each head looks at most."""
    ticks, heads, places = attention.shape
    mean = attention.mean(axis=1).T
    extent = (0.5, ticks + 0.5, places + 0.5, 0.5)
    axis.imshow(mean, aspect="auto", extent=extent, cmap=theme.ramp(theme.thought), vmin=0, interpolation="nearest")
    when = np.repeat(np.arange(1, ticks + 1), heads)
    axis.scatter(when, attention.argmax(axis=2).ravel() + 1, s=9, color=theme.control, linewidths=0)
    axis.set(title="Where it looks", ylabel="place in the sequence")
    _number_places(axis.yaxis)
    return tick_axis(axis, ticks)


def draw_thinking_times(times: np.ndarray, axis: Axes, *, ticks: int, theme: Theme = LIGHT) -> Axes:
    """The mean of the thinking times (N, L) at every place, and the band that holds the middle half of them."""
    places = np.arange(1, times.shape[1] + 1)
    low, high = np.quantile(times, [0.25, 0.75], axis=0)
    axis.fill_between(places, low, high, color=theme.thought, alpha=0.18, linewidth=0)
    axis.plot(places, times.mean(axis=0), color=theme.thought, marker="o" if len(places) <= 30 else "", markersize=4)
    axis.set(title="When it is settled", xlabel="place in the sequence", ylabel="tick of thought", ylim=(0, ticks + 1))
    _number_places(axis.xaxis)
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    return axis


def draw_right(right: np.ndarray, axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """The share of right answers (L, T) by place and tick: guessing is the colour of the paper."""
    places, ticks = right.shape
    extent = (0.5, ticks + 0.5, places + 0.5, 0.5)
    colours = theme.ramp(theme.second)
    image = axis.imshow(right, aspect="auto", extent=extent, cmap=colours, vmin=0.5, vmax=1, interpolation="nearest")
    bar = axis.figure.colorbar(image, ax=axis, format=PercentFormatter(1, decimals=0))
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    axis.set(title="What is right when", ylabel="place in the sequence")
    _number_places(axis.yaxis)
    return tick_axis(axis, ticks)


def _by_place(evidence: RunEvidence) -> np.ndarray:
    """Logits (N, L, 2, T)."""
    logits = evidence.answers.logits
    return logits.reshape(len(logits), -1, 2, logits.shape[-1])


def _number_places(axis: Axis) -> None:
    axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, nbins=8, steps=[1, 2, 4, 5, 8, 10]))


def _looking(evidence: RunEvidence) -> list[Section]:
    model = evidence.model
    if not isinstance(model, CTM) or model.attention is None:
        return []
    attention = attention_by_tick(evidence)
    first, last = (int(attention[tick].mean(axis=0).argmax()) + 1 for tick in (0, -1))
    picture = make_picture(
        "attention",
        lambda axis, theme: draw_attention(attention, axis, theme=theme),
        "Attention to every place at every tick, the mean over heads and held-out sequences; a dot is the place that "
        "one head looks at most. A line that falls goes through the sequence as one counts; one that rises goes back.",
        f"Heat map of attention over {attention.shape[0]} ticks, most at place {first} first and place {last} last.",
    )
    return [Section("The order of looking", [picture])]


def _settling(evidence: RunEvidence) -> Section:
    times, right = thinking_times(evidence), right_by_place(evidence)
    read = _by_place(evidence)[np.arange(len(times)), ..., evidence.tick].argmax(axis=2) == evidence.answers.targets
    blocks: list[Block] = []
    if evidence.ticks > 1:
        mean = times.mean(axis=0)
        blocks.append(
            make_picture(
                "thinking_time",
                lambda axis, theme: draw_thinking_times(times, axis, ticks=evidence.ticks, theme=theme),
                "The tick at which the answer for each place is least uncertain: the mean over held-out sequences, and "
                "the middle half of them.",
                f"The first place is settled at tick {mean[0]:.1f}, the last at {mean[-1]:.1f} in the mean.",
            )
        )
    blocks.append(
        make_picture(
            "places",
            lambda axis, theme: draw_right(right, axis, theme=theme),
            "How many sequences are right at each place after each tick. Guessing gives half.",
            f"Where it is read, {100 * read[:, 0].mean():.0f}% are right at the first place and "
            f"{100 * read[:, -1].mean():.0f}% at the last.",
        )
    )
    return Section("Place by place", blocks)
