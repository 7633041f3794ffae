"""Machines as folders: what is written is what is read, a fault is named, and older folders stay readable."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from cofire import CTM, Key
from cofire.checks import FileProblem, InvalidType, InvalidValue
from cofire.ctm import Answer, Custom, load_published
from tests.ctm import machines

FACTS = {
    "task": "parity of 16 | bits",
    "seed": 3,
    "steps": 2000,
    "accuracy": 0.98,
    "control_accuracy": 0.51,
    "batch_size": 64,
}


def saved(tmp_path: Path, **changes) -> tuple[CTM, Path]:
    model = machines.build(machines.small(**changes))
    model.save(tmp_path / "machine", facts=FACTS)
    return model, tmp_path / "machine"


def edit(folder: Path, change) -> None:
    content = json.loads((folder / "config.json").read_text())
    change(content)
    (folder / "config.json").write_text(json.dumps(content))


@settings(max_examples=15, deadline=None)
@given(changes=machines.compositions(), seed=st.integers(0, 3))
def test_what_is_loaded_is_what_was_saved(tmp_path_factory, changes, seed):
    folder = tmp_path_factory.mktemp("machines") / "machine"
    model = machines.build(machines.small(**changes, more_heads=(("value", Answer(outputs=1)),)), seed=seed)
    model.save(folder)
    loaded = CTM.load(folder)
    assert loaded.config == model.config
    assert not loaded.training
    before, after = model.state_dict(), loaded.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(one.requires_grad for one in loaded.parameters())


def test_a_folder_holds_weights_configuration_and_card(tmp_path):
    model, folder = saved(tmp_path)
    assert sorted(one.name for one in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    content = json.loads((folder / "config.json").read_text())
    assert content["format"] == 1
    assert content["facts"] == FACTS
    assert content["machine"] == model.config.to_json()
    card = (folder / "README.md").read_text()
    for line in (
        "| Task | parity of 16 \\| bits |",
        "| Seed | 3 |",
        "| Training steps | 2000 |",
        "| Accuracy on held-out examples | 0.98 |",
        "| Accuracy of a one-tick control trained the same way | 0.51 |",
        "| Batch size | 64 |",
        "- neurons: `12`",
        "- attention: `Attention(width=8, heads=2, dropout=0.0)`",
        'model = cofire.ctm.CTM.load("the folder of this file")',
    ):
        assert line in card.splitlines()
    parameters = sum(one.numel() for one in model.parameters())
    assert f"| Parameters | {parameters:,} |" in card


def test_a_card_says_what_is_not_stated(tmp_path):
    machines.build(machines.small()).save(tmp_path / "machine", facts={"task": "sort"})
    card = (tmp_path / "machine" / "README.md").read_text()
    assert "| Accuracy of a one-tick control trained the same way | not stated |" in card
    with pytest.raises(InvalidType, match="facts: wanted values that JSON can hold, got Object of type Tensor"):
        machines.build(machines.small()).save(tmp_path / "machine", facts={"accuracy": torch.ones(1)})


def test_saving_again_replaces_the_machine_and_nothing_else(tmp_path):
    _, folder = saved(tmp_path)
    second = machines.build(machines.small(), seed=1)
    second.save(folder)
    assert torch.equal(CTM.load(folder).start_window, second.start_window)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(FileProblem, match=r"got one with notes.txt"):
        second.save(folder)
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_machine_of_half_precision_stays_one(tmp_path):
    machines.build(machines.small(), dtype=torch.bfloat16).save(tmp_path / "machine")
    assert CTM.load(tmp_path / "machine").start_window.dtype == torch.bfloat16


def test_a_loaded_machine_does_not_hang_on_its_file(tmp_path):
    model, folder = saved(tmp_path)
    loaded = CTM.load(folder)
    weights = folder / "model.safetensors"
    with weights.open("r+b") as file:
        file.seek(-64, 2)
        file.write(b"\xff" * 64)
    assert all(torch.equal(one, two) for one, two in zip(model.parameters(), loaded.parameters(), strict=True))


def test_entries_that_do_not_fit_are_listed(tmp_path):
    _, folder = saved(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    tensors["extra.weight"] = tensors.pop("answer.weight")
    tensors["start_window"] = tensors["start_window"][:, 1:].contiguous()
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(InvalidValue, match=r"the weights in .*machine: wanted the entries of the config") as raised:
        CTM.load(folder)
    for words in (
        "answer.weight is missing",
        "extra.weight is unknown",
        "start_window has shape (12, 3) instead of (12, 4)",
    ):
        assert words in str(raised.value)


def test_a_configuration_of_another_size_is_noticed(tmp_path):
    _, folder = saved(tmp_path)
    edit(folder, lambda content: content["machine"].update(neurons=13))
    with pytest.raises(InvalidValue, match=r"start_window has shape \(12, 4\) instead of \(13, 4\)"):
        CTM.load(folder)


def test_a_field_that_is_missing_takes_its_default(tmp_path):
    model, folder = saved(tmp_path)

    def forget(content):
        for name in ("more_heads", "question", "streamed", "energy", "position", "synapse"):
            del content["machine"][name]
        del content["machine"]["attention"]["dropout"]
        del content["facts"], content["cofire"]

    edit(folder, forget)
    assert CTM.load(folder).config == model.config


def test_fields_that_are_unknown_or_have_no_default_are_named(tmp_path):
    _, folder = saved(tmp_path)
    edit(folder, lambda content: content["machine"].pop("neurons"))
    with pytest.raises(InvalidValue, match=r"CTMConfig: wanted the fields neurons, ticks.*got one without neurons"):
        CTM.load(folder)
    edit(folder, lambda content: content["machine"].update(neurons=12, neurones=12))
    with pytest.raises(InvalidValue, match=r"field of CTMConfig: wanted one of .*got 'neurones'"):
        CTM.load(folder)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("config.json", b"{", "a missing, damaged or foreign one"),
        ("config.json", b"[]", "another config.json"),
        ("config.json", b'{"format": 2, "machine": {}}', "format 2, not 1"),
        ("model.safetensors", b"\x08", "a missing, damaged or foreign one"),
        ("model.safetensors", None, "No such file"),
    ],
)
def test_a_folder_that_is_damaged_or_foreign_is_named(tmp_path, name, content, words):
    _, folder = saved(tmp_path)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(FileProblem, match=rf"machine: wanted a saved machine, got .*{words}.*save\(\) wrote"):
        CTM.load(folder)


def test_a_backbone_of_the_users_own_is_refused_before_anything_is_written(tmp_path):
    backbone = Custom(module=torch.nn.Identity(), features=machines.FEATURES)
    model = CTM(machines.small(backbone=backbone), key=Key(0))
    with pytest.raises(InvalidValue, match="backbone: wanted a part that JSON can hold"):
        model.save(tmp_path / "machine")
    assert list(tmp_path.iterdir()) == []


def test_where_a_published_machine_came_from_is_kept(tmp_path, fixtures):
    model = load_published(fixtures / "ctm" / "rl_control")
    model.save(tmp_path / "machine")
    assert CTM.load(tmp_path / "machine").published == model.published
