"""From the published constructors' arguments to a `CTMConfig`.

Four kinds of machine were published: `image` (also mazes and parity), `sort`, `qamnist` and `rl`. The arguments keep
their published names here and nowhere else; the table in docs/published-names.md explains each.
"""

from collections.abc import Mapping
from typing import Any

from cofire import checks
from cofire.ctm._attention import Attention
from cofire.ctm._backbones import Backbone, ClassicControl, Convolutional, Direct, MiniGrid, ShallowWide, TokenEmbedding
from cofire.ctm._config import CTMConfig
from cofire.ctm._heads import Answer, EnergyHead
from cofire.ctm._neuron_models import DeepNeuronModel, LinearNeuronModel
from cofire.ctm._pairs import FirstLast, PairSelection, RandomDense, RandomPairs
from cofire.ctm._positions import LearnableFourier, MultiScaleLearnableFourier, Position, Rotational1D, Rotational2D
from cofire.ctm._questions import DigitQuestions
from cofire.ctm._resnet import DEPTHS, ResNet
from cofire.ctm._synapses import SynapseBlock, SynapseUNet
from cofire.ctm._synchronisation import Decayed, Windowed

KINDS = ("image", "parity", "sort", "qamnist", "rl")
_CORE = ("iterations", "d_model", "d_input", "memory_length", "memory_hidden_dims", "n_synch_out")
_ASKING = ("heads", "n_synch_action", "synapse_depth", "out_dims")
NEEDED: dict[str, tuple[str, ...]] = {
    "image": (*_CORE, *_ASKING, "positional_embedding_type"),
    "parity": (*_CORE, *_ASKING, "positional_embedding_type"),
    "sort": (*_CORE, "synapse_depth", "out_dims"),
    "qamnist": (*_CORE, *_ASKING, "iterations_for_answering"),
    "rl": _CORE,
}
# What the training scripts' command lines call differently from the constructors.
TRAINING_NAMES = {
    "deep_memory": "deep_nlms",
    "do_normalisation": "do_layernorm_nlm",
    "q_num_repeats_per_input": "iterations_per_digit",
    "q_num_answer_steps": "iterations_for_answering",
}
POSITIONS: dict[str, Position | None] = {
    "none": None,
    "learnable-fourier": LearnableFourier(),
    "multi-learnable-fourier": MultiScaleLearnableFourier(),
    "custom-rotational": Rotational2D(),
    "custom-rotational-1d": Rotational1D(),
}


def published_config(
    kind: str, arguments: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]] | None = None
) -> CTMConfig:
    """The configuration of a published machine.

    Arguments: the `kind`, the constructor's `arguments` under their published names, and the `shapes` of its weights,
    which tell what the published constructors only learn from their first input: channels of images, width of
    observations.

    Raises InvalidValue for a kind or an option that was never published.
    """
    checks.choice("kind", kind, KINDS)
    known = dict(arguments)
    missing = [name for name in NEEDED[kind] if name not in known]
    if missing:
        wanted, got = f"the arguments {', '.join(NEEDED[kind])}", f"none for {', '.join(missing)}"
        fix = "give the config.json of the model"
        raise checks.InvalidValue(checks.message(f"published {kind} machine", wanted, got, fix))
    shapes = shapes or {}
    builders = {"rl": _control, "sort": _sort, "qamnist": _questions}
    return builders.get(kind, _image)(known, shapes)


def training_arguments(
    kind: str, command_line: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Any]:
    """The constructor's arguments from a training script's, which calls some differently and derives others."""
    known = {TRAINING_NAMES.get(name, name): value for name, value in command_line.items()}
    if "output_projector.0.weight" in shapes:
        known["out_dims"] = shapes["output_projector.0.weight"][0]
    if "prediction_reshaper" not in known:
        classes = {"parity_sequence_length": 2, "maze_route_length": 5}  # per position
        known["prediction_reshaper"] = next(([known[name], n] for name, n in classes.items() if name in known), [-1])
    if kind == "rl" and "backbone_type" not in known:
        grid = "MiniGrid" in str(known.get("env_id", ""))
        known["backbone_type"] = "navigation-backbone" if grid else "classic-control-backbone"
    return known


