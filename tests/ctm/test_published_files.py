"""Foreign files: every published layout opens, what does not fit is listed, and nothing in a file runs."""

import argparse
import json
import pickle
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file, save_model

from cofire.checks import FileProblem, InvalidType, InvalidValue, MissingExtra
from cofire.ctm import load_published

SHA = "0123456789abcdef0123456789abcdef01234567"


def copy(fixtures: Path, name: str, place: Path) -> Path:
    place.mkdir(parents=True)
    for file in ("config.json", "model.safetensors"):
        shutil.copy(fixtures / "ctm" / name / file, place)
    return place


def state(fixtures: Path, name: str) -> dict[str, torch.Tensor]:
    return load_file(fixtures / "ctm" / name / "model.safetensors")


def arguments(fixtures: Path, name: str) -> dict[str, Any]:
    return json.loads((fixtures / "ctm" / name / "config.json").read_text())["kwargs"]


def checkpoint(path: Path, weights: dict[str, torch.Tensor], known: dict[str, Any], **more: Any) -> Path:
    torch.save({"model_state_dict": weights, "args": argparse.Namespace(**known), "iteration": 7, **more}, path)
    return path


def same(one: torch.nn.Module, other: torch.nn.Module) -> None:
    assert one.config == other.config
    first, second = one.state_dict(), other.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


# --- folders ---------------------------------------------------------------------------------------------------------


def test_every_entry_that_does_not_fit_is_listed(fixtures, tmp_path):
    folder = copy(fixtures, "parity", tmp_path / "machine")
    weights = state(fixtures, "parity")
    weights["q_proj.scale"] = weights.pop("q_proj.bias")
    weights["start_trace"] = weights["start_trace"][:, :4].contiguous()
    weights["trace_processor.0.0.w1"] = weights["trace_processor.0.0.w1"][0]
    weights["attention.in_proj_bias"] = weights["attention.in_proj_bias"][:-1]
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(InvalidValue, match=r"published weights: wanted .*give the config.json that belongs") as raised:
        load_published(folder)
    for words in (
        "q_proj.bias is missing",
        "q_proj.scale is unknown",
        "start_trace has shape (48, 4) instead of (48, 5)",
        "trace_processor.0.0.w1 has shape (8, 48) instead of (5, 8, 48)",
        "attention.in_proj_bias has shape (95,) instead of (96,)",
    ):
        assert words in str(raised.value)


def test_tensors_that_were_one_when_they_were_written_are_found_again(fixtures, tmp_path):
    """The hub's own writer keeps one of two names: where neurons are chosen as first and last, left is right."""
    folder = copy(fixtures, "maze", tmp_path / "machine")
    weights, shared = state(fixtures, "maze"), torch.nn.Module()
    for name in [name for name in weights if name.endswith("indices_right")]:
        weights[name] = weights[name.replace("right", "left")]
    shared.state_dict = lambda *_, **__: weights
    entries = len(weights)
    save_model(shared, folder / "model.safetensors")
    assert len(load_file(folder / "model.safetensors")) == entries - 2
    same(load_published(folder), load_published(fixtures / "ctm" / "maze"))


def test_a_long_list_is_cut_and_counted(fixtures, tmp_path):
    folder = copy(fixtures, "image_energy", tmp_path / "machine")
    save_file({"start_trace": state(fixtures, "image_energy")["start_trace"]}, folder / "model.safetensors")
    with pytest.raises(InvalidValue, match=r"is missing; and \d+ more; the usual fix"):
        load_published(folder)


def test_arguments_that_are_missing_are_named(fixtures, tmp_path):
    folder = copy(fixtures, "qamnist", tmp_path / "machine")
    content = json.loads((folder / "config.json").read_text())
    del content["kwargs"]["iterations_for_answering"], content["kwargs"]["heads"]
    (folder / "config.json").write_text(json.dumps(content))
    words = "published qamnist machine: wanted the arguments .*, got none for heads, iterations_for_answering"
    with pytest.raises(InvalidValue, match=words):
        load_published(folder)


