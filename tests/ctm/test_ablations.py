"""The ablations, by configuration: what is taken away is gone, and nothing else is."""

import numpy as np
import torch

from cofire import CTM, Key
from cofire.ctm import DeepNeuronModel, NoNeuronModel, Snapshot
from tests.ctm import machines


def parts(model: CTM) -> set[str]:
    return {name.split(".")[0] for name, _ in model.named_parameters()}


def test_without_neuron_level_models_the_activation_is_the_pre_activation():
    model = machines.build(machines.small(neuron_model=NoNeuronModel()))
    recording = model.record(machines.tokens())
    np.testing.assert_array_equal(recording["post_activation"], recording["pre_activation"])
    whole = machines.build(machines.small())
    assert parts(whole) - parts(model) == {"neuron_models"}
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, whole.state_dict()[name]), name  # everything else starts as it does in the machine


def test_without_neuron_level_models_gradients_reach_every_tick():
    model = machines.build(machines.small(neuron_model=NoNeuronModel(), ticks=4), dtype=torch.float64)
    x = machines.tokens(dtype=torch.float64)
    weight = model.synapse.first.weight

    def last(moved: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(model, {"synapse.first.weight": moved}, (x,)).logits[..., -1].sum()

    moved = weight.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(last(moved), moved)
    direction = torch.from_numpy(Key(1).normal(tuple(weight.shape))).double()
    step = 1e-6
    with torch.no_grad():
        slope = (last(weight + step * direction) - last(weight - step * direction)) / (2 * step)
    torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-6, atol=1e-9)


def test_without_synchronisation_the_activations_of_the_tick_are_read():
    model = machines.build(machines.small(sync_out=Snapshot(), sync_action=Snapshot()))
    recording = model.record(machines.tokens())
    np.testing.assert_array_equal(recording["sync_out"], recording["post_activation"])
    np.testing.assert_array_equal(recording["sync_action"][1:], recording["post_activation"][:-1])
    start = model.start_activation.detach().expand(3, -1)
    np.testing.assert_array_equal(recording["sync_action"][0], start.numpy())
    assert parts(machines.build(machines.small())) - parts(model) == {"sync_out", "sync_action"}


def test_both_can_be_taken_away_at_once():
    bare = machines.small(neuron_model=NoNeuronModel(), sync_out=Snapshot(), sync_action=Snapshot(), memory_length=1)
    thought = CTM(bare, key=Key(0))(machines.tokens())
    assert thought.logits.shape == (3, 6, 5)
    assert CTM(machines.small(neuron_model=DeepNeuronModel(hidden=3)), key=Key(0)).config != bare
