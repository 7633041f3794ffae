"""Exported machines, run by onnxruntime, think as the machine does: any batch, any number of ticks, in one loop."""

import json
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cofire import CTM, CTMConfig, Key
from cofire.checks import InvalidValue, MissingExtra
from cofire.ctm import (
    Answer,
    Attention,
    Convolutional,
    Custom,
    DeepNeuronModel,
    EnergyHead,
    FirstLast,
    NoNeuronModel,
    Rotational1D,
    Snapshot,
    SynapseUNet,
    Windowed,
    export_onnx,
    load_published,
)
from tests.ctm import machines

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

EVERYTHING = {
    "position": Rotational1D(),
    "synapse": SynapseUNet(depth=3, narrowest=4, dropout=0.25),
    "neuron_model": DeepNeuronModel(hidden=3, normalise=True, dropout=0.25),
    "energy": EnergyHead(hidden=3),
    "more_heads": (("value", Answer(outputs=1)),),
}
WINDOWED = {
    "attention": None,
    "sync_action": None,
    "sync_out": Windowed(pairs=FirstLast(neurons=3)),
    "neuron_model": NoNeuronModel(),
}
LOOKING = {"sync_out": Snapshot(), "sync_action": Snapshot(), "streamed": True, "backbone": Convolutional(features=8)}


def run(path, x, ticks: int, **more):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {"x": x.numpy(), "ticks": np.int64(ticks)} | {name: one.numpy() for name, one in more.items()}
    feed = {name: np.asarray(one) for name, one in feed.items()}
    return dict(zip([one.name for one in session.get_outputs()], session.run(None, feed), strict=True))


def compare(model, path, x, ticks: int, traces, **more) -> None:
    got = run(path, x, ticks, **more)
    with torch.no_grad():
        thought = model(x, ticks=ticks, **more)
    recording = model.record(x, ticks=ticks, **more)
    wanted = {"logits": thought.logits, "certainty": thought.certainty, **thought.others}
    wanted |= {} if thought.energy is None else {"energy": thought.energy}
    assert set(got) == {*wanted, *traces}
    for name, one in wanted.items():
        np.testing.assert_allclose(got[name], one.numpy(), rtol=0, atol=1e-4, err_msg=name)
    for name in traces:
        np.testing.assert_allclose(got[name], recording[name], rtol=0, atol=1e-4, err_msg=name)


def loops(path) -> list:
    return [node for node in onnx.load(path).graph.node if node.op_type == "Loop"]


def test_a_machine_with_every_part(tmp_path):
    model, path = machines.build(machines.small(**EVERYTHING)), tmp_path / "machine.onnx"
    traces = ("pre_activation", "post_activation", "sync_out", "sync_action", "attention")
    export_onnx(model, path, machines.tokens(1), traces=traces)
    assert model.training
    model.eval()
    for batch, ticks in ((1, 1), (1, 7), (3, 5), (20, 12)):
        compare(model, path, machines.tokens(batch), ticks, traces)
    assert len(loops(path)) == 1
    written = onnx.load(path)
    assert [one.name for one in written.graph.input] == ["x", "ticks"]
    facts = {one.key: one.value for one in written.metadata_props}
    assert CTMConfig.from_json(json.loads(facts["config"])) == model.config


def test_windows_and_a_backbone_of_the_users_own_without_attention(tmp_path):
    backbone = Custom(module=torch.nn.Linear(5, 7), features=7)
    model, path = CTM(machines.small(**WINDOWED, backbone=backbone), key=Key(0)), tmp_path / "machine.onnx"
    export_onnx(model, path, machines.features(2), traces=("sync_out",))
    for batch, ticks in ((1, 1), (3, 9)):
        compare(model, path, machines.features(batch), ticks, ("sync_out",))
    with pytest.raises(InvalidValue, match=r"traces: wanted one of 'pre_activation'.*got 'attention'"):
        export_onnx(model, path, machines.features(2), traces=("attention",))


def test_a_stream_that_is_looked_at(tmp_path):
    model, path = machines.build(machines.small(**LOOKING)).eval(), tmp_path / "machine.onnx"
    frames = torch.from_numpy(Key(6).normal((4, 5, 1, 8, 8)))
    export_onnx(model, path, frames[:1, :3], traces=("attention",))
    for batch, shown, ticks in ((1, 1, 1), (4, 5, 3), (2, 2, 6)):
        got = run(path, frames[:batch, :shown], ticks)
        recording = model.record(frames[:batch, :shown], ticks=ticks)
        assert len(recording["logits"]) == shown + ticks
        for name in ("logits", "certainty"):
            one = np.moveaxis(got[name], -1, 0)
            np.testing.assert_allclose(one, recording[name], rtol=0, atol=1e-4, err_msg=name)
        np.testing.assert_allclose(got["attention"], recording["attention"], rtol=0, atol=1e-4)


def test_a_stream_of_features(tmp_path):
    model, path = machines.build(machines.small(**WINDOWED, streamed=True)), tmp_path / "machine.onnx"
    export_onnx(model, path, machines.tokens(2))  # every token is a tick's features
    for batch, ticks in ((1, 1), (3, 4)):
        compare(model, path, machines.tokens(batch)[:, : 3 + batch], ticks, ())


def test_questions_of_any_length(fixtures, tmp_path):
    folder, path = fixtures / "ctm" / "qamnist", tmp_path / "machine.onnx"
    model, inputs = load_published(folder), load_file(folder / "inputs.safetensors")
    x, z = inputs["x"], inputs["z"]
    export_onnx(model, path, x, question=z)
    for shown, asked, ticks in ((x.shape[1], z.shape[1], 3), (2, 1, 5)):
        compare(model, path, x[:, :shown], ticks, (), question=z[:, :asked])
    assert len(loops(path)) == 1


def test_images(fixtures, tmp_path):
    folder, path = fixtures / "ctm" / "maze", tmp_path / "machine.onnx"
    model, inputs = load_published(folder), load_file(folder / "inputs.safetensors")
    export_onnx(model, path, inputs["x"])
    for batch, ticks in ((1, 6), (3, 2)):
        compare(model, path, inputs["x"][:batch], ticks, ())


@pytest.mark.parametrize(
    ("changes", "question", "words"),
    [
        ({"answer": None}, None, "model: wanted a machine with an answer head, got none"),
        ({}, torch.tensor([[1]]), "question: wanted no question, got one"),
    ],
)
def test_what_cannot_be_exported_is_named(tmp_path, changes, question, words):
    model = machines.build(machines.small(**changes))
    with pytest.raises(InvalidValue, match=words):
        export_onnx(model, tmp_path / "machine.onnx", machines.tokens(2), question=question)
    assert list(tmp_path.iterdir()) == []


def test_weights_of_another_precision_are_named(tmp_path):
    model = machines.build(machines.small(attention=Attention(width=8, heads=2)), dtype=torch.float64)
    with pytest.raises(InvalidValue, match=r"model: wanted weights of float32, got torch.float64"):
        export_onnx(model, tmp_path / "machine.onnx", machines.tokens(2))


def test_without_the_extra_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingExtra, match=r"extra onnx: wanted onnx and onnxscript.*cofire\[onnx\]"):
        export_onnx(machines.build(machines.small()), tmp_path / "machine.onnx", machines.tokens(2))