@pytest.mark.parametrize(
    ("name", "content", "error", "words"),
    [
        ("config.json", None, FileProblem, "machine: wanted config.json, got a folder without it"),
        ("model.safetensors", None, FileProblem, "machine: wanted model.safetensors, got a folder without it"),
        ("config.json", b"{'iterations': 6}", FileProblem, "machine: wanted a published model"),
        ("config.json", b"[6]", InvalidType, r"config.json: wanted dict, got \[6\] \(list\)"),
        ("config.json", b'{"kwargs": 6}', InvalidType, r"kwargs: wanted dict, got 6 \(int\)"),
        ("config.json", b'{"kind": "lstm", "kwargs": {}}', InvalidValue, "kind: wanted one of 'image'.*got 'lstm'"),
        (
            "config.json",
            b'{"hidden_size": 768}',
            InvalidValue,
            "published image machine: wanted the arguments iterations",
        ),
        ("model.safetensors", b"\x10\0\0\0\0\0\0\0{", FileProblem, "machine: wanted a published model"),
    ],
)
def test_a_folder_that_is_incomplete_or_foreign_is_named(fixtures, tmp_path, name, content, error, words):
    folder = copy(fixtures, "parity", tmp_path / "machine")
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(error, match=words):
        load_published(folder)


def test_a_truncated_file_is_refused(fixtures, tmp_path):
    folder = copy(fixtures, "parity", tmp_path / "machine")
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileProblem, match="machine: wanted a published model"):
        load_published(folder)


@pytest.mark.parametrize("name", ["nowhere", "no/such/place", "notes.txt"])
def test_a_path_to_nothing_of_the_kind_is_named(tmp_path, name):
    (tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(
        FileProblem, match=f"{name}: wanted a folder with config.json and model.safetensors, a checkpoint"
    ):
        load_published(tmp_path / name)


# --- training checkpoints --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.module.", "module._orig_mod."])
def test_prefixes_of_parallel_and_compiled_training_are_stripped(fixtures, tmp_path, prefix):
    wrapped = {
        prefix + name.replace("synapses.", "synapses._orig_mod."): one
        for name, one in state(fixtures, "parity").items()
    }
    path = checkpoint(tmp_path / "checkpoint.pt", wrapped, arguments(fixtures, "parity"))
    same(load_published(path), load_published(fixtures / "ctm" / "parity"))


def test_the_command_lines_of_the_training_scripts_are_understood(fixtures, tmp_path):
    def command_line(name, **changes):
        known = arguments(fixtures, name)
        renamed = {"deep_memory": known.pop("deep_nlms"), "do_normalisation": known.pop("do_layernorm_nlm")}
        del known["prediction_reshaper"]
        return known | renamed | {"lr": 1e-4, "log_dir": "logs", "device": [-1]} | changes

    lines = {
        "parity": command_line("parity", parity_sequence_length=16, n_random_pairing_self=256, n_test_batches=20),
        "maze": command_line("maze", maze_route_length=10, model="ctm"),
        "image_pairs": command_line("image_pairs", model="ctm"),
        "sort": command_line("sort", N_to_sort=8, d_input=128),
        "qamnist": command_line("qamnist", q_num_repeats_per_input=2, q_num_answer_steps=3),
    }
    for name in ("iterations_per_digit", "iterations_per_question_part", "iterations_for_answering"):
        del lines["qamnist"][name]
    del lines["parity"]["out_dims"], lines["maze"]["out_dims"]
    for name, line in lines.items():
        path = checkpoint(tmp_path / f"{name}.pt", state(fixtures, name), line)
        same(load_published(path), load_published(fixtures / "ctm" / name))


@pytest.mark.parametrize(
    ("name", "environment"), [("rl_control", "Acrobot-v1"), ("rl_navigation", "MiniGrid-FourRooms-v0")]
)
def test_the_machine_of_a_trained_agent_is_taken_out(fixtures, tmp_path, name, environment):
    agent = {f"recurrent_model.{entry}": tensor for entry, tensor in state(fixtures, name).items()}
    agent |= {"actor.0.weight": torch.ones(64, 36), "critic.0.weight": torch.ones(64, 36)}
    known = arguments(fixtures, name) | {"env_id": environment}
    del known["backbone_type"], known["prediction_reshaper"]
    same(load_published(checkpoint(tmp_path / "agent.pt", agent, known)), load_published(fixtures / "ctm" / name))


def test_what_numpy_left_in_a_checkpoint_is_thrown_away(fixtures, tmp_path):
    rest = {
        "numpy_rng_state": ("MT19937", np.arange(624, dtype=np.uint32), 624, 0, 0.0),
        "test_accuracies": [np.float64(0.5), np.float32(0.25), np.int64(3), np.array([True])],
        "train_losses": np.linspace(0, 1, 5),
        "torch_rng_state": torch.zeros(8, dtype=torch.uint8),
        "random_rng_state": (3, (1, 2), None),
        "optimizer_state_dict": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 1e-4}]},
    }
    path = checkpoint(tmp_path / "checkpoint.pt", state(fixtures, "sort"), arguments(fixtures, "sort"), **rest)
    same(load_published(path), load_published(fixtures / "ctm" / "sort"))


