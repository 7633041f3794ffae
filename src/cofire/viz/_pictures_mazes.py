"""What the report of a run on mazes shows besides: routes, where the network looks, and walks through larger mazes."""

from collections.abc import Mapping

import numpy as np
import torch

from cofire import checks
from cofire.ctm import CTM
from cofire.random import Key
from cofire.tasks import Mazes
from cofire.tasks.mazes import MazeSet, Walks, generate, walk
from cofire.viz import _film, _maze_figures, _maze_film
from cofire.viz._maze_figures import WAIT, Answered
from cofire.viz._page import Block, Film, Section, film_columns
from cofire.viz._picture import make_picture
from cofire.viz._run_evidence import RunEvidence
from cofire.viz._words import count, counted

GALLERY, FILMS = 8, 4
WALKED = 100  # mazes of each size
LARGEST = 99


def sections(evidence: RunEvidence) -> list[Section]:
    """Routes and where along them answers are right; where the network looks; larger mazes, piece by piece."""
    return [_routes(evidence), *_looking(evidence), _larger(evidence)]


def _task(evidence: RunEvidence) -> Mazes:
    return checks.instance("task", evidence.task, Mazes)


def answered_routes(evidence: RunEvidence, tick: np.ndarray | None = None) -> np.ndarray:
    """The routes (N, R) that are answered at a tick per held-out maze (N,), by default at that where it is read."""
    at = torch.from_numpy(evidence.tick if tick is None else tick)
    return _task(evidence).routes(torch.from_numpy(evidence.answers.logits), at).numpy()


def right_by_distance(evidence: RunEvidence) -> np.ndarray:
    """The share of right answers at each step (R,) among the mazes whose route is that long; NaN where none is."""
    targets = evidence.answers.targets
    moves = targets != WAIT
    right = ((answered_routes(evidence) == targets) & moves).sum(axis=0)
    return np.divide(right, moves.sum(axis=0), out=np.full(len(right), np.nan), where=moves.any(axis=0))


def _spread(evidence: RunEvidence, number: int) -> np.ndarray:
    """Held-out mazes from the shortest route to the longest, evenly spaced."""
    moves = (evidence.answers.targets != WAIT).sum(axis=1)
    order = np.argsort(moves, kind="stable")
    return order[np.linspace(0, len(order) - 1, min(number, len(order))).astype(int)]


def _routes(evidence: RunEvidence) -> Section:
    chosen, said = _spread(evidence, GALLERY), answered_routes(evidence)
    mazes, targets = _task(evidence).held_out(chosen), evidence.answers.targets
    gallery = []
    for place, one in enumerate(chosen):
        moves = int((targets[one] != WAIT).sum())
        right = int((said[one] == targets[one])[:moves].sum())
        words = f"{right} of {moves}, tick {evidence.tick[one] + 1}"
        gallery.append(Answered(mazes.cells[place], targets[one], said[one], words))
    curves, roles = {"at the most certain tick": _by_run(evidence)}, {"at the most certain tick": "thought"}
    if evidence.control is not None:
        curves["one-tick control"], roles["one-tick control"] = _by_run(evidence.control), "control"
    wrong = sum(one.wrong for one in gallery)
    blocks: list[Block] = [
        make_picture(
            "routes",
            lambda axis, theme: _maze_figures.draw_routes(gallery, axis, theme=theme),
            "Held-out mazes from the shortest route to the longest: from the round start to the square goal. The pale "
            "line is the way, as far as an answer reaches; the thin one is the answer, red from its first wrong step "
            "on, and it ends where it would run into a wall. Below: steps that are right, and the tick of the answer.",
            f"{counted(len(gallery), 'maze')} with their routes, {wrong} of them answered with a mistake.",
            height=_maze_figures.gallery_height(len(gallery)),
        ),
        make_picture(
            "steps",
            lambda axis, theme: _maze_figures.draw_by_distance(curves, axis, roles=roles, theme=theme),
            "How often each step of a route is right, among the mazes whose route is that long. Waits at the goal do "
            "not count here.",
            "A curve of the share of right steps over their place in the route.",
        ),
    ]
    return Section("Routes", blocks)


def _by_run(evidence: RunEvidence) -> np.ndarray:
    return np.stack([right_by_distance(one) for one in evidence.runs])


