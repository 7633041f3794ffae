"""The counted bytes against the tensors that the kernels are given."""

import pytest
import torch

from cofire.ctm._gpu_pairs import Incidence
from cofire.kernels.gpu._traffic import neuron_models, synchronisation


def size(*tensors: torch.Tensor) -> int:
    return sum(one.nbytes for one in tensors)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("layers", [1, 2])
def test_neuron_models(layers, dtype):
    batch, neurons, columns, hidden = 5, 7, 6, 3 if layers == 2 else 1
    weights = [torch.zeros(neurons, 2 * hidden, columns), torch.zeros(neurons, 2, hidden)][:layers]
    learned = [part.to(dtype) for weight in weights for part in (weight, weight[..., 0])]
    window, tick = torch.zeros(neurons, columns, batch, dtype=dtype), torch.zeros(batch, neurons, dtype=dtype)
    counted = neuron_models(batch, neurons, columns, hidden, layers=layers, number=dtype.itemsize)
    assert counted == size(*learned, window[:, :-1], tick) + size(window[:, -1], tick)
    gradients = [one.float() for one in (window, *learned)]
    counted = neuron_models(batch, neurons, columns, hidden, layers=layers, number=dtype.itemsize, gradient=True)
    assert counted == size(*learned, window, tick) + 2 * size(*gradients)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("neurons", "pairs"), [(7, 40), (50, 6)])
def test_synchronisation(neurons, pairs, dtype):
    ticks, batch = 3, 5
    touched = min(neurons, 2 * pairs)
    z = torch.zeros(ticks, batch, neurons, dtype=dtype)
    read, alpha, betas = z.new_zeros(ticks, batch, pairs), torch.zeros(batch, pairs), torch.zeros(ticks + 1, pairs)
    ends, retention, beta = torch.zeros(pairs, dtype=torch.int64), z.new_zeros(pairs), torch.zeros(pairs)
    counted = synchronisation(ticks, batch, neurons, pairs, number=dtype.itemsize)
    assert counted == size(z[..., :touched], alpha, beta, ends, ends, retention) + size(read, alpha, betas)
    flow = read.float()
    given = size(read, read, alpha, alpha, betas, beta, retention, z[..., :touched], *Incidence.of(ends, ends, neurons))
    counted = synchronisation(ticks, batch, neurons, pairs, number=dtype.itemsize, gradient=True)
    assert counted == given + size(flow, alpha, z) + size(flow)
