"""The pictures of parity say what the answers and the attention say."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cofire.ctm import (
    CTM,
    Answer,
    Attention,
    CTMConfig,
    Decayed,
    DeepNeuronModel,
    FeedForward,
    FeedForwardConfig,
    RandomPairs,
    TokenEmbedding,
)
from cofire.random import Key
from cofire.tasks import Parity
from cofire.train import Predictions
from cofire.viz import _pictures_parity
from cofire.viz._page import Picture
from cofire.viz._run_evidence import RunEvidence

LENGTH, TICKS, SHOWN = 6, 5, 4
TASK = Parity(length=LENGTH, key=Key(0))
MACHINE = CTMConfig(
    neurons=12,
    ticks=TICKS,
    memory_length=2,
    backbone=TokenEmbedding(features=8),
    attention=Attention(width=8, heads=2),
    neuron_model=DeepNeuronModel(hidden=2),
    sync_out=Decayed(pairs=RandomPairs(pairs=8)),
    sync_action=Decayed(pairs=RandomPairs(pairs=8)),
    answer=Answer(outputs=2 * LENGTH, positions=LENGTH),
)


def evidence_of(model: CTM | FeedForward, logits: np.ndarray) -> RunEvidence:
    """A run whose held-out answers are these (N, L, 2, T), most certain at the last tick."""
    ticks = logits.shape[-1]
    return RunEvidence(
        task=TASK,
        model=model.eval(),
        config={},
        metrics={"step": np.arange(1), "thinking_time": np.ones(1)},
        folder=Path(),
        predictions=Predictions(
            logits.reshape(SHOWN, -1, ticks).astype(np.float32),
            np.tile(np.arange(1, ticks + 1, dtype=np.float32) / (ticks + 1), (SHOWN, 1)),
            TASK.test(np.arange(SHOWN)).targets.numpy(),
        ),
    )


def settled_one_by_one() -> np.ndarray:
    """Logits that know place k from tick k on, are surest at tick k, and know nothing before; the last never."""
    targets = TASK.test(np.arange(SHOWN)).targets.numpy()
    logits = np.zeros((SHOWN, LENGTH, 2, TICKS))
    for place in range(TICKS):
        for tick in range(place, TICKS):
            logits[:, place, :, tick] = np.eye(2)[targets[:, place]] * (9 if tick == place else 4)
    return logits


@pytest.fixture
def axis() -> Iterator[Axes]:
    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    yield figure.subplots()
    figure.canvas.draw()


def test_a_report_shows_the_order_of_looking_and_every_place():
    found = _pictures_parity.sections(evidence_of(CTM(MACHINE, key=Key(1)), settled_one_by_one()))
    assert [section.heading for section in found] == ["The order of looking", "Place by place"]
    pictures = [block for section in found for block in section.blocks if isinstance(block, Picture)]
    assert [picture.name for picture in pictures] == ["attention", "thinking_time", "places"]
    assert "settled at tick 1.0" in pictures[1].alt
    assert "100% are right at the first place" in pictures[2].alt


def test_a_network_without_attention_or_ticks_has_its_own_report():
    network = FeedForward(
        FeedForwardConfig(
            width=4, backbone=TokenEmbedding(features=4), answer=Answer(outputs=2 * LENGTH, positions=LENGTH)
        ),
        key=Key(0),
    )
    (found,) = _pictures_parity.sections(evidence_of(network, settled_one_by_one()[..., -1:]))
    assert [block.name for block in found.blocks if isinstance(block, Picture)] == ["places"]


def test_attention_is_the_mean_over_sequences():
    model = CTM(MACHINE, key=Key(1))
    attention = _pictures_parity.attention_by_tick(evidence_of(model, settled_one_by_one()))
    assert attention.shape == (TICKS, 2, LENGTH)
    np.testing.assert_allclose(attention.sum(axis=2), 1, rtol=1e-5)
    inputs = TASK.test(np.arange(TASK.test_size)).inputs
    by_hand = np.mean([np.asarray(model.record(one[None])["attention"])[:, 0] for one in inputs], axis=0)
    np.testing.assert_allclose(attention, by_hand, rtol=1e-4)


def test_thinking_times_and_right_answers_by_place():
    evidence = evidence_of(CTM(MACHINE, key=Key(1)), settled_one_by_one())
    times = _pictures_parity.thinking_times(evidence)
    assert times[:, :TICKS].tolist() == [[1, 2, 3, 4, 5]] * SHOWN
    right = _pictures_parity.right_by_place(evidence)
    assert right.shape == (LENGTH, TICKS)
    for place in range(TICKS):
        assert right[place, place:].tolist() == [1] * (TICKS - place)
    assert right[-1, -1] == (TASK.test(np.arange(SHOWN)).targets[:, -1] == 0).float().mean()  # always says 0


def test_figures_show_their_numbers(axis: Axes):
    attention = torch.eye(4)[[0, 1, 2, 3, 3]][:, None].repeat(1, 2, 1).double().numpy()  # looks at one after the other
    _pictures_parity.draw_attention(attention, axis)
    dots = np.asarray(axis.collections[0].get_offsets())
    assert dots.tolist() == [[t, p] for t, p in zip([1, 1, 2, 2, 3, 3, 4, 4, 5, 5], [1, 1, 2, 2, 3, 3, 4, 4, 4, 4])]  # noqa: B905
    image = axis.images[0].get_array()
    assert image is not None
    np.testing.assert_array_equal(np.asarray(image), attention[:, 0].T)


def test_thinking_times_are_drawn_as_means(axis: Axes):
    times = np.array([[1, 2, 5], [1, 4, 5]])
    _pictures_parity.draw_thinking_times(times, axis, ticks=5)
    np.testing.assert_array_equal(axis.lines[0].get_ydata(), [1, 3, 5])
