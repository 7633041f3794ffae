"""Every compiled loop against the plain operations, for shapes that fill the lanes and shapes that do not."""

import struct

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cofire import Key, kernels
from cofire.ctm import _torch_threads
from cofire.ctm._neuron_fast import FastNeurons
from cofire.ctm._thought import certainty
from cofire.ctm._torch_threads import Work

EPS = 1e-5
few = settings(max_examples=20, deadline=None, derandomize=True)


def normal(*shape: int, name: str = "x", std: float = 1.0) -> Tensor:
    return torch.from_numpy(Key(3).fold(name).normal(shape, std=std))


def addresses(*tensors: Tensor) -> list[int]:
    return [tensor.data_ptr() for tensor in tensors]


def dense(x: Tensor, weight: Tensor, bias: Tensor, threads: int | None = None) -> Tensor:
    (outputs, inputs), y = weight.shape, x.new_full((len(x), len(weight)), torch.nan)
    numbers = [outputs, len(x), inputs, *addresses(x, weight, bias, y), 4 * x.stride(0), 4 * outputs]
    Work(kernels.dense.address, numbers, threads)()
    return y


@few
@given(batch=st.integers(1, 9), outputs=st.integers(4, 40), inputs=st.integers(1, 70))
def test_a_dense_layer(batch, outputs, inputs):
    x, weight, bias = normal(batch, inputs), normal(outputs, inputs, name="w"), normal(outputs, name="b")
    y = dense(x, weight, bias)
    torch.testing.assert_close(y, F.linear(x, weight, bias), rtol=1e-5, atol=1e-5)
    alone = torch.cat([dense(row[None], weight, bias) for row in x])
    assert torch.equal(y, alone), "a sample depends on who is computed beside it"
    assert torch.equal(y, dense(x, weight, bias, threads=1))


@few
@given(batch=st.integers(1, 6), outputs=st.integers(1, 30), inputs=st.integers(1, 600))
def test_the_way_back_through_a_dense_layer(batch, outputs, inputs):
    gradient, weight, x = normal(batch, outputs), normal(outputs, inputs, name="w"), torch.zeros(batch, inputs)
    numbers = [inputs, batch, outputs, *addresses(gradient, weight, x), 4 * outputs, 4 * inputs]
    Work(kernels.dense_back.address, numbers)()
    torch.testing.assert_close(x, gradient @ weight, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [1, 5, 16, 33, 48])
@pytest.mark.parametrize("batch", [1, 3])
def test_norms_with_what_stands_around_them(size, batch):
    x, s = normal(batch, 2 * size), normal(batch, size, name="s")
    scale, shift, y = normal(size, name="scale"), normal(size, name="shift"), torch.full((batch, size), torch.nan)
    (eps,) = struct.unpack("q", struct.pack("d", EPS))
    numbers = [batch, size, eps, *addresses(x, s, y, scale, shift), 8 * size, 4 * size, 4 * size]

    def plain(v: Tensor) -> Tensor:
        return F.layer_norm(v, (size,), scale, shift, EPS)

    wanted = {"gated": plain(F.glu(x, -1)), "silu": F.silu(plain(x[:, :size])), "joined": plain(x[:, :size] + s)}
    for name, expected in wanted.items():
        Work(getattr(kernels, name).address, numbers)()
        torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-5, msg=name)


