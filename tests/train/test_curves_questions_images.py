"""Questions and images are learned step by step as the equations say: against a plain machine in a plain loop."""

import copy
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor, nn

from cofire import CTM, CTMConfig, Key
from cofire.ctm import (
    Answer,
    Attention,
    Convolutional,
    Decayed,
    DeepNeuronModel,
    DigitQuestions,
    LearnableFourier,
    RandomDense,
    RandomPairs,
    StridedConvolutions,
    Thought,
)
from cofire.tasks import Images, QuestionsMNIST, Task
from cofire.train import NormClip, TrainConfig, read_metrics, train
from tests.train.test_learning_curves import (
    BATCH,
    DECAY,
    FINAL,
    LONGEST,
    PEAK,
    STEPS,
    WARMUP,
    PlainLoss,
    at_two_ticks,
    plain_curve,
)

ANSWER_TICKS = 3


class Doubled(nn.Module):
    """A machine that takes what it is shown in double precision, and a question where one is asked."""

    def __init__(self, machine: CTM):
        super().__init__()
        self.machine = machine.double()

    def forward(self, x: Tensor, *, question: Tensor | None = None) -> Thought:
        return self.machine(x.double(), question=question)


def compare(config: CTMConfig, task: Task, loss: PlainLoss, folder: Path, key: Key = Key(2)) -> None:  # noqa: B008
    model = Doubled(CTM(config, key=key))
    expected = plain_curve(copy.deepcopy(model.machine).train(), task, loss)
    settings = TrainConfig(
        steps=STEPS,
        batch_size=BATCH,
        learning_rate=PEAK,
        final_learning_rate=FINAL,
        warmup_steps=WARMUP,
        weight_decay=DECAY,
        clip=NormClip(LONGEST),
        precision="float32",
    )
    train(model, task, settings, folder / "run")
    curve = read_metrics(folder / "run" / "metrics.csv")["loss"]
    assert len(curve) == STEPS == 50
    assert np.ptp(expected) > 0.1  # it moves
    np.testing.assert_allclose(curve, expected, rtol=6e-6)  # the file keeps six digits


def at_the_end(logits: Tensor, certainty: Tensor, targets: Tensor) -> Tensor:
    """The loss of an answer over the ticks after the question."""
    return at_two_ticks(1)(logits[..., -ANSWER_TICKS:], certainty[:, -ANSWER_TICKS:], targets)


def test_questions(tmp_path: Path):
    """Batches of every kind: a block of positions is a batch."""
    task = QuestionsMNIST(
        key=Key(6), digits=(1, 3), operations=(1, 2), repeats=2, answer_ticks=ANSWER_TICKS, block=BATCH, size=28
    )
    config = CTMConfig(
        neurons=16,
        ticks=ANSWER_TICKS,
        memory_length=4,
        backbone=Convolutional(features=4),
        attention=Attention(width=8, heads=2),
        neuron_model=DeepNeuronModel(hidden=2),
        sync_out=Decayed(pairs=RandomDense(neurons=4)),
        sync_action=Decayed(pairs=RandomDense(neurons=3)),
        answer=Answer(outputs=10),
        question=DigitQuestions(),
        streamed=True,
    )
    assert len({task.train(np.arange(BATCH) + BATCH * step).inputs.shape[1] for step in range(STEPS)}) == 3
    compare(config, task, at_the_end, tmp_path)


def test_images(tmp_path: Path):
    for label in range(3):
        (tmp_path / "set" / str(label)).mkdir(parents=True)
        for place in range(20):
            noise = Key(3).integers(0, 120, (12, 12, 3), step=20 * label + place)
            noise[..., label] += 100  # something to learn
            Image.fromarray(noise.astype(np.uint8)).save(tmp_path / "set" / str(label) / f"{place}.png")
    task = Images(key=Key(4), dataset="folder", folder=str(tmp_path / "set"), augment="autoaugment")
    config = CTMConfig(
        neurons=16,
        ticks=4,
        memory_length=3,
        backbone=StridedConvolutions(steps=((6, 3, 2), (8, 3, 2)), channels=3),
        position=LearnableFourier(frequencies=8, hidden=8),
        attention=Attention(width=8, heads=2),
        neuron_model=DeepNeuronModel(hidden=2),
        sync_out=Decayed(pairs=RandomPairs(pairs=10)),
        sync_action=Decayed(pairs=RandomPairs(pairs=6)),
        answer=Answer(outputs=3),
    )
    compare(config, task, at_two_ticks(1), tmp_path)