def _image(known: dict[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> CTMConfig:
    attention = Attention(width=known["d_input"], heads=known["heads"], dropout=_dropout(known))
    return CTMConfig(
        **_machine(known),
        backbone=_backbone(known, shapes),
        position=POSITIONS[checks.choice("positional_embedding_type", known["positional_embedding_type"], POSITIONS)],
        attention=attention,
        synapse=_synapse(known),
        sync_out=Decayed(pairs=_pairs(known, "out")),
        sync_action=Decayed(pairs=_pairs(known, "action")),
        answer=_answer(known),
        energy=EnergyHead(hidden=known.get("energy_hidden_dim", 64)) if known.get("energy_head_enabled") else None,
    )


def _sort(known: dict[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> CTMConfig:
    inputs = shapes["synapses.1.weight"][1] - known["d_model"] if "synapses.1.weight" in shapes else known["d_input"]
    return CTMConfig(
        **_machine(known),
        backbone=Direct(features=inputs),
        synapse=_synapse(known),
        sync_out=Decayed(pairs=_pairs(known, "out")),
        answer=_answer(known),
    )


def _questions(known: dict[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> CTMConfig:
    machine = _machine(known) | {"ticks": known["iterations_for_answering"]}
    return CTMConfig(
        **machine,
        backbone=Convolutional(features=known["d_input"]),
        attention=Attention(width=known["d_input"], heads=known["heads"], dropout=_dropout(known)),
        synapse=_synapse(known),
        sync_out=Decayed(pairs=_pairs(known, "out")),
        sync_action=Decayed(pairs=_pairs(known, "action")),
        answer=_answer(known),
        question=DigitQuestions(),
        streamed=True,
    )


def _control(known: dict[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> CTMConfig:
    return CTMConfig(
        **_machine(known),
        backbone=_backbone(known, shapes),
        synapse=SynapseBlock(blocks=2, dropout=_dropout(known)),
        sync_out=Windowed(pairs=FirstLast(neurons=known["n_synch_out"], end="last")),
    )


def _machine(known: dict[str, Any]) -> dict[str, Any]:
    dropout = known.get("dropout_nlm")
    parts = {
        "normalise": bool(known.get("do_layernorm_nlm", False)),
        "dropout": float(_dropout(known) if dropout is None else dropout),
    }
    deep = known.get("deep_nlms", True)
    return {
        "neurons": known["d_model"],
        "ticks": known["iterations"],
        "memory_length": known["memory_length"],
        "neuron_model": DeepNeuronModel(hidden=known["memory_hidden_dims"], **parts)
        if deep
        else LinearNeuronModel(**parts),
    }


def _dropout(known: dict[str, Any]) -> float:
    return float(known.get("dropout") or 0.0)


def _synapse(known: dict[str, Any]) -> SynapseBlock | SynapseUNet:
    depth = known["synapse_depth"]
    return SynapseBlock(dropout=_dropout(known)) if depth == 1 else SynapseUNet(depth=depth, dropout=_dropout(known))


def _pairs(known: dict[str, Any], side: str) -> PairSelection:
    count, name = known[f"n_synch_{side}"], known.get("neuron_select_type", "random-pairing")
    checks.choice("neuron_select_type", name, ("first-last", "random", "random-pairing"))
    if name == "random-pairing":
        return RandomPairs(pairs=count, self_pairs=known.get("n_random_pairing_self", 0))
    return FirstLast(neurons=count) if name == "first-last" else RandomDense(neurons=count)


def _answer(known: dict[str, Any]) -> Answer:
    shape = known.get("prediction_reshaper") or [-1]
    return Answer(outputs=known["out_dims"], positions=shape[0] if len(shape) > 1 else 1)


def _backbone(known: dict[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> Backbone:
    name = str(known.get("backbone_type", "none"))
    options = ["none", "shallow-wide", "parity_backbone", "classic-control-backbone", "navigation-backbone"]
    options += [f"resnet{depth}-{stages}" for depth in DEPTHS for stages in range(1, 5)]
    checks.choice("backbone_type", name, options)
    if name.startswith("resnet"):
        depth, stages = name.removeprefix("resnet").split("-")
        channels = shapes.get("initial_rgb.weight", (3, 3))[1]
        return ResNet(depth=int(depth), stages=int(stages), channels=channels)
    if name == "shallow-wide":
        return ShallowWide(channels=shapes.get("backbone.layers.0.weight", (0, 3))[1])
    if name == "parity_backbone":
        return TokenEmbedding(features=known["d_input"])
    if name == "classic-control-backbone":
        inputs = shapes.get("backbone.input_projector.1.weight", (0, 4))[1]
        return ClassicControl(inputs=inputs, features=known["d_input"])
    if name == "navigation-backbone":
        return MiniGrid(cell_features=known["d_input"])
    return Direct(features=shapes.get("kv_proj.0.weight", (0, known["d_input"]))[1])