def _looking(evidence: RunEvidence) -> list[Section]:
    """The attention over a few mazes as films, where the network has some."""
    model, task = evidence.model, _task(evidence)
    if not isinstance(model, CTM) or model.attention is None or evidence.ticks == 1:
        return []
    chosen = _spread(evidence, FILMS + 2)[1:-1]
    mazes = task.held_out(chosen)
    inputs = task.batch(mazes).inputs.to(next(model.parameters()).device)
    with torch.inference_mode():
        rows, columns = model.backbone(inputs[:1]).shape[1:3]
        attention = np.asarray(model.record(inputs)["attention"], dtype=np.float64).mean(axis=2)  # (T, B, tokens)
    by_tick = [answered_routes(evidence, np.full(len(evidence.tick), tick))[chosen] for tick in range(evidence.ticks)]
    walks = [
        _maze_film.MazeWalk(
            cells=mazes.cells[place],
            route=evidence.answers.targets[one],
            answers=np.stack([said[place] for said in by_tick]),
            certainty=evidence.answers.certainty[one],
            attention=attention[:, place],
            token_grid=(rows, columns),
        )
        for place, one in enumerate(chosen)
    ]
    films, small = ([_maze_film.maze_frames(one, scale) for one in walks] for scale in (2, 1))
    columns = film_columns(len(films))
    film = Film(
        name="attention",
        caption=(
            f"{counted(len(films), 'held-out maze')}: what all heads together look at, as light; full light is the "
            "most that any place gets in this film, or four times an even share where that is more. The line is the "
            "route answered at this tick, red from its first wrong step on, up to where it runs into a wall. Below: "
            "the certainty with a notch at its highest so far. Press Play, or drag."
        ),
        frames=[[_film.write_jpeg(frame) for frame in frames] for frames in films],
        size=films[0][0].size,
        alts=[f"Attention over a maze, most certain at tick {evidence.tick[one] + 1}" for one in chosen],
        rest=evidence.ticks - 1,
        still=_film.write_png(_film.sheet([frames[-1] for frames in films], columns)),
        gif=_film.write_gif(small, columns),
    )
    return [Section("Where it looked", [film])]


def larger_sizes(size: int) -> tuple[int, ...]:
    """The sizes that are walked through: that of the training, and about 1.5 and 2.5 times as large.

    >>> larger_sizes(9), larger_sizes(39)
    ((9, 13, 23), (39, 59, 97))
    """
    return tuple(sorted({min(part * size // 2 | 1, max(LARGEST, size)) for part in (2, 3, 5)}))


def _larger(evidence: RunEvidence) -> Section:
    """Mazes of growing size, walked by asking again from where the last answer ended."""
    task = _task(evidence)
    key = Key.from_json(task.settings["key"]).fold("report", "larger")
    drawn = {size: generate(WALKED, size, key=key) for size in larger_sizes(task.size)}
    walks = {size: walk(evidence.model, task, mazes, batch_size=50) for size, mazes in drawn.items()}
    labels = {f"{size} x {size}": (drawn[size].lengths, walks[size].reached) for size in drawn}
    shown, number = _longest(drawn, walks)
    cells, trail = drawn[shown].cells[number], walks[shown].trail[number]
    length = int((trail >= 0).sum())
    pieces = walks[shown].pieces[number, :length]
    reached = "reached the goal" if walks[shown].reached[number] else "did not reach the goal"
    asked = counted(int(walks[shown].applications[number]), "answer")
    blocks: list[Block] = [
        make_picture(
            "larger",
            lambda axis, theme: _maze_figures.draw_success(labels, axis, theme=theme),
            f"{count(WALKED)} new mazes of each size: an answer of {task.route_length} steps is followed until it ends "
            "or runs into a wall, and the network is asked again with the start where it stands, 20 times at most. "
            "Points are means of mazes of like length.",
            "Curves of the share of goals reached over the length of the route, for each size.",
        ),
        make_picture(
            "walk",
            lambda axis, theme: _maze_figures.draw_walk(cells, trail[:length], pieces, axis, theme=theme),
            f"The longest way that was found, or gone: {shown} x {shown}, a route of "
            f"{drawn[shown].lengths[number]} steps, {asked}, each in a colour of its own; it {reached}.",
            f"A maze of {shown} x {shown} with a walk of {length - 1} steps.",
            height=4.6,
        ),
    ]
    return Section("Larger mazes", blocks)


def _longest(drawn: Mapping[int, MazeSet], walks: Mapping[int, Walks]) -> tuple[int, int]:
    """The size and number of the maze with the longest walk to its goal; without any, of that walked furthest."""
    found = [
        (bool(walks[size].reached[number]), int((walks[size].trail[number] >= 0).sum()), size, number)
        for size in drawn
        for number in range(len(drawn[size]))
    ]
    _, _, size, number = max(found)
    return size, number
