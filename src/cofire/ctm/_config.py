"""The configuration of a machine: a frozen, validated choice of parts, which JSON can hold."""

from dataclasses import dataclass, field
from typing import Any

from cofire import checks
from cofire.ctm._attention import Attention
from cofire.ctm._backbones import (
    Backbone,
    ClassicControl,
    Convolutional,
    Direct,
    MiniGrid,
    ShallowWide,
    StridedConvolutions,
    TokenEmbedding,
)
from cofire.ctm._heads import Answer, EnergyHead
from cofire.ctm._json import from_json, to_json
from cofire.ctm._neuron_models import DeepNeuronModel, LinearNeuronModel, NeuronModel, NoNeuronModel
from cofire.ctm._pairs import FirstLast, RandomDense, RandomPairs
from cofire.ctm._positions import LearnableFourier, MultiScaleLearnableFourier, Position, Rotational1D, Rotational2D
from cofire.ctm._questions import DigitQuestions
from cofire.ctm._resnet import ResNet
from cofire.ctm._synapses import SynapseBlock, SynapseUNet
from cofire.ctm._synchronisation import Decayed, Reading, Snapshot, Windowed

PARTS: dict[str, type] = {
    part.__name__: part
    for part in (
        Answer,
        Attention,
        ClassicControl,
        Convolutional,
        Decayed,
        DeepNeuronModel,
        DigitQuestions,
        Direct,
        EnergyHead,
        FirstLast,
        LearnableFourier,
        LinearNeuronModel,
        MiniGrid,
        MultiScaleLearnableFourier,
        NoNeuronModel,
        RandomDense,
        RandomPairs,
        ResNet,
        Rotational1D,
        Rotational2D,
        ShallowWide,
        Snapshot,
        StridedConvolutions,
        SynapseBlock,
        SynapseUNet,
        TokenEmbedding,
        Windowed,
    )
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CTMConfig:
    """What a Continuous Thought Machine is made of.

    Arguments:
        neurons: the number of neurons D.
        ticks: internal ticks T of a call; where observations come one per tick, the ticks after the last of them.
        memory_length: the pre-activations M that a neuron-level model sees.
        backbone: from observations to tokens or features, see `cofire.ctm.Convolutional` and its siblings.
        position: a positional encoding added to the tokens, or None.
        attention: how tokens are looked at, or None: the backbone's features are fed as they are.
        synapse, neuron_model: the two halves of a tick.
        sync_out, sync_action: what is read from the neurons for the answer and for the attention's query.
        answer: the head that gives logits, or None (a control machine hands out its synchronisation).
        energy: a head that judges every tick, or None.
        more_heads: further heads by name, as pairs (name, Answer).
        question: the embedding of a question that follows a stream of observations, or None.
        streamed: True where x holds one observation per tick, (B, S, …).

    Raises InvalidValue or InvalidType, naming the field, what was wanted and the fix, for what cannot be built.

    >>> config = CTMConfig(
    ...     neurons=32, ticks=5, memory_length=4, backbone=Direct(features=8), attention=Attention(width=16, heads=2),
    ...     neuron_model=DeepNeuronModel(hidden=4), sync_out=Decayed(pairs=RandomPairs(pairs=24)),
    ...     sync_action=Decayed(pairs=RandomPairs(pairs=16)), answer=Answer(outputs=10),
    ... )
    >>> CTMConfig.from_json(config.to_json()) == config
    True
    """

    neurons: int
    ticks: int
    memory_length: int
    backbone: Backbone
    neuron_model: NeuronModel
    sync_out: Reading
    synapse: SynapseBlock | SynapseUNet = field(default_factory=SynapseBlock)
    position: Position | None = None
    attention: Attention | None = None
    sync_action: Reading | None = None
    answer: Answer | None = None
    energy: EnergyHead | None = None
    more_heads: tuple[tuple[str, Answer], ...] = ()
    question: DigitQuestions | None = None
    streamed: bool = False

    def __post_init__(self) -> None:
        checks.integer("neurons", self.neurons, low=1)
        checks.integer("ticks", self.ticks, low=1, fix="a machine thinks for one tick or more")
        checks.integer("memory_length", self.memory_length, low=1)
        check_senses(self.attention, self.sync_action, self.question, self.streamed)
        if isinstance(self.synapse, SynapseUNet):
            self.synapse.widths(self.neurons)

    def to_json(self) -> dict[str, Any]:
        """The configuration as plain JSON values; every part names its kind."""
        return to_json(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "CTMConfig":
        """Read what `to_json` wrote; fields that are left out take their defaults.

        Raises InvalidValue that names unknown kinds and fields, and missing fields without a default.
        """
        config = from_json(values, {**PARTS, cls.__name__: cls})
        return checks.instance("configuration", config, cls, fix="a file written by CTMConfig.to_json()")


def check_senses(attention: Any, sync_action: Any, question: Any, streamed: bool) -> None:
    """Raise InvalidValue where attention, what asks it, questions and streams do not fit together."""
    if (attention is None) != (sync_action is None):
        got = "attention" if sync_action is None else "sync_action"
        wanted = "both or neither of attention and sync_action"
        raise checks.InvalidValue(checks.message("attention", wanted, f"{got} alone", "the action asks the attention"))
    if question is not None and (attention is None or not streamed):
        wanted = "attention and streamed observations beside it"
        raise checks.InvalidValue(checks.message("question", wanted, "neither or one", "attention=…, streamed=True"))