class Hostile:
    """A pickle that would write a file when it is opened."""

    def __init__(self, target: Path):
        self.target = target

    def __reduce__(self):
        return Path.write_text, (self.target, "owned")


@pytest.mark.parametrize("where", ["args", "iteration", "model_state_dict"])
def test_a_hostile_checkpoint_runs_nothing(fixtures, tmp_path, where):
    target = tmp_path / "owned.txt"
    content = {
        "model_state_dict": state(fixtures, "sort"),
        "args": argparse.Namespace(**arguments(fixtures, "sort")),
        where: Hostile(target),
    }
    path = tmp_path / "hostile.pt"
    torch.save(content, path)
    with pytest.raises(FileProblem, match=r"hostile.pt: wanted a training checkpoint .*nothing that could run"):
        load_published(path)
    assert not target.exists()
    pickle.loads(pickle.dumps(Hostile(target)))
    assert target.read_text() == "owned"  # it would have run


def test_hostile_state_handed_to_numpy_is_never_looked_at(fixtures, tmp_path):
    class Crafted:
        def __reduce__(self):
            return np.dtype, ("O", False, True), (3, "|", None, None, None, -1, -1, 63)

    path = checkpoint(
        tmp_path / "crafted.pt", state(fixtures, "sort"), arguments(fixtures, "sort"), metrics=[Crafted()]
    )
    same(load_published(path), load_published(fixtures / "ctm" / "sort"))


def test_checkpoints_that_are_truncated_or_hold_something_else_are_refused(fixtures, tmp_path):
    path = checkpoint(tmp_path / "checkpoint.pt", state(fixtures, "sort"), arguments(fixtures, "sort"))
    whole = path.read_bytes()
    words = "checkpoint.pt: wanted a training checkpoint with model_state_dict and args"
    for content in (whole[: len(whole) // 2], b"", b"no checkpoint"):
        path.write_bytes(content)
        with pytest.raises(FileProblem, match=words):
            load_published(path)
    for other in ({"state_dict": {}}, {"model_state_dict": {}}, [1, 2], {"model_state_dict": {"a": 1}, "args": None}):
        torch.save(other, path)
        with pytest.raises(FileProblem, match=words):
            load_published(path)
    torch.save({"model_state_dict": {"a": 1}, "args": argparse.Namespace()}, path)
    with pytest.raises(FileProblem, match="model_state_dict holds more than tensors"):
        load_published(path)


# --- the hub ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def hub(fixtures, tmp_path, monkeypatch):
    """A hub cache with one published model in it, and no network."""
    constants = pytest.importorskip("huggingface_hub.constants")
    repository = tmp_path / "hub" / "models--SakanaAI--ctm-maze-large"
    folder = copy(fixtures, "maze", repository / "snapshots" / SHA)
    (folder / "config.json").write_text(json.dumps(arguments(fixtures, "maze")))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(SHA)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("hub")
def test_a_name_on_the_hub_is_fetched(fixtures):
    same(load_published("SakanaAI/ctm-maze-large"), load_published(fixtures / "ctm" / "maze"))


@pytest.mark.usefixtures("hub")
def test_a_name_that_cannot_be_fetched_is_named():
    with pytest.raises(
        FileProblem, match="SakanaAI/ctm-imagenet: wanted a local folder or a model on the Hugging Face hub"
    ):
        load_published("SakanaAI/ctm-imagenet")


@pytest.mark.usefixtures("hub")
def test_a_folder_that_exists_goes_before_the_hub(fixtures, tmp_path):
    copy(fixtures, "sort", tmp_path / "SakanaAI" / "ctm-maze-large")
    same(load_published("SakanaAI/ctm-maze-large"), load_published(fixtures / "ctm" / "sort"))


def test_a_hub_name_without_the_extra_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match=r"wanted huggingface_hub, to fetch SakanaAI/ctm-imagenet.*cofire\[hub\]"):
        load_published("SakanaAI/ctm-imagenet")
