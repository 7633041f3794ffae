"""The kernels for CUDA devices against the plain operations, on this processor by Triton's interpreter.

`test_gpu.py` runs this file in a process of its own, since Triton decides when it is imported whether it interprets.
"""

import math
from collections import Counter

import pytest
import torch

from cofire import Key
from cofire.ctm import (
    Decayed,
    FirstLast,
    LinearNeuronModel,
    RandomPairs,
    SynapseUNet,
    _gpu,
    _gpu_pairs,
    _model,
)
from cofire.ctm._gpu import GpuNeurons
from cofire.ctm._gpu_pairs import Incidence, running
from cofire.ctm._neuron_models import NeuronConstants, neuron_backward, neuron_forward
from tests.ctm.machines import build, features, small, tokens

EXACT = {torch.float32: {"rtol": 1e-6, "atol": 1e-6}, torch.bfloat16: {"rtol": 2**-7, "atol": 2**-7}}
SUMS = {"rtol": 2e-6, "atol": 2e-6}  # of as many numbers as there are samples
PRECISIONS = pytest.mark.parametrize("dtype", EXACT, ids=str)
# neurons, columns, samples, hidden units, layers: one sample and many, one column and several blocks of everything
SIZES = [(3, 4, 3, 3, 2), (3, 1, 1, 1, 2), (2, 25, 20, 16, 2), (1, 40, 70, 40, 2), (3, 7, 17, 1, 1), (4, 7, 2, 1, 1)]


@pytest.fixture(autouse=True)
def interpreting(monkeypatch):
    monkeypatch.setattr(_gpu, "DEVICES", ("cpu",))


def drawn(name: str, *shape: int, dtype: torch.dtype = torch.float32, scale: float = 1.0) -> torch.Tensor:
    return (torch.from_numpy(Key(3).fold(name).normal(shape)) * scale).to(dtype)


@PRECISIONS
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_neuron_models_and_their_gradients(sizes, dtype):
    neurons, columns, batch, hidden, layers = sizes
    shapes = [(2 * hidden, columns), (2, hidden)][:layers]
    weights = tuple(drawn(f"w{n}", neurons, *shape, dtype=dtype, scale=0.2) for n, shape in enumerate(shapes))
    biases = tuple(drawn(f"b{n}", neurons, shape[0], dtype=dtype) for n, shape in enumerate(shapes))
    history = drawn("history", neurons, columns + 4, batch, dtype=dtype)
    newest, out = drawn("newest", batch, neurons, dtype=dtype), torch.full((batch, neurons + 3), 7.0, dtype=dtype)
    filled = history.clone()
    filled[:, columns + 1] = newest.t()
    kernel = GpuNeurons(weights, biases, batch)
    kernel(history[:, 2 : columns + 2], newest, out[:, 1:-2])
    assert torch.equal(history, filled)
    plain = NeuronConstants(tuple(one.float() for one in weights), tuple(one.float() for one in biases))
    window = filled[:, 2 : columns + 2].float()
    torch.testing.assert_close(out[:, 1:-2].float(), neuron_forward(window, plain, 0).t(), **EXACT[dtype])
    assert torch.equal(out[:, [0, -2, -1]], torch.full((batch, 3), 7.0, dtype=dtype))

    flow, known = drawn("flow", batch, neurons, dtype=dtype), drawn("known", neurons, columns + 4, batch)
    gradients, wanted = ([torch.ones_like(one) for one in plain.tensors()] for _ in range(2))
    added, wanted_there = known.clone(), known.clone()
    kernel.backward(flow, history[:, 2 : columns + 2], added[:, 2 : columns + 2], gradients)
    neuron_backward(flow.float().t(), window, plain, 0, wanted_there[:, 2 : columns + 2], wanted)
    for ours, theirs in zip([added, *gradients], [wanted_there, *wanted], strict=True):
        torch.testing.assert_close(ours, theirs, **SUMS)


def by_definition(z, alpha, beta, left, right, retention):
    reads = []
    for now in z:
        alpha, beta = alpha * retention + now[:, left] * now[:, right], beta * retention + 1
        reads.append(alpha / beta.sqrt())
    return torch.stack(reads), alpha, beta


