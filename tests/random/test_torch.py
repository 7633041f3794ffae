"""Tensors hold the numbers that keys draw."""

import math

import numpy as np
import pytest
import torch

from cofire.checks import InvalidType, InvalidValue
from cofire.random import Key, torch_

KEY = Key(4).fold("tensors")


@pytest.mark.parametrize(("dtype", "width"), [(torch.float32, np.float32), (torch.float64, np.float64)])
def test_tensors_equal_arrays(dtype, width):
    uniform = torch_.uniform(KEY, (30, 7), -1.0, 2.0, step=3, dtype=dtype)
    np.testing.assert_array_equal(uniform.numpy(), KEY.uniform((30, 7), step=3, low=-1.0, high=2.0, dtype=width))
    normal = torch_.normal(KEY, (30, 7), 5.0, 0.5, step=3, dtype=dtype)
    np.testing.assert_array_equal(normal.numpy(), KEY.normal((30, 7), step=3, mean=5.0, std=0.5, dtype=width))
    assert uniform.dtype == normal.dtype == dtype


def test_other_draws_equal_arrays():
    np.testing.assert_array_equal(torch_.integers(KEY, -5, 9, (4, 3), step=2), KEY.integers(-5, 9, (4, 3), step=2))
    np.testing.assert_array_equal(torch_.permutation(KEY, 100, step=2), KEY.permutation(100, step=2))
    np.testing.assert_array_equal(torch_.bernoulli(KEY, (50,), 0.3), KEY.bernoulli(0.3, 50))


def test_parameters_are_filled_in_place():
    weight = torch.nn.Parameter(torch.zeros(6, 5))
    assert torch_.fill_normal(weight, KEY, 0.0, 0.02) is weight
    np.testing.assert_array_equal(weight.detach().numpy(), KEY.normal((6, 5), std=0.02))
    assert weight.grad is None
    assert weight.requires_grad
    torch_.fill_uniform(weight, KEY, -0.1, 0.1)
    np.testing.assert_array_equal(weight.detach().numpy(), KEY.uniform((6, 5), low=-0.1, high=0.1))
    torch_.fill_truncated_normal(weight, KEY, std=0.02, low=-0.04, high=0.04)
    np.testing.assert_array_equal(weight.detach().numpy(), KEY.truncated_normal(-0.04, 0.04, (6, 5), std=0.02))


def test_strided_and_narrow_tensors_hold_the_same_numbers():
    expected = KEY.normal((4, 6))
    strided = torch.zeros(6, 4).T
    torch_.fill_normal(strided, KEY)
    np.testing.assert_array_equal(strided.numpy(), expected)
    narrow = torch_.normal(KEY, (4, 6), dtype=torch.bfloat16)
    assert torch.equal(narrow, torch.as_tensor(expected).to(torch.bfloat16))


def test_dropout_keeps_the_mean():
    mask = torch_.dropout_mask(KEY, (300, 400), 0.3)
    assert mask.unique().tolist() == pytest.approx([0, 1 / 0.7])
    assert (mask == 0).double().mean().item() == pytest.approx(0.3, abs=5 * math.sqrt(0.21 / 120_000))
    assert torch.equal(torch_.dropout_mask(KEY, (300, 400), 0.3), mask)
    assert not torch.equal(torch_.dropout_mask(KEY, (300, 400), 0.3, step=1), mask)
    assert torch_.dropout_mask(KEY, (5,), 0.0).tolist() == [1] * 5
    x = torch.ones(300, 400, requires_grad=True)
    dropped = torch_.dropout(x, KEY, 0.3)
    assert torch.equal(dropped.detach(), mask)
    dropped.sum().backward()
    assert torch.equal(x.grad, mask)  # pyright: ignore[reportArgumentType]
    assert torch_.dropout(x, KEY, 0.0) is x


def test_offsets_belong_to_examples():
    offsets = torch_.offsets(KEY, range(5000), 2, step=1)
    assert offsets.shape == (5000, 2)
    found = np.unique(offsets.numpy(), axis=0, return_counts=True)[1]
    assert len(found) == 25
    assert found.min() > 130  # 200 expected
    assert torch.equal(torch_.offsets(KEY, [70, 3], 2, step=1), offsets[[70, 3]])
    assert not torch.equal(torch_.offsets(KEY, range(5000), 2, step=2), offsets)
    assert torch_.offsets(KEY, [1, 2], 0, axes=3).tolist() == [[0, 0, 0]] * 2


def test_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    torch_.normal(KEY, (100,))
    torch_.dropout_mask(KEY, (100,), 0.5)
    assert torch.equal(torch.get_rng_state(), before)


def test_impossible_tensors_are_refused():
    with pytest.raises(
        InvalidType, match=r"tensor: wanted floating-point numbers to fill, got torch.int64 of shape \(3,\)"
    ):
        torch_.fill_normal(torch.zeros(3, dtype=torch.int64), KEY)
    with pytest.raises(InvalidType, match="tensor: wanted Tensor, got"):
        torch_.fill_uniform(np.zeros(3), KEY)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidValue, match="rate: wanted a share below 1, got 1"):
        torch_.dropout_mask(KEY, (3,), 1.0)
    with pytest.raises(
        InvalidValue, match=r"rate: wanted a finite number from 0 to 1, got -0.5; the usual fix: give the share"
    ):
        torch_.dropout_mask(KEY, (3,), -0.5)
    with pytest.raises(InvalidValue, match="shape: wanted an integer of at least 1, got 0"):
        torch_.uniform(KEY, (3, 0))
    with pytest.raises(InvalidType, match="key: wanted Key, got 3"):
        torch_.normal(3, (3,))  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidValue, match="mean: wanted a finite number, got nan"):
        torch_.normal(KEY, (3,), math.nan)


def test_other_devices_are_filled_from_the_cpu():
    assert torch_.normal(KEY, (3,), device="meta").is_meta
    with torch.device("meta"):
        assert torch_.uniform(KEY, (3,)).is_meta


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_tensors_equal_arrays():
    for dtype in (torch.float32, torch.float64):
        here = torch_.normal(KEY, (1000, 7), 1.0, 2.0, step=5, dtype=dtype)
        there = torch_.normal(KEY, (1000, 7), 1.0, 2.0, step=5, dtype=dtype, device="cuda")
        assert torch.equal(there.cpu(), here)
    assert torch.equal(torch_.dropout_mask(KEY, (99,), 0.5, device="cuda").cpu(), torch_.dropout_mask(KEY, (99,), 0.5))
