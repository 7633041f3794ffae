"""The published names and layouts of the weights, beside cofire's.

A table from published entries to cofire's, made from the configuration. Most entries are the same tensor under
another name; three differ in layout: neuron-level weights are published (in, out, D) and stored (D, out, in), their
biases (1, D, out); the attention's three input projections are one matrix; and index vectors of choices that follow
from the configuration (first or last neurons) are written but carry no information.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from cofire.ctm._backbones import ClassicControl, Convolutional, MiniGrid, ShallowWide, TokenEmbedding
from cofire.ctm._config import CTMConfig
from cofire.ctm._positions import LearnableFourier, MultiScaleLearnableFourier, Rotational1D, Rotational2D
from cofire.ctm._resnet import ResNet
from cofire.ctm._synapses import SynapseBlock
from cofire.ctm._synchronisation import Snapshot, Windowed

MASKS = ("diagonal_mask_out", "diagonal_mask_action")  # follow from the configuration and were never used


class Entry(NamedTuple):
    """A published tensor and the cofire tensors that it holds."""

    published: str
    names: tuple[str, ...]
    read: Callable[[Tensor], list[Tensor]]  # the published tensor as cofire's
    write: Callable[[list[Tensor]], Tensor]  # cofire's as the published tensor


def published_entries(config: CTMConfig) -> list[Entry]:
    """The table for a machine of this configuration."""
    control = isinstance(config.sync_out, Windowed)
    entries = [_same("start_trace", "start_window")]
    entries.append(_same("start_activated_trace" if control else "start_activated_state", "start_activation"))
    for side, reading in (("out", config.sync_out), ("action", config.sync_action)):
        if reading is not None and not isinstance(reading, Snapshot):
            entries.append(_same(f"decay_params_{side}", f"sync_{side}.decay"))
            for hand in ("left", "right"):
                entries.append(_same(f"{side}_neuron_indices_{hand}", f"sync_{side}.{hand}"))
    entries += _neuron_entries(config) + _synapse_entries(config)
    if config.attention is not None:
        entries += _attention_entries()
    entries += _position_entries(config) + _backbone_entries(config)
    if config.answer is not None:
        entries += _affine("output_projector.0", "answer")
    if config.energy is not None:
        entries += _affine("energy_proj.0", "energy.first") + _affine("energy_proj.2", "energy.second")
    if config.question is not None:
        entries.append(_same("index_backbone.embedding", "question.table"))
        entries.append(_same("operator_backbone.embedding.weight", "question.operators.weight"))
    return entries


def _same(published: str, name: str) -> Entry:
    return Entry(published, (name,), lambda tensor: [tensor], lambda tensors: tensors[0])


def _affine(published: str, name: str) -> list[Entry]:
    return [_same(f"{published}.{part}", f"{name}.{part}") for part in ("weight", "bias")]


def _batch_norm(published: str, name: str) -> list[Entry]:
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    return [_same(f"{published}.{part}", f"{name}.{part}") for part in ("weight", "bias", *buffers)]


def _neuron_entries(config: CTMConfig) -> list[Entry]:
    entries: list[Entry] = []
    for layer in range(len(config.neuron_model.widths(config.memory_length))):
        published, name = f"trace_processor.0.{2 * layer}", f"neuron_models.layers.{layer}"
        entries.append(
            Entry(
                f"{published}.w1",
                (f"{name}.weight",),
                lambda tensor: [tensor.permute(2, 1, 0)],
                lambda tensors: tensors[0].permute(2, 1, 0),
            )
        )
        entries.append(
            Entry(f"{published}.b1", (f"{name}.bias",), lambda t: [t.squeeze(0)], lambda ts: ts[0].unsqueeze(0))
        )
        entries.append(_same(f"{published}.T", f"{name}.temperature"))
        if config.neuron_model.normalise:
            entries += _affine(f"{published}.layernorm", f"{name}.norm")
    return entries


def _synapse_entries(config: CTMConfig) -> list[Entry]:
    if isinstance(config.synapse, SynapseBlock):
        entries = _affine("synapses.1", "synapse.first") + _affine("synapses.3", "synapse.norm")
        for block in range(config.synapse.blocks - 1):
            first = 4 + 3 * block
            entries += _affine(f"synapses.{first}", f"synapse.more.{block}.linear")
            entries += _affine(f"synapses.{first + 2}", f"synapse.more.{block}.norm")
        return entries
    entries = _affine("synapses.first_projection.0", "synapse.first") + _affine(
        "synapses.first_projection.1", "synapse.norm"
    )
    for level in range(config.synapse.depth - 1):
        for published, name in (("down_projections", "down"), ("up_projections", "up")):
            entries += _affine(f"synapses.{published}.{level}.1", f"synapse.{name}.{level}.linear")
            entries += _affine(f"synapses.{published}.{level}.2", f"synapse.{name}.{level}.norm")
        entries += _affine(f"synapses.skip_lns.{level}", f"synapse.skip_norms.{level}")
    return entries


def _attention_entries() -> list[Entry]:
    parts = ("query_in", "key_in", "value_in")
    entries = _affine("kv_proj.0", "attention.tokens") + _affine("kv_proj.1", "attention.tokens_norm")
    entries += _affine("q_proj", "attention.query") + _affine("attention.out_proj", "attention.out")
    for part in ("weight", "bias"):
        names = tuple(f"attention.{one}.{part}" for one in parts)
        entries.append(Entry(f"attention.in_proj_{part}", names, lambda t: list(t.chunk(3)), lambda ts: torch.cat(ts)))
    return entries


def _fourier(published: str, name: str) -> list[Entry]:
    entries = [_same(f"{published}.Wr.weight", f"{name}.frequencies")]
    for place, part in ((0, "hidden"), (2, "out"), (3, "norm")):
        entries += _affine(f"{published}.mlp.{place}", f"{name}.{part}")
    return entries


def _position_entries(config: CTMConfig) -> list[Entry]:
    match config.position:
        case LearnableFourier():
            return _fourier("positional_embedding", "position")
        case MultiScaleLearnableFourier(scales=scales):
            entries = [_same("positional_embedding.combination", "position.mixture")]
            for scale in range(scales):
                entries += _fourier(f"positional_embedding.embedders.{scale}", f"position.scales.{scale}")
            return entries
        case Rotational1D():
            return _affine("positional_embedding.projection", "position.project")
        case Rotational2D():
            start = _same("positional_embedding.start_vector", "position.start")
            return [start, *_affine("positional_embedding.projection.0", "position.project")]
        case _:
            return []


def _backbone_entries(config: CTMConfig) -> list[Entry]:
    match config.backbone:
        case ResNet():
            return _resnet_entries(config.backbone)
        case TokenEmbedding():
            return [_same("backbone.embedding.weight", "backbone.embedding.weight")]
        case Convolutional():
            published = "backbone_digit" if config.question is not None else "backbone"
            entries = _affine(f"{published}.layers.0", "backbone.first") + _affine(
                f"{published}.layers.4", "backbone.second"
            )
            entries += _batch_norm(f"{published}.layers.1", "backbone.first_norm")
            return entries + _batch_norm(f"{published}.layers.5", "backbone.second_norm")
        case ShallowWide():
            entries = _affine("backbone.layers.0", "backbone.first") + _affine("backbone.layers.3", "backbone.second")
            entries += _batch_norm("backbone.layers.2", "backbone.first_norm")
            return entries + _batch_norm("backbone.layers.5", "backbone.second_norm")
        case ClassicControl():
            return _gated_pair("backbone.input_projector", (1, 3, 4, 6), "backbone")
        case MiniGrid():
            names = {"object": "objects", "color": "colours", "state": "states", "position": "places"}
            entries = [
                _same(f"backbone.{one}_embedding.weight", f"backbone.{name}.weight") for one, name in names.items()
            ]
            return entries + _gated_pair("backbone.project_to_d_projection", (0, 2, 3, 5), "backbone.cells")
        case _:
            return []


def _gated_pair(published: str, places: tuple[int, ...], name: str) -> list[Entry]:
    entries: list[Entry] = []
    for place, part in zip(places, ("first", "first_norm", "second", "second_norm"), strict=True):
        entries += _affine(f"{published}.{place}", f"{name}.{part}")
    return entries


def _resnet_entries(config: ResNet) -> list[Entry]:
    entries = _affine("initial_rgb", "backbone.colours")
    entries.append(_same("backbone.conv1.weight", "backbone.stem.weight"))
    entries += _batch_norm("backbone.bn1", "backbone.stem_norm")
    for stage, blocks in enumerate(config.blocks()):
        for place, block in enumerate(blocks):
            published, name = f"backbone.layer{stage + 1}.{place}", f"backbone.stages.{stage}.{place}"
            for step in range(block.convolutions):
                entries.append(_same(f"{published}.conv{step + 1}.weight", f"{name}.convolutions.{step}.weight"))
                entries += _batch_norm(f"{published}.bn{step + 1}", f"{name}.norms.{step}")
            if block.projected:
                entries.append(_same(f"{published}.downsample.0.weight", f"{name}.shortcut.weight"))
                entries += _batch_norm(f"{published}.downsample.1", f"{name}.shortcut_norm")
    return entries
