"""Q&A MNIST: what is shown and asked, what is right, and that a position names an example whatever surrounds it."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cofire.checks import InvalidType, InvalidValue
from cofire.ctm import (
    CTM,
    Answer,
    Attention,
    CTMConfig,
    Decayed,
    DeepNeuronModel,
    DigitQuestions,
    EnergyHead,
    RandomPairs,
    StridedConvolutions,
    Thought,
)
from cofire.random import Key
from cofire.tasks import Digits, QuestionsMNIST, Task, Warp, losses, make_task
from cofire.tasks._question_batch import NOTHING, QuestionBatch
from cofire.tasks._questions import MINUS, PLUS, Kinds, Questions, draw_questions

GENTLE = Warp(shift=2.0, turn=10.0, bend=0.7)


@pytest.fixture(scope="module")
def task() -> QuestionsMNIST:
    """Kinds change every four positions."""
    return QuestionsMNIST(
        key=Key(3), digits=(1, 3), operations=(1, 2), repeats=2, answer_ticks=2, block=4, size=28, warp=GENTLE
    )


@pytest.fixture(scope="module")
def machine() -> CTM:
    pairs = Decayed(pairs=RandomPairs(pairs=6))
    config = CTMConfig(
        neurons=10,
        ticks=3,
        memory_length=3,
        backbone=StridedConvolutions(steps=((4, 5, 4),)),
        attention=Attention(width=8, heads=2),
        neuron_model=DeepNeuronModel(hidden=2),
        sync_out=pairs,
        sync_action=pairs,
        answer=Answer(outputs=10),
        energy=EnergyHead(hidden=4),
        more_heads=(("place", Answer(outputs=5)),),
        question=DigitQuestions(),
        streamed=True,
    )
    return CTM(config, key=Key(1)).eval()


def test_it_is_a_task(task: QuestionsMNIST):
    assert isinstance(task, Task)
    assert (task.name, task.train_size, task.test_size) == ("qamnist", 4000, 1000)


# --- what is asked and what is right ---------------------------------------------------------------------------------


@given(st.integers(1, 6), st.integers(0, 6), st.integers(0, 500))
def test_answers_are_what_the_expression_gives(digits: int, operations: int, block: int):
    labels = Key(0).integers(0, 10, 40)
    signs = {PLUS: "+", MINUS: "-"}
    questions = draw_questions(Key(8), block, 5, digits=digits, operations=operations, images=40)
    for row, tokens in enumerate(questions.tokens()):
        shown = labels[questions.images[row]]
        text = "".join(signs[one] if one < 0 else str(shown[one]) for one in tokens.tolist())
        assert questions.answers(labels)[row] == eval(text) % 10
        assert len(tokens) == 2 * operations + 1
        assert (tokens[::2] >= 0).all()
        assert (tokens[::2] < digits).all()


def test_images_places_and_operators_are_drawn_evenly():
    every = [draw_questions(Key(8), block, 64, digits=3, operations=2, images=5) for block in range(100)]
    for name, count in (("images", 5), ("places", 3), ("operators", 2)):
        drawn = np.concatenate([getattr(one, name).ravel() for one in every])
        shares = np.unique(drawn, return_counts=True)[1] / len(drawn)
        assert len(shares) == count
        np.testing.assert_allclose(shares, 1 / count, atol=4 * 0.5 / np.sqrt(len(drawn)))


@pytest.mark.parametrize(("upper_exclusive", "most"), [(False, 5), (True, 4)])
def test_ranges_include_both_ends_unless_the_published_slip_is_wanted(upper_exclusive: bool, most: int):
    kinds = Kinds((1, 5), (2, 5), upper_exclusive=upper_exclusive, key=Key(2))
    drawn = np.array([kinds.draw("train", block) for block in range(600)])
    assert np.unique(drawn[:, 0]).tolist() == list(range(1, most + 1))
    assert np.unique(drawn[:, 1]).tolist() == list(range(2, most + 1))


def test_without_an_operation_the_name_of_a_digit_is_asked_for():
    labels = Key(0).integers(0, 10, 40)
    questions = draw_questions(Key(8), 0, 20, digits=3, operations=0, images=40)
    assert questions.tokens().shape == (20, 1)
    shown = labels[questions.images][np.arange(20), questions.places[:, 0]]
    np.testing.assert_array_equal(questions.answers(labels), shown)


def test_test_questions_can_be_of_one_kind_while_training_goes_through_its_ranges():
    task = QuestionsMNIST(key=Key(3), digits=(1, 3), operations=(0, 1), tested=(2, 4), block=4, size=28)
    assert kind(task.test(np.arange(100))) == (2, 9)
    kinds = {kind(task.train(np.arange(4) + 4 * block)) for block in range(30)}
    assert kinds == {(digits, parts) for digits in (1, 2, 3) for parts in (1, 3)}
    again = make_task("qamnist", json.loads(json.dumps(task.settings)))
    assert torch.equal(again.test(np.arange(9)).inputs, task.test(np.arange(9)).inputs)


def test_a_range_that_is_empty_is_refused():
    with pytest.raises(InvalidValue, match="tested digits: wanted an integer of at least 1, got 0"):
        QuestionsMNIST(key=Key(0), tested=(0, 1))
    with pytest.raises(InvalidValue, match="highest number of digits: wanted an integer of at least 3, got 2"):
        QuestionsMNIST(key=Key(0), digits=(3, 2))
    with pytest.raises(InvalidValue, match=r"at least 3, got 2.*never comes up with upper_exclusive=True"):
        QuestionsMNIST(key=Key(0), operations=(2, 2), upper_exclusive=True)


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_images_are_those_that_the_answer_is_computed_from():
    """Every shown image is a digit of the training part; the labels of the digits task lead to the same answers."""
    key = Key(3)
    task = QuestionsMNIST(key=key, digits=(2, 2), operations=(1, 1), repeats=3, size=28)
    plain = Digits(key=key, warp=None)
    known = {}
    for part in (plain.train(np.arange(4000)), plain.test(np.arange(1000))):
        pictures = np.rint(plain.pictures(part.inputs) * 255).astype(np.uint8)
        known |= {bytes(one): label for one, label in zip(pictures, part.targets.tolist(), strict=True)}
    batch = task.train(np.arange(64))
    assert batch.inputs.shape == (64, 6, 1, 28, 28)
    pictures = np.rint(task.pictures(batch.inputs) * 255).astype(np.uint8)
    assert np.array_equal(pictures[:, 0], pictures[:, 1])
    for row in range(64):
        shown = [known[bytes(pictures[row, place])] for place in (0, 3)]
        left, operator, right = batch.asked[row, ::3].tolist()
        assert batch.asked[row].tolist() == [left] * 3 + [operator] * 3 + [right] * 3
        value = shown[left] + shown[right] if operator == PLUS else shown[left] - shown[right]
        assert batch.targets[row] == value % 10


def test_training_and_test_images_never_meet():
    task = QuestionsMNIST(key=Key(3), digits=(5, 5), size=28, questions=512)
    trained, tested = (
        {bytes(one) for one in np.rint(255 * task.pictures(inputs)).astype(np.uint8).reshape(-1, 784)}
        for inputs in (task.train(np.arange(4096)).inputs, task.test(np.arange(512)).inputs)
    )
    assert len(trained) > 3900
    assert len(tested) > 900
    assert not trained & tested


def test_images_are_resized_and_normalised():
    raw, large = (QuestionsMNIST(key=Key(3), digits=(2, 2), size=size).train(np.arange(3)) for size in (28, 32))
    assert large.inputs.shape[-2:] == (32, 32)
    wanted = torch.nn.functional.interpolate(raw.inputs[:, :, 0], size=(32, 32), mode="bilinear")
    torch.testing.assert_close(large.inputs[:, :, 0], wanted, rtol=0, atol=1e-5)
    assert raw.inputs.min() == pytest.approx(-0.1307 / 0.3081, abs=1e-6)


def test_deformations_are_for_training_only(task: QuestionsMNIST):
    plain = QuestionsMNIST.from_settings({**task.settings, "warp": None})
    assert torch.equal(task.test(np.arange(4)).inputs, plain.test(np.arange(4)).inputs)
    assert not torch.equal(task.train(np.arange(4)).inputs, plain.train(np.arange(4)).inputs)
    assert torch.equal(task.train(np.arange(4)).targets, plain.train(np.arange(4)).targets)


# --- positions and batches -------------------------------------------------------------------------------------------


def kind(batch: QuestionBatch) -> tuple[int, int]:
    ((_, images, question),) = batch.kinds()
    return images.shape[1], question.shape[1]


def test_a_position_names_the_same_bits_in_any_batch(task: QuestionsMNIST):
    positions = np.array([70, 3, 4, 71, 5, 129, 17])
    together = task.train(positions)
    for place, position in enumerate(positions):
        alone = QuestionsMNIST.from_settings(task.settings).train(np.array([position]))
        frames, parts = kind(alone)
        assert torch.equal(together.inputs[place, :frames], alone.inputs[0])
        assert together.inputs[place, frames:].isnan().all()
        assert torch.equal(together.asked[place, :parts], alone.asked[0])
        assert (together.asked[place, parts:] == NOTHING).all()
        assert together.targets[place] == alone.targets[0]


def test_a_block_is_of_one_kind_and_kinds_differ(task: QuestionsMNIST):
    kinds = [kind(task.train(np.arange(4) + 4 * block)) for block in range(40)]
    assert len(set(kinds)) == 6
    assert {frames for frames, _ in kinds} == {2, 4, 6}
    assert {parts for _, parts in kinds} == {6, 10}


@pytest.mark.parametrize("part", ["train", "test"])
def test_what_fills_up_a_mixed_batch_changes_nothing(task: QuestionsMNIST, machine: CTM, part: str):
    """Thoughts about a mixed batch are those about its examples one by one; before the question nothing is answered."""
    positions = np.array([0, 9, 33, 2, 18, 47])
    with torch.no_grad():
        together = getattr(task, part)(positions).show(machine)
        lengths = set()
        for place, position in enumerate(positions):
            batch = getattr(task, part)(np.array([position]))
            alone = machine(batch.inputs, question=batch.asked)
            lengths.add(alone.logits.shape[-1])
            for name in ("logits", "certainty", "energy", "sync_out"):
                got, wanted = getattr(together, name)[place], getattr(alone, name)[0, ..., -3:]
                torch.testing.assert_close(got, wanted, rtol=0, atol=2e-6)
            torch.testing.assert_close(together.others["place"][place], alone.others["place"][0, :, -3:])
    assert len(lengths) > 2
    assert together.logits.shape == (6, 10, 3)


def test_more_ticks_of_thought_are_more_ticks_to_answer_in(task: QuestionsMNIST, machine: CTM):
    with torch.no_grad():
        short, long = (task.test(np.arange(12)).show(machine, ticks=ticks) for ticks in (2, 7))
    assert (short.logits.shape[-1], long.logits.shape[-1]) == (2, 7)
    torch.testing.assert_close(long.logits[..., :2], short.logits)


def test_a_recording_of_one_kind_is_whole_and_of_a_mixed_batch_is_refused(task: QuestionsMNIST, machine: CTM):
    batch = task.test(np.arange(4))
    recording = batch.show(machine.record)
    assert recording["logits"].shape[0] == sum(kind(batch)) + 3
    with pytest.raises(InvalidType, match=r"(?s)wanted Thought.*batch\.kinds\(\) has them"):
        task.test(np.arange(40)).show(machine.record)


def test_a_batch_moves_as_it_is(task: QuestionsMNIST):
    moved = task.test(np.arange(8)).to("meta")
    assert isinstance(moved, QuestionBatch)
    assert all(part.device.type == "meta" for part in moved)


# --- loss, scores, settings ------------------------------------------------------------------------------------------


def test_only_the_ticks_of_the_answer_are_judged(task: QuestionsMNIST):
    key = Key(5)
    logits = torch.from_numpy(key.fold("logits").normal((4, 10, 9)))
    certainty, targets = torch.from_numpy(key.fold("certainty").uniform((4, 9))), torch.tensor([1, 2, 3, 4])
    loss, scalars = task.loss(Thought(logits, certainty), targets)
    wanted, tick = losses.qamnist(logits[..., -2:], certainty[:, -2:], targets)
    assert loss == wanted
    assert scalars["thinking_time"] == tick.float().mean() + 1
    right = logits[torch.arange(4), :, 7 + tick].argmax(1) == targets
    assert scalars["accuracy"] == right.float().mean()


def test_the_last_tick_is_judged_where_the_published_baseline_does():
    task = QuestionsMNIST(key=Key(0), answer_ticks=3, use_most_certain=False)
    certainty, targets = torch.tensor([[0.9, 0.1, 0.2]]), torch.tensor([4])
    loss, scalars = task.loss(Thought(torch.zeros(1, 10, 3), certainty), targets)
    assert scalars["thinking_time"] == 3
    assert loss.item() == pytest.approx(np.log(10))


def test_questions_beyond_the_ranges_can_be_asked(task: QuestionsMNIST):
    batch = task.ask(10, 7, count=5)
    assert kind(batch) == (20, 30)
    assert torch.equal(batch.inputs, task.ask(10, 7, count=5).inputs)
    assert not torch.equal(batch.asked[:, ::2], task.ask(10, 7, count=6).asked[1:, ::2])


def test_its_settings_make_the_same_task_again(task: QuestionsMNIST):
    again = make_task("qamnist", json.loads(json.dumps(task.settings)))
    assert again.settings == task.settings
    assert torch.equal(again.train(np.arange(4)).inputs, task.train(np.arange(4)).inputs)


def test_questions_of_nothing_are_refused_by_the_machine(task: QuestionsMNIST, machine: CTM):
    """A mixed batch that is not shown kind by kind fails at once."""
    mixed = task.test(np.arange(40))
    with pytest.raises(InvalidValue, match="question: wanted integers from -2 to 49"):
        machine(mixed.inputs, question=mixed.asked)


def test_tokens_alternate():
    questions = Questions(np.zeros((2, 4), dtype=int), np.array([[3, 1], [0, 2]]), np.array([[PLUS], [MINUS]]))
    assert questions.tokens().tolist() == [[3, -1, 1], [0, -2, 2]]
