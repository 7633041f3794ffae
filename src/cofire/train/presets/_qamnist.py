"""Presets of Q&A MNIST: the two published machines, and a small one for two processor cores."""

from cofire.ctm import (
    Answer,
    Attention,
    Convolutional,
    CTMConfig,
    Decayed,
    DeepNeuronModel,
    DigitQuestions,
    LearnableFourier,
    RandomDense,
    RandomPairs,
    StridedConvolutions,
)
from cofire.train._clip import NormClip
from cofire.train._config import TrainConfig
from cofire.train.presets._partners import partners
from cofire.train.presets._preset import Preset

_RANGES = (
    "The paper has one to five digits and one to five operations; its published code, which was followed, draws their "
    "numbers with the upper end left out: one to four (settings upper_exclusive). Full MNIST is read by the extra data"
)


def _paper(ticks: int, memory_length: int) -> Preset:
    """The published machine that sees every input for so many ticks, and then has as many to answer."""
    pairs = Decayed(pairs=RandomDense(neurons=32))
    return Preset(
        task="qamnist",
        name=f"paper-{ticks}",
        about=f"the published machine with {ticks} {'ticks' if ticks > 1 else 'tick'} per input. {_RANGES}",
        model=CTMConfig(
            neurons=1024,
            ticks=ticks,
            memory_length=memory_length,
            backbone=Convolutional(features=64),
            attention=Attention(width=64, heads=4),
            neuron_model=DeepNeuronModel(hidden=16),
            sync_out=pairs,
            sync_action=pairs,
            answer=Answer(outputs=10),
            question=DigitQuestions(),
            streamed=True,
        ),
        train=TrainConfig(
            steps=300_000,
            batch_size=64,
            learning_rate=1e-4,
            final_learning_rate=1e-7,
            warmup_steps=500,
            precision="float32",
            log_every=100,
            evaluate_every=5_000,
            test_batch_size=256,
            save_every=2_000,
        ),
        settings={
            "digits": [1, 5],
            "operations": [1, 5],
            "upper_exclusive": True,
            "repeats": ticks,
            "answer_ticks": ticks,
            "images": "full",
        },
    )


def _with_partners(preset: Preset, *, lstm_width: int) -> tuple[Preset, ...]:
    """A preset and its partners; the recurrent one was trained on its last tick in place of the most certain one."""
    settings = {**preset.settings, "use_most_certain": False}
    return (preset, *partners(preset, lstm_width=lstm_width, lstm_settings=settings))


SMALL = Preset(
    task="qamnist",
    name="small",
    about=(
        "two digits and one operation, a tick for every input and four to answer: sizes of our own, for two processor "
        "cores, with the 5,000 digits that come inside a package, deformed anew each time. Half of the training "
        "questions ask for the name of a digit: without them sums are learned modulo five only, as x + x tells no more"
    ),
    model=CTMConfig(
        neurons=128,
        ticks=4,
        memory_length=10,  # all ticks of a question
        backbone=StridedConvolutions(steps=((16, 5, 2), (32, 3, 2), (64, 3, 2), (64, 3, 2))),
        position=LearnableFourier(),
        attention=Attention(width=64, heads=4),
        neuron_model=DeepNeuronModel(hidden=4),
        sync_out=Decayed(pairs=RandomPairs(pairs=256)),
        sync_action=Decayed(pairs=RandomPairs(pairs=64)),
        answer=Answer(outputs=10),
        question=DigitQuestions(),
        streamed=True,
    ),
    train=TrainConfig(
        steps=5_000,
        batch_size=64,
        learning_rate=3e-3,
        final_learning_rate=1e-4,
        warmup_steps=100,
        weight_decay=0.1,
        clip=NormClip(5.0),
        average=0.998,
        log_every=50,
        evaluate_every=500,
    ),
    settings={
        "digits": [2, 2],
        "operations": [0, 1],
        "tested": [2, 1],
        "answer_ticks": 4,
        "size": 28,
        "warp": {"shift": 2.0, "turn": 10.0, "stretch": 0.1, "slant": 0.1, "bend": 0.7},
    },
)
PAPER_10 = _paper(10, memory_length=30)
PAPER_1 = _paper(1, memory_length=3)
PRESETS = (
    SMALL,
    *partners(SMALL, lstm_width=96),
    *_with_partners(PAPER_10, lstm_width=875),
    *_with_partners(PAPER_1, lstm_width=741),
)
