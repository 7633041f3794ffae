"""The task of mazes: positions, what is held out, scores, and settings."""

import json

import numpy as np
import pytest
import torch

from cofire.checks import InvalidValue
from cofire.ctm import Thought
from cofire.random import Key
from cofire.tasks import Mazes, Task, make_task
from cofire.tasks.mazes._sources import fingerprints
from tests.tasks.mazes.oracles import GOAL, START, WALL, distances, find, walked


def cells_of(inputs: torch.Tensor) -> np.ndarray:
    """Signed inputs as cells again."""
    codes = {(-1, -1, -1): WALL, (1, 1, 1): 1, (1, -1, -1): START, (-1, 1, -1): GOAL}
    pixels = inputs.permute(0, 2, 3, 1).int().numpy()
    return np.array([[[codes[tuple(pixel)] for pixel in row] for row in image] for image in pixels.tolist()])


@pytest.fixture(scope="module")
def task() -> Mazes:
    return Mazes(key=Key(5), size=9, route_length=12)


def test_it_is_a_task_of_mazes_and_routes(task: Mazes):
    assert isinstance(task, Task)
    assert (task.name, task.train_size, task.test_size) == ("mazes", 50_000, 1_000)
    for batch in (task.train(np.arange(40)), task.test(np.arange(40))):
        assert batch.inputs.shape == (40, 3, 9, 9)
        assert batch.inputs.dtype == torch.float32
        assert batch.targets.shape == (40, 12)
        assert batch.targets.dtype == torch.int64
        for cells, route in zip(cells_of(batch.inputs), batch.targets.tolist(), strict=True):
            start, goal = find(cells, START), find(cells, GOAL)
            steps = [action for action in route if action != 4]
            length = distances(cells, start)[goal]
            end = walked(cells, start, steps)[-1]
            assert len(steps) == min(length, 12)
            assert distances(cells, end)[goal] == length - len(steps)


def test_a_position_names_the_same_maze_in_any_batch(task: Mazes):
    positions = np.array([70_000, 3, 4, 2**33, 3])
    together = task.train(positions)
    for place in range(5):
        alone = Mazes(key=Key(5), size=9, route_length=12).train(positions[place : place + 1])
        assert torch.equal(alone.inputs[0], together.inputs[place])
        assert torch.equal(alone.targets[0], together.targets[place])
    other = Mazes(key=Key(6), size=9, route_length=12)
    assert not torch.equal(other.train(positions).inputs, together.inputs)
    assert not torch.equal(other.test(np.arange(4)).inputs, task.test(np.arange(4)).inputs)


@pytest.mark.parametrize("size", [5, 7, 9])
def test_training_never_meets_a_maze_that_is_held_out(size: int):
    """Of size 5 there are 168 mazes with start and goal: two streams that did not watch out would share nearly all."""
    one = Mazes(key=Key(1), size=size, route_length=5)
    training, testing = cells_of(one.train(np.arange(5000)).inputs), cells_of(one.test(np.arange(1000)).inputs)
    seen, known = set(fingerprints(training).tolist()), set(fingerprints(testing).tolist())
    assert not seen & known
    share = len(known) / (len(seen) + len(known))
    assert size > 5 or 0 < share < 0.3


def holds_some_out(seed: int) -> bool:
    try:
        return bool(len(Mazes(key=Key(seed), size=5, route_length=5).test(np.arange(1)).inputs))
    except InvalidValue:
        return False


def test_a_size_with_too_few_mazes_says_so():
    """Turned and mirrored copies leave 21 kinds of mazes of size 5, and of so few now and then none is held out."""
    held_out = [holds_some_out(seed) for seed in range(60)]
    assert 30 < sum(held_out) < 60
    task = Mazes(key=Key(held_out.index(False)), size=5, route_length=5)
    assert task.train(np.arange(3)).inputs.shape == (3, 3, 5, 5)
    with pytest.raises(
        InvalidValue, match="size: wanted a size with enough different mazes to hold out one in 16, got 5"
    ):
        task.test(np.arange(1))


def test_inputs_from_zero_to_one():
    signed, plain = (Mazes(key=Key(5), size=9, route_length=12, signed=signed) for signed in (True, False))
    one, other = signed.train(np.arange(8)), plain.train(np.arange(8))
    torch.testing.assert_close(one.inputs, other.inputs * 2 - 1)
    assert (float(other.inputs.min()), float(other.inputs.max())) == (0, 1)
    assert np.array_equal(signed.pictures(one.inputs), plain.pictures(other.inputs))
    assert plain.pictures(other.inputs).shape == (8, 9, 9, 3)


def test_scores_count_positions_routes_and_moves(task: Mazes):
    targets = torch.tensor([[0, 0, 3, 1, 4, 4], [2, 2, 2, 2, 2, 2]])
    answers = torch.tensor([[0, 0, 3, 1, 4, 4], [2, 2, 2, 0, 0, 4]])
    task = Mazes(key=Key(0), size=9, route_length=6)
    logits = torch.zeros(2, 30, 3)
    logits[:, :, 1] = torch.nn.functional.one_hot(answers, 5).flatten(1).float()
    scores = task.score(logits, targets, torch.tensor([1, 1]))
    assert scores["accuracy"].tolist() == [1.0, 0.5]
    assert scores["whole"].tolist() == [1.0, 0.0]
    assert scores["steps"].tolist() == [1.0, 0.5]
    elsewhere = task.score(logits, targets, torch.tensor([0, 2]))  # equal logits: up, everywhere
    assert elsewhere["accuracy"].tolist() == pytest.approx([2 / 6, 0.0])
    assert elsewhere["steps"].tolist() == pytest.approx([2 / 4, 0.0])


def test_loss_is_that_of_mazes_with_its_scores(task: Mazes):
    batch = task.train(np.arange(6))
    key = Key(8)
    logits = torch.from_numpy(key.fold("logits").normal((6, 60, 4)))
    certainty = torch.from_numpy(key.fold("certainty").uniform((6, 4)))
    from cofire.tasks import losses

    loss, scalars = task.loss(Thought(logits, certainty), batch.targets)
    expected, tick, upto = losses.maze(logits.unflatten(1, (12, 5)), certainty, batch.targets)
    assert loss.item() == expected.item()
    assert scalars["thinking_time"].item() == pytest.approx(tick.float().mean().item() + 1)
    assert scalars["upto"].item() == pytest.approx(upto.clamp(max=12).float().mean().item())
    assert set(scalars) == {"accuracy", "whole", "steps", "upto", "thinking_time"}


def test_its_settings_make_the_same_task_again(task: Mazes):
    again = make_task("mazes", json.loads(json.dumps(task.settings)))
    assert again.settings == task.settings
    assert torch.equal(again.train(np.arange(20)).inputs, task.train(np.arange(20)).inputs)
    assert torch.equal(again.test(np.arange(20)).targets, task.test(np.arange(20)).targets)


def test_positions_and_lookahead_are_checked(task: Mazes):
    with pytest.raises(InvalidValue, match="positions: wanted an integer of at most 999, got 1000"):
        task.test(np.array([1000]))
    with pytest.raises(InvalidValue, match="lookahead: wanted an integer of at least 1, got 0"):
        Mazes(key=Key(0), lookahead=0)
