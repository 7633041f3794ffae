"""From a `CTMConfig` back to the published constructors' arguments, and the table of both names.

What a composition cannot say (the arguments that a machine ignores) is written as the published code's own default.
"""

from typing import Any, NamedTuple

from cofire import checks
from cofire.ctm._backbones import ClassicControl, MiniGrid, ShallowWide, TokenEmbedding
from cofire.ctm._config import CTMConfig
from cofire.ctm._neuron_models import DeepNeuronModel
from cofire.ctm._pairs import FirstLast, RandomDense, RandomPairs
from cofire.ctm._published_config import POSITIONS
from cofire.ctm._resnet import ResNet
from cofire.ctm._synapses import SynapseUNet
from cofire.ctm._synchronisation import Windowed


class Argument(NamedTuple):
    """An argument of the published constructors: its name, the field of `CTMConfig` that holds it, and what it says."""

    published: str
    field: str
    meaning: str


ARGUMENTS = (
    Argument("iterations", "ticks", "internal ticks T"),
    Argument("d_model", "neurons", "neurons D"),
    Argument("d_input", "attention.width", "width of what is observed; without attention the backbone's features"),
    Argument("heads", "attention.heads", "attention heads H"),
    Argument("memory_length", "memory_length", "pre-activations M that a neuron-level model sees"),
    Argument("n_synch_out", "sync_out.pairs", "neurons or pairs read for the answer"),
    Argument("n_synch_action", "sync_action.pairs", "neurons or pairs read for the query"),
    Argument("neuron_select_type", "sync_out.pairs", "the kind of both selections of pairs"),
    Argument("n_random_pairing_self", "sync_out.pairs.self_pairs", "pairs of a neuron with itself"),
    Argument("synapse_depth", "synapse", "1 is SynapseBlock (two blocks for control), more is SynapseUNet(depth=…)"),
    Argument("deep_nlms", "neuron_model", "DeepNeuronModel or LinearNeuronModel"),
    Argument("memory_hidden_dims", "neuron_model.hidden", "hidden units of a deep neuron-level model"),
    Argument("do_layernorm_nlm", "neuron_model.normalise", "layer norm over the inputs of each neuron-level layer"),
    Argument("dropout", "synapse.dropout", "dropout of the synapse model and of the attention weights"),
    Argument("dropout_nlm", "neuron_model.dropout", "dropout of the neuron-level models; null is the same as dropout"),
    Argument("backbone_type", "backbone", "the kind of backbone"),
    Argument("positional_embedding_type", "position", "the kind of positional encoding"),
    Argument("out_dims", "answer.outputs", "logits"),
    Argument("prediction_reshaper", "answer.positions", "[positions, classes]; [-1] is one position"),
    Argument("energy_head_enabled", "energy", "whether there is an energy head"),
    Argument("energy_hidden_dim", "energy.hidden", "its hidden units"),
    Argument(
        "iterations_per_digit",
        "streamed",
        "ticks per digit: the length of the stream that is given, not of the machine",
    ),
    Argument("iterations_per_question_part", "question", "ticks per part of a question: likewise"),
    Argument("iterations_for_answering", "ticks", "ticks of thought after the question"),
)


def published_arguments(config: CTMConfig) -> tuple[str, dict[str, Any]]:
    """The kind and the constructor's arguments of a machine.

    Raises InvalidValue where a part has no published name. A machine may still differ from what these arguments build;
    compare `published_config` of the result.
    """
    synapse, model = config.synapse, config.neuron_model
    deep = isinstance(model, DeepNeuronModel)
    arguments: dict[str, Any] = {
        "iterations": config.ticks,
        "d_model": config.neurons,
        "d_input": config.backbone.features if config.attention is None else config.attention.width,
        "synapse_depth": synapse.depth if isinstance(synapse, SynapseUNet) else 1,
        "memory_length": config.memory_length,
        "deep_nlms": deep,
        "memory_hidden_dims": model.hidden if deep else 4,
        "do_layernorm_nlm": model.normalise,
        "prediction_reshaper": [-1],
        "dropout": synapse.dropout,
        "dropout_nlm": model.dropout,
        **_reading(config, "out"),
    }
    if isinstance(config.sync_out, Windowed):
        cells = config.backbone.cell_features if isinstance(config.backbone, MiniGrid) else arguments["d_input"]
        del arguments["dropout_nlm"], arguments["n_random_pairing_self"]
        return "rl", arguments | {"d_input": cells, "backbone_type": _backbone(config)}
    if config.answer is not None:
        arguments["out_dims"] = config.answer.outputs
        if config.answer.positions > 1:
            arguments["prediction_reshaper"] = [config.answer.positions, config.answer.classes]
    if config.attention is None:
        unused = {"heads": 4, "n_synch_action": 32, "backbone_type": "none", "positional_embedding_type": "none"}
        return "sort", arguments | unused
    arguments |= {"heads": config.attention.heads, **_reading(config, "action")}
    if config.question is not None:
        del arguments["dropout_nlm"]
        schedule = ("iterations_per_digit", "iterations_per_question_part", "iterations_for_answering")
        return "qamnist", arguments | dict.fromkeys(schedule, config.ticks)
    arguments |= {"backbone_type": _backbone(config), "positional_embedding_type": _position(config)}
    if config.energy is not None:
        arguments |= {"energy_head_enabled": True, "energy_hidden_dim": config.energy.hidden}
    return "image", arguments


def _reading(config: CTMConfig, side: str) -> dict[str, Any]:
    reading = config.sync_out if side == "out" else config.sync_action
    match getattr(reading, "pairs", None):
        case RandomPairs(pairs=count, self_pairs=own):
            return {f"n_synch_{side}": count, "neuron_select_type": "random-pairing", "n_random_pairing_self": own}
        case FirstLast(neurons=count):
            return {f"n_synch_{side}": count, "neuron_select_type": "first-last", "n_random_pairing_self": 0}
        case RandomDense(neurons=count):
            return {f"n_synch_{side}": count, "neuron_select_type": "random", "n_random_pairing_self": 0}
        case _:
            raise _unpublished(f"sync_{side}", reading)


def _backbone(config: CTMConfig) -> str:
    backbone = config.backbone
    match backbone:
        case ResNet():
            return f"resnet{backbone.depth}-{backbone.stages}"
        case ShallowWide():
            return "shallow-wide"
        case TokenEmbedding():
            return "parity_backbone"
        case ClassicControl():
            return "classic-control-backbone"
        case MiniGrid():
            return "navigation-backbone"
        case _:
            raise _unpublished("backbone", backbone)


def _position(config: CTMConfig) -> str:
    for name, position in POSITIONS.items():
        if position == config.position:
            return name
    raise _unpublished("position", config.position)


def _unpublished(name: str, part: Any) -> checks.InvalidValue:
    got, fix = type(part).__name__, "model.save(folder) keeps every machine"
    return checks.InvalidValue(checks.message(name, "a part of a published machine", got, fix))
