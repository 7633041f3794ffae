"""What ticks share, gathered over many of them: the same gradients as plain differentiation, with less memory."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from cofire import Key
from cofire.ctm import _recomputed
from cofire.ctm._history import History
from cofire.ctm._mapped import LARGE, mapped_zeros, mapped_zeros_like
from cofire.ctm._neuron_models import DeepNeuronModel, NeuronModels, neuron_forward
from cofire.ctm._readings import paired_sums
from cofire.ctm._recomputed import Part
from cofire.sync._torch import decayed


def normal(*shape: int, name: str = "x", dtype: torch.dtype = torch.float64, std: float = 0.5) -> Tensor:
    return torch.from_numpy(Key(5).fold(name).normal(shape, std=std)).to(dtype).requires_grad_()


WIDTHS = (6, 4, 6, 6)  # the second map gives as many numbers as the third is given; the first does not


def function(x, maps, learned, factor):
    for linear, scale in zip(maps, learned, strict=True):
        x = torch.tanh(linear(x)) * scale * factor
    return x


def parts() -> tuple[list[tuple[Tensor, Tensor]], list[Tensor], list[Tensor]]:
    maps = [
        (normal(after, before, name=f"w{place}"), normal(after, name=f"b{place}"))
        for place, (before, after) in enumerate(pairwise(WIDTHS))
    ]
    learned = [normal(width, name=f"s{place}") for place, width in enumerate(WIDTHS[1:])]
    return maps, learned, [*(one for pair in maps for one in pair), *learned]


def chain(call, x: Tensor, ticks: int) -> Tensor:
    total = x.new_zeros(())
    for tick in range(ticks):
        x = call(x, 1 + 0.1 * tick)
        total = total + (tick + 1) * x.square().sum()
    return total


@pytest.mark.parametrize("rows", [2, 7, 512])
def test_a_part_has_the_gradients_of_the_plain_function(monkeypatch, rows):
    monkeypatch.setattr(_recomputed, "ROWS_TOGETHER", rows)
    x, (maps, learned, tensors) = normal(2, 6), parts()
    plain = [lambda given, one=one: F.linear(given, *one) for one in maps]
    wanted = torch.autograd.grad(chain(lambda y, f: function(y, plain, learned, f), x, 5), [x, *tensors])
    part = Part(function, maps, learned)
    loss = chain(part, x, 5)
    for _ in range(2):
        torch.testing.assert_close(torch.autograd.grad(loss, [x, *tensors], retain_graph=True), wanted)
    torch.testing.assert_close(torch.autograd.grad(loss, [x, *tensors]), wanted)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(loss, [x, *tensors])


def test_branches_of_a_part_share_its_sheets(monkeypatch):
    monkeypatch.setattr(_recomputed, "ROWS_TOGETHER", 4)
    x, (maps, learned, tensors) = normal(2, 6), parts()
    plain = [lambda given, one=one: F.linear(given, *one) for one in maps]

    def branched(call):
        trunk = call(x, 1.0)
        left, right = call(trunk, 1.1), call(trunk, 1.2)
        return (call(left, 1.3) * call(right, 1.4)).sum() + call(x, 1.5).sum()

    wanted = torch.autograd.grad(branched(lambda y, f: function(y, plain, learned, f)), [x, *tensors])
    got = torch.autograd.grad(branched(Part(function, maps, learned)), [x, *tensors])
    torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize("batch", [1, 3, 4, 6])
@pytest.mark.parametrize("hidden", [16, 32, 5])
def test_runs_of_few_samples_have_the_gradients_of_plain_models(batch, hidden):
    models = NeuronModels(DeepNeuronModel(hidden=hidden), 19, 5)
    with torch.no_grad():
        for place, layer in enumerate(models.layers):
            for name, parameter in layer.named_parameters():
                parameter.copy_(normal(*parameter.shape, name=f"{place} {name}", dtype=torch.float32).abs() + 0.3)
    start = normal(19, 5, name="start", dtype=torch.float32)
    ticks = [normal(batch, 19, name=f"a{tick}", dtype=torch.float32) for tick in range(3)]
    weights = [normal(batch, 19, name=f"g{tick}", dtype=torch.float32).detach() for tick in range(3)]
    learned = [start, *ticks, *models.parameters()]
    constants = models.constants(batch)
    history, loss = History.begin(constants, start, batch, 3), torch.zeros(())
    for pre, weight in zip(ticks, weights, strict=True):
        history, z = history.push(pre, constants)
        loss = loss + (z * weight).sum()
    got = torch.autograd.grad(loss, learned)
    window, loss, constants = start[..., None].expand(-1, -1, batch), torch.zeros(()), models.constants(batch)
    for tick, (pre, weight) in enumerate(zip(ticks, weights, strict=True)):
        window = torch.cat([window[:, 1:], pre.t()[:, None]], 1)
        loss = loss + (neuron_forward(window, constants, tick).t() * weight).sum()
    torch.testing.assert_close(got, torch.autograd.grad(loss, learned), rtol=1e-5, atol=1e-5)


def test_a_run_lets_go_when_its_graph_is_used_up():
    models = NeuronModels(DeepNeuronModel(hidden=4), 8, 3)
    models.requires_grad_(False)
    constants = models.constants(2)
    pre = normal(2, 8, dtype=torch.float32)
    _, z = History.begin(constants, torch.zeros(8, 3), 2, 4).push(pre, constants)
    z.sum().backward()
    with pytest.raises(RuntimeError, match="second time"):
        z.sum().backward()


def test_readings_of_all_ticks():
    z, start, rate = normal(4, 2, 5), normal(2, 3, name="start"), normal(3, name="rate")
    scale, left, right = normal(4, 3, name="scale"), torch.tensor([0, 3, 3]), torch.tensor([1, 3, 4])

    def read(z, start, rate, scale):
        return paired_sums(z, start, torch.exp(-rate.abs()), 0.5 + scale.abs(), left, right)

    assert torch.autograd.gradcheck(read, (z, start, rate, scale))
    ones = torch.ones(4, 3, dtype=z.dtype)
    beta = ones.cumsum(0).rsqrt()
    sums = paired_sums(z, torch.zeros_like(start), torch.ones_like(rate), beta, left, right)
    torch.testing.assert_close(sums, decayed(z, torch.zeros_like(rate), left, right))


@pytest.mark.parametrize("rows", [2, LARGE])
def test_zeros_lie_as_a_tensor_does(rows):
    like = torch.empty(3, 2, rows).permute(1, 2, 0)
    zeros = mapped_zeros_like(like)
    assert (zeros.shape, zeros.stride()) == (like.shape, like.stride())
    assert not zeros.any()
    assert mapped_zeros((rows, 2), like, torch.float64).dtype == torch.float64