@PRECISIONS
@pytest.mark.parametrize("sizes", [(1, 1, 5, 1), (1, 3, 7, 40), (6, 5, 50, 33), (3, 1, 12, 7)], ids=str)
def test_running_synchronisation_and_its_gradients(sizes, dtype):
    ticks, batch, neurons, pairs = sizes
    z = drawn("z", ticks, batch, neurons + 2, dtype=dtype)[..., 1:-1]
    left, right = (torch.from_numpy(Key(side).integers(0, neurons, (pairs,))) for side in (1, 2))
    right[0] = left[0]
    retention = torch.from_numpy(Key(9).uniform((pairs,), low=0.05, high=1.0)).float()
    given = [z, drawn("alpha", batch, pairs), 1 + drawn("beta", pairs).abs(), retention]
    ours = [one.clone().requires_grad_() for one in given]
    theirs = [one.detach().float().requires_grad_() for one in given]
    got = running(*ours[:3], left, right, ours[3], Incidence.of(left, right, neurons))
    wanted = by_definition(*theirs[:3], left, right, theirs[3])
    flows = [drawn(f"flow {n}", *one.shape, dtype=one.dtype) for n, one in enumerate(got)]
    for one, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(one.float(), other, **EXACT[one.dtype])
    gradients = torch.autograd.grad(got, ours, flows)
    expected = torch.autograd.grad(wanted, theirs, [flow.float() for flow in flows])
    for one, other in zip(gradients, expected, strict=True):
        tolerance = EXACT[dtype]["rtol"] * float(other.abs().max())
        torch.testing.assert_close(one.float(), other, rtol=EXACT[dtype]["rtol"], atol=tolerance)


FIRST = Decayed(pairs=FirstLast(neurons=4))
MACHINES = {  # the batch, and what is changed
    "looking": (3, {}),
    "blind": (1, {"attention": None, "sync_action": None, "neuron_model": LinearNeuronModel(), "sync_out": FIRST}),
    "deep": (2, {"synapse": SynapseUNet(depth=3, narrowest=5), "sync_action": Decayed(pairs=RandomPairs(pairs=40))}),
}


@pytest.fixture
def launches(monkeypatch) -> Counter[str]:
    """How often each kernel was launched."""
    counts: Counter[str] = Counter()

    def launched(kernel):
        counts[f"{kernel.fn.__module__.rpartition('.')[2]}.{kernel.fn.__name__}"] += 1
        return kernel

    for module in (_gpu, _gpu_pairs):
        monkeypatch.setattr(module, "launched", launched)
    return counts


def learned(model, x):
    """The logits, and the gradients of everything that is learned."""
    model.zero_grad()
    logits = model(x).logits
    logits.square().mean().backward()
    return logits.detach(), {name: one.grad for name, one in model.named_parameters() if one.grad is not None}


@pytest.mark.parametrize(("batch", "changes"), MACHINES.values(), ids=list(MACHINES))
def test_a_machine_thinks_and_learns_as_by_plain_operations(batch, changes, launches, monkeypatch):
    model, ticks = build(small(neurons=7, ticks=2, **changes)).eval(), 2
    looks = model.attention is not None
    x = (tokens if looks else features)(batch)
    logits, gradients = learned(model, x)
    readings = 1 + (ticks - 1 if looks else 0)  # the answer's at once, the query's tick by tick but for the first
    back = {"_neurons_back.backward": ticks, "_pairs.backward": readings, "_pairs.spread": readings}
    assert launches == {"_neurons.forward": ticks, "_pairs.forward": readings, **back}
    monkeypatch.setattr(_model, "compiles", lambda model: False)
    with torch.no_grad():
        outputs, _ = model.tick(model.init_state(batch), model.perceive(x))
        thought = model(x).logits
    assert launches["_neurons.forward"] == 2 * ticks + 1

    monkeypatch.setattr(_gpu, "DEVICES", ())
    plain, wanted = learned(model, x)
    for one, other in ((logits, plain), (thought, plain), (outputs.logits, plain[..., 0])):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    assert gradients.keys() == wanted.keys()
    largest = max(float(one.abs().max()) for one in wanted.values())
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-5, atol=1e-6 * largest, msg=name)


def test_machines_of_bfloat16_learn_within_its_precision(launches):
    model, x = build(small(neurons=7, ticks=2)).eval(), tokens(2)
    exact = learned(model, x)
    model, x = model.bfloat16(), x.bfloat16()
    state = model.tick(model.init_state(2), model.perceive(x))[1]
    assert state.sync_out.alpha.dtype == torch.float32
    assert state.sync_out.read.dtype == torch.bfloat16
    launches.clear()
    found = learned(model, x)
    assert launches["_neurons.forward"] == 2
    apart = math.hypot(*(float((one.float() - exact[1][name]).norm()) for name, one in found[1].items()))
    assert apart < EXACT[torch.bfloat16]["rtol"] * math.hypot(*(float(one.norm()) for one in exact[1].values()))
    torch.testing.assert_close(found[0].float(), exact[0], rtol=0.05, atol=0.05)
