"""The published implementation's own numbers, on its own weights: every trace to 1e-5."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cofire.ctm import load_published

TRACES = {
    "pre_activation": "pre_activations",
    "post_activation": "post_activations",
    "sync_out": "synch_out",
    "sync_action": "synch_action",
}


def read(folder):
    return load_file(folder / "inputs.safetensors"), {
        n: t.numpy() for n, t in load_file(folder / "expected.safetensors").items()
    }


def close(got, wanted, name):
    assert got.shape == wanted.shape, name
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", ["parity", "maze", "image_pairs", "image_energy", "sort", "qamnist"])
def test_thoughts_of_the_published_machines(fixtures, name):
    folder = fixtures / "ctm" / name
    inputs, expected = read(folder)
    model = load_published(folder)
    call = {"question": inputs["z"]} if "z" in inputs else {}
    with torch.no_grad():
        thought = model(inputs["x"], **call)
    recording = model.record(inputs["x"], **call)
    close(thought.logits.numpy(), expected["predictions"], "predictions")
    close(thought.certainty.numpy(), expected["certainties"][:, 1], "certainties")
    compared = 0
    for trace, published in TRACES.items():
        if published in expected:
            close(recording[trace], expected[published], trace)
            compared += 1
    if "attention" in expected:  # one row per tick that looked at something
        close(recording["attention"][: len(expected["attention"])], expected["attention"][..., 0, :], "attention")
    if "energies" in expected:
        close(recording["energy"], expected["energies"][:, 0].T, "energies")
    if "synch_out_last" in expected:
        close(recording["sync_out"][-1], expected["synch_out_last"], "synch_out_last")
        with torch.no_grad():
            close(model.question(inputs["z"]).transpose(0, 1).numpy(), expected["embedding"], "embedding")
    assert compared >= 2
    assert ("sync_action" in recording) == (name != "sort")


@pytest.mark.parametrize("name", ["rl_control", "rl_navigation"])
def test_control_machines_carry_their_state(fixtures, name):
    folder = fixtures / "ctm" / name
    inputs, expected = read(folder)
    model = load_published(folder)
    state = model.init_state(4)
    with torch.no_grad():
        for step in range(3):
            read_out, state = model.observe(state, inputs["observations"][step])
            close(read_out.numpy(), expected["synch_out"][step], f"synchronisation after observation {step}")
        close(state.history.window().permute(2, 0, 1).numpy(), expected["state_trace"], "state_trace")
        close(torch.stack(state.sync_out, -1).numpy(), expected["activated_state_trace"], "activated_state_trace")
        close(state.activation.numpy(), expected["post_activations_last"][-1], "post_activations_last")


def test_a_training_checkpoint_loads_as_its_folder_does(fixtures):
    folder = fixtures / "ctm" / "parity"
    inputs, expected = read(folder)
    thought = load_published(folder / "checkpoint_7.pt")(inputs["x"])
    close(thought.logits.detach().numpy(), expected["predictions"], "predictions")