@few
@given(batch=st.integers(1, 3), heads=st.integers(1, 3), width=st.integers(1, 70), tokens=st.integers(1, 70))
def test_a_look_at_tokens(batch, heads, width, tokens):
    count, along, across = batch * heads, -(-tokens // 16) * 16, -(-width // 16) * 16
    q, keys = normal(batch, heads * width, std=2.0), normal(count, width, tokens, name="k")
    values = normal(count, tokens, width, name="v")
    p, out = torch.full((count, along), torch.nan), torch.full((batch, heads * width + 3), torch.nan)
    filled = F.pad(keys, (0, along - tokens)), F.pad(values, (0, across - width))
    owners = torch.arange(batch).flip(0)  # each looks at what another one perceives
    numbers = [count, heads, width, tokens, q.data_ptr(), *addresses(*filled, out, p), 4 * out.stride(0)]
    Work(kernels.look.address, [*numbers, owners.data_ptr()])()
    keys, values = (part.unflatten(0, (batch, heads)).flip(0).flatten(0, 1) for part in (keys, values))
    weights = torch.softmax(torch.bmm(q.view(count, 1, width), keys), -1)
    torch.testing.assert_close(p[:, :tokens], weights[:, 0], rtol=1e-4, atol=1e-6)
    seen = torch.bmm(weights, values).view(batch, heads * width)
    torch.testing.assert_close(out[:, : heads * width], seen, rtol=1e-4, atol=1e-5)
    assert out[:, heads * width :].isnan().all(), "what lies beside the result was written to"


@few
@given(batch=st.integers(1, 3), heads=st.integers(1, 3), width=st.integers(1, 40), tokens=st.integers(1, 40))
def test_the_order_in_which_tokens_are_looked_at(batch, heads, width, tokens):
    along, across = -(-tokens // 16) * 16, -(-width // 16) * 16
    k, v = normal(batch, tokens, heads * width, name="k"), normal(batch, tokens, heads * width, name="v")
    keys = torch.full((batch, heads, width, along), torch.nan)
    values = torch.full((batch, heads, tokens, across), torch.nan)
    both = torch.cat([k, v], -1)
    places = [both.data_ptr(), both.data_ptr() + 4 * heads * width, *addresses(keys, values)]
    Work(kernels.tokens.address, [batch, heads, width, tokens, *places, 8 * heads * width])()
    by_head = k.view(batch, tokens, heads, width), v.view(batch, tokens, heads, width)
    assert torch.equal(keys, F.pad(by_head[0].permute(0, 2, 3, 1), (0, along - tokens)))
    assert torch.equal(values, F.pad(by_head[1].permute(0, 2, 1, 3), (0, across - width)))


@few
@given(answers=st.integers(1, 40), positions=st.integers(1, 20), classes=st.integers(2, 40))
def test_certainty(answers, positions, classes):
    logits = normal(answers, positions * classes, std=5.0)
    logits[0] = 0.5
    sure = torch.full((answers,), torch.nan)
    numbers = [answers, positions, classes, *addresses(logits, sure), 4 * positions * classes]
    Work(kernels.certainty.address, numbers)()
    torch.testing.assert_close(sure.double(), certainty(logits.double(), positions), rtol=0, atol=2e-6)
    assert abs(sure[0].item()) < 1e-6


@pytest.mark.parametrize("place", [0, 15, 16, 19])
@pytest.mark.parametrize("odd", [torch.nan, torch.inf, -torch.inf])
def test_the_certainty_of_what_is_not_a_number_is_none(place, odd):
    logits, sure = normal(2, 20), torch.zeros(2)
    logits[1, place] = odd
    Work(kernels.certainty.address, [2, 1, 20, *addresses(logits, sure), 80])()
    assert sure[0].isfinite()
    assert sure[1].isnan()


def test_pairs_one_tick_on():
    batch, neurons, count = 5, 9, 21
    z, alpha, read = normal(batch, neurons), normal(batch, count, name="alpha"), torch.empty(batch, count)
    left, right = (torch.from_numpy(Key(1).fold(side).integers(0, neurons, (count,))) for side in ("l", "r"))
    retention, scale = normal(count, name="r").abs(), normal(count, name="s").abs()
    wanted = alpha * retention + z[:, left] * z[:, right]
    ends = [4 * neurons, 4 * count, read.data_ptr()]
    Work(kernels.pairs.address, [batch, count, *addresses(z, left, right, retention, scale, alpha), *ends])()
    torch.testing.assert_close(alpha, wanted)
    torch.testing.assert_close(read, wanted * scale)


def plain_neurons(window: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    hidden = F.glu(torch.baddbmm(b1[:, :, None], w1, window), 1)
    return F.glu(torch.baddbmm(b2[:, :, None], w2, hidden), 1).squeeze(1).t()


@few
@given(
    batch=st.sampled_from([1, 2, 4, 7, 15, 16, 17, 40, 64, 83]),
    neurons=st.integers(1, 40),
    memory_length=st.integers(1, 30),
    hidden=st.integers(1, 34),
)
def test_neuron_level_models(batch, neurons, memory_length, hidden):
    parts = [
        normal(neurons, 2 * hidden, memory_length, name="w1", std=0.3),
        normal(neurons, 2 * hidden, name="b1"),
        normal(neurons, 2, hidden, name="w2", std=0.3),
        normal(neurons, 2, name="b2"),
    ]
    history = normal(neurons, memory_length + 3, batch)
    before, newest, z = history.clone(), normal(batch, neurons, name="a"), torch.full((batch, neurons), torch.nan)
    FastNeurons((parts[0], parts[2]), (parts[1], parts[3]), batch)(history[:, 2:-1], newest, z)
    before[:, -2] = newest.t()
    assert torch.equal(history, before), "more than the last column was written"
    torch.testing.assert_close(z, plain_neurons(before[:, 2:-1], *parts), rtol=1e-5, atol=2e-6)


def test_what_is_not_a_number_stays_so():
    neurons = FastNeurons(
        (normal(3, 4, 5, name="w"), normal(3, 2, 2, name="v")), (torch.zeros(3, 4), torch.zeros(3, 2)), 2
    )
    newest, z = normal(2, 3), torch.empty(2, 3)
    newest[1, 2] = torch.nan
    neurons(normal(3, 5, 2, name="h"), newest, z)
    assert z.isnan().nonzero().tolist() == [[1, 2]]


def test_saturated_gates_are_nought_and_one():
    gates = torch.tensor([[-200.0, -88.0, 0.0, 88.0, 200.0, torch.inf, -torch.inf]])
    x, y = torch.cat([torch.ones_like(gates), gates], 1), torch.empty(1, 7)
    (eps,) = struct.unpack("q", struct.pack("d", EPS))
    scale, shift = torch.ones(7), torch.zeros(7)
    Work(kernels.gated.address, [1, 7, eps, x.data_ptr(), 0, y.data_ptr(), *addresses(scale, shift), 56, 0, 28])()
    torch.testing.assert_close(y, F.layer_norm(torch.sigmoid(gates), (7,)), rtol=1e-5, atol=1e-6)


def test_without_openmp_the_calling_thread_does_the_work(monkeypatch):
    x, weight, bias = normal(3, 8), normal(40, 8, name="w"), normal(40, name="b")
    shared = dense(x, weight, bias, threads=2)
    monkeypatch.setattr(_torch_threads, "_fork", lambda: None)
    assert torch.equal(dense(x, weight, bias, threads=2), shared)
    assert np.isfinite(shared.numpy()).all()
