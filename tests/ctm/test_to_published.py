"""The published layout, written back: every entry to the bit, every argument, an error where there is none."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from cofire import CTM, CTMConfig
from cofire.checks import FileProblem, InvalidValue
from cofire.ctm import (
    Answer,
    ClassicControl,
    Convolutional,
    Custom,
    Decayed,
    DigitQuestions,
    EnergyHead,
    FirstLast,
    LinearNeuronModel,
    MiniGrid,
    RandomDense,
    RandomPairs,
    ResNet,
    Rotational1D,
    ShallowWide,
    Snapshot,
    SynapseBlock,
    SynapseUNet,
    TokenEmbedding,
    Windowed,
    load_published,
)
from tests.ctm import machines

FIXTURES = ["parity", "maze", "image_pairs", "image_energy", "sort", "qamnist", "rl_control", "rl_navigation"]


def same_folder(one: Path, other: Path) -> None:
    first, second = load_file(one / "model.safetensors"), load_file(other / "model.safetensors")
    assert sorted(first) == sorted(second)
    for name, tensor in first.items():
        assert tensor.dtype == second[name].dtype, name
        assert torch.equal(tensor, second[name]), name
    assert json.loads((one / "config.json").read_text()) == json.loads((other / "config.json").read_text())


@pytest.mark.parametrize("name", FIXTURES)
def test_published_machines_are_written_back_to_the_bit(fixtures, tmp_path, name):
    model = load_published(fixtures / "ctm" / name)
    model.to_published(tmp_path / "first")
    same_folder(fixtures / "ctm" / name, tmp_path / "first")
    model.save(tmp_path / "saved")
    CTM.load(tmp_path / "saved").to_published(tmp_path / "second")
    same_folder(fixtures / "ctm" / name, tmp_path / "second")


@pytest.mark.parametrize("name", FIXTURES)
def test_arguments_made_from_the_composition_build_the_same_machine(fixtures, tmp_path, name):
    model = load_published(fixtures / "ctm" / name)
    model.published = None  # as if it had been made here
    model.to_published(tmp_path / "folder")
    again = load_published(tmp_path / "folder")
    assert again.config == model.config
    made = json.loads((tmp_path / "folder" / "config.json").read_text())
    known = json.loads((fixtures / "ctm" / name / "config.json").read_text())
    assert made["kind"] == ("image" if name == "parity" else known["kind"])
    different = {n for n, value in known["kwargs"].items() if made["kwargs"].get(n, value) != value}
    unsaid = {"dropout_nlm"} | ({"n_synch_action"} if name == "sort" else set())
    if name == "qamnist":  # how long each digit is shown is no property of the machine
        unsaid |= {"iterations", "iterations_per_digit", "iterations_per_question_part"}
    assert different <= unsaid
    before, after = model.state_dict(), again.state_dict()
    assert all(torch.equal(before[entry], after[entry]) for entry in before)


def test_the_flat_layout_of_the_hub_is_read_and_written(fixtures, tmp_path):
    source, flat = fixtures / "ctm" / "maze", tmp_path / "flat"
    flat.mkdir()
    shutil.copy(source / "model.safetensors", flat)
    (flat / "config.json").write_text(json.dumps(json.loads((source / "config.json").read_text())["kwargs"]))
    model = load_published(flat)
    assert model.config == load_published(source).config
    model.to_published(tmp_path / "again")
    same_folder(flat, tmp_path / "again")


IMAGE = {"backbone": ResNet(depth=18, stages=1, channels=1), "answer": Answer(outputs=6)}
SORT = {"attention": None, "sync_action": None, "sync_out": Decayed(pairs=RandomPairs(pairs=4))}
CONTROL = {
    "attention": None,
    "sync_action": None,
    "answer": None,
    "synapse": SynapseBlock(blocks=2),
    "sync_out": Windowed(pairs=FirstLast(neurons=3, end="last")),
}
ASKING = {"backbone": Convolutional(features=8), "question": DigitQuestions(), "streamed": True}
DENSE = {"sync_out": Decayed(pairs=RandomDense(neurons=3)), "sync_action": Decayed(pairs=RandomDense(neurons=3))}


@pytest.mark.parametrize(
    "changes",
    [
        IMAGE | DENSE,
        IMAGE | DENSE | {"energy": EnergyHead(hidden=8), "synapse": SynapseUNet(depth=2, narrowest=16), "neurons": 17},
        DENSE | {"backbone": TokenEmbedding(features=8), "position": Rotational1D()},
        DENSE
        | {"neuron_model": LinearNeuronModel(normalise=True, dropout=0.25), "backbone": TokenEmbedding(features=8)},
        SORT,
        CONTROL | {"backbone": ClassicControl(inputs=4, features=8)},
        CONTROL | {"backbone": MiniGrid(cell_features=8)},
        DENSE | ASKING,
    ],
)
def test_a_machine_made_here_can_be_handed_to_the_published_code(tmp_path, changes):
    config = machines.small(**changes)
    model = machines.build(config).eval()
    model.to_published(tmp_path / "folder")
    again = load_published(tmp_path / "folder")
    assert again.config == config
    assert all(torch.equal(one, two) for one, two in zip(model.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sync_action": Snapshot()}, "sync_action: wanted a part of a published machine, got Snapshot"),
        (IMAGE | {"sync_out": Snapshot()}, "sync_out: wanted a part of a published machine, got Snapshot"),
        ({}, "backbone: wanted a part of a published machine, got Direct"),
        (
            IMAGE | DENSE | {"more_heads": (("value", Answer(outputs=1)),)},
            "machine: wanted a composition that was published",
        ),
        (IMAGE, "machine: wanted a composition that was published"),  # two kinds of selection at once
        (
            IMAGE | DENSE | {"backbone": ShallowWide(width=16, groups=2)},
            "machine: wanted a composition that was published",
        ),
        (SORT | {"energy": EnergyHead()}, "machine: wanted a composition that was published"),
        (
            {"backbone": Custom(module=torch.nn.Identity(), features=5)},
            r"backbone: wanted a part of a published machine, got Custom; the usual fix: model.save\(folder\)",
        ),
    ],
)
def test_what_was_never_published_is_said_to_be_so(tmp_path, changes, words):
    model = machines.build(machines.small(**changes))
    with pytest.raises(InvalidValue, match=words):
        model.to_published(tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


def test_a_changed_machine_is_written_with_its_own_arguments(fixtures, tmp_path):
    source = load_published(fixtures / "ctm" / "parity")
    longer = CTM(CTMConfig.from_json(source.config.to_json() | {"ticks": 9}), key=None)
    longer.load_state_dict(source.state_dict(), assign=True)
    longer.published = source.published
    longer.to_published(tmp_path / "folder")
    assert json.loads((tmp_path / "folder" / "config.json").read_text())["kwargs"]["iterations"] == 9


def test_a_saved_machine_is_not_overwritten_by_a_published_one(fixtures, tmp_path):
    model = load_published(fixtures / "ctm" / "parity")
    model.save(tmp_path / "machine")
    with pytest.raises(FileProblem, match=r"nothing but model.safetensors, config.json, got one with README.md"):
        model.to_published(tmp_path / "machine")
