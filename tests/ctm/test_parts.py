"""The parts of the machine against closed forms: pairs, synchronisation, positions, backbones, questions."""

import math

import numpy as np
import pytest
import torch

from cofire import CTM, Key
from cofire.checks import InvalidValue
from cofire.ctm import (
    ClassicControl,
    Convolutional,
    DigitQuestions,
    FirstLast,
    LearnableFourier,
    MiniGrid,
    MultiScaleLearnableFourier,
    RandomDense,
    RandomPairs,
    ResNet,
    Rotational1D,
    Rotational2D,
    ShallowWide,
    StridedConvolutions,
    TokenEmbedding,
)
from cofire.ctm._initialise import materialise
from cofire.ctm._synchronisation import decayed_sums
from tests.ctm.machines import small, tokens


def made(part, *arguments):
    with torch.device("meta"):
        module = part.build(*arguments)
    materialise(module, Key(1))
    return module.eval()


def test_pairs_are_drawn_with_replacement_from_the_key():
    left, right = RandomPairs(pairs=200, self_pairs=20).choose(8, "out", Key(3))
    again, _ = RandomPairs(pairs=200, self_pairs=20).choose(8, "action", Key(3))
    other, _ = RandomPairs(pairs=200).choose(8, "out", Key(4))
    assert len(left) == 200
    assert set(left) == set(right) == set(range(8))  # more pairs than neurons, all neurons met
    assert (left[:20] == right[:20]).all()
    assert (left[20:] != right[20:]).any()
    assert (left == again).all()
    assert (left != other).any()


def test_dense_choices_read_the_upper_triangle():
    model = CTM(small(), key=Key(0))
    left, right = model.sync_action.pairs()
    picked_left, picked_right = model.sync_action.left.tolist(), model.sync_action.right.tolist()
    triangle = [(picked_left[i], picked_right[j]) for i in range(3) for j in range(i, 3)]
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == triangle
    assert RandomDense(neurons=32).count == FirstLast(neurons=32).count == 528


def test_first_and_last_neurons():
    out, _ = FirstLast(neurons=3).choose(10, "out", Key(0))
    action, _ = FirstLast(neurons=3).choose(10, "action", Key(0))
    forced, _ = FirstLast(neurons=3, end="last").choose(10, "out", Key(0))
    assert out.tolist() == [0, 1, 2]
    assert action.tolist() == forced.tolist() == [7, 8, 9]


def test_decayed_sums_are_a_geometric_series_and_differentiable():
    retention = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
    sums = decayed_sums(torch.ones(6, 2, 3, dtype=torch.float64), retention)
    assert sums[-1, 0].tolist() == [1.0, 2 - 0.5**5, 6.0]
    x = torch.from_numpy(Key(1).normal((4, 2, 3))).double().requires_grad_()
    assert torch.autograd.gradcheck(decayed_sums, (x, (retention + 0.1).requires_grad_()))


@pytest.mark.parametrize(
    ("rate", "push", "expected"),
    [(0.0, 1.0, 0.0), (0.0, -1.0, -1.0), (0.5, 1.0, 1.0), (-2.0, -1.0, -1.0), (15.0, -1.0, 0.0)],
)
def test_a_decay_at_its_bound_still_learns_inwards(rate, push, expected):
    reading = CTM(small(), key=Key(0)).sync_out
    with torch.no_grad():
        reading.decay.fill_(rate)
    rates = reading.rates()
    assert rates[0].item() == min(max(rate, 0), 15)
    (rates.sum() * push).backward()
    assert reading.decay.grad[0].item() == expected


def test_rotational_positions_turn_by_half_a_circle():
    module = made(Rotational1D(), 2)
    with torch.no_grad():
        module.project.weight.copy_(torch.eye(2))
        module.project.bias.zero_()
        turned = module(torch.zeros(1, 5, 2))
    angle = np.linspace(0, math.pi, 5)
    np.testing.assert_allclose(turned.numpy(), np.stack([-np.sin(angle), np.cos(angle)], 1), atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(4, 4), (3, 6)])
def test_rotational_positions_on_grids_of_any_shape(height, width):
    module = made(Rotational2D(), 4)
    with torch.no_grad():
        module.project.weight.copy_(torch.eye(4))
        module.project.bias.zero_()
        encoding = module(torch.zeros(1, height, width, 4)).numpy()
    rows, columns = np.linspace(0, math.pi, height), np.linspace(0, math.pi, width)
    np.testing.assert_allclose(encoding[..., 0], np.repeat(-np.sin(rows)[:, None], width, 1), atol=1e-6)
    np.testing.assert_allclose(encoding[..., 3], np.repeat(np.cos(columns)[None], height, 0), atol=1e-6)


def test_published_rotational_positions_refuse_oblong_grids():
    square = torch.zeros(1, 3, 3, 4)
    assert torch.equal(made(Rotational2D(published=True), 4)(square), made(Rotational2D(), 4)(square))
    with pytest.raises(InvalidValue, match=r"positions: wanted a square grid, got 3 x 6.*published=False"):
        made(Rotational2D(published=True), 4)(torch.zeros(1, 3, 6, 4))


def test_positions_refuse_the_wrong_kind_of_space():
    with pytest.raises(InvalidValue, match=r"positions: wanted features \(B, H, W, F\).*Rotational1D"):
        made(LearnableFourier(), 4)(torch.zeros(1, 5, 4))
    with pytest.raises(InvalidValue, match=r"positions: wanted features \(B, N, F\).*Rotational2D"):
        made(Rotational1D(), 4)(torch.zeros(1, 5, 5, 4))


def test_fourier_positions_are_normalised_and_differ_everywhere():
    for part in (LearnableFourier(), MultiScaleLearnableFourier()):
        encoding = made(part, 16)(torch.zeros(1, 3, 5, 16)).detach()
        assert encoding.shape == (3, 5, 16)
        assert torch.unique(encoding.flatten(0, 1), dim=0).shape[0] == 15
        assert encoding.mean(-1).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("part", "shape", "expected"),
    [
        (Convolutional(features=8), (2, 1, 28, 28), (2, 7, 7, 8)),
        (StridedConvolutions(steps=((4, 5, 2), (8, 3, 2))), (2, 1, 28, 28), (2, 7, 7, 8)),
        (ShallowWide(width=64, groups=4), (2, 3, 16, 16), (2, 8, 8, 32)),
        (TokenEmbedding(features=6), (2, 9), (2, 9, 6)),
        (ClassicControl(inputs=4, features=6), (2, 4), (2, 6)),
        (MiniGrid(cell_features=6), (2, 7, 7, 3), (2, 294)),
        (ResNet(depth=18, stages=1), (2, 3, 15, 15), (2, 8, 8, 64)),
        (ResNet(depth=34, stages=3), (2, 3, 32, 20), (2, 4, 3, 256)),
        (ResNet(depth=50, stages=2, channels=1), (2, 1, 16, 16), (2, 4, 4, 512)),
    ],
)
def test_backbones_yield_the_features_they_promise(part, shape, expected):
    x = torch.from_numpy(Key(2).integers(0, 3, shape)).float()
    features = made(part)(x)
    assert features.shape == expected
    assert part.features == expected[-1]
    assert torch.isfinite(features).all()


# Parameters of the published residual networks without their classifier (He et al., table 1, as commonly distributed),
# plus this stem in place of theirs: a 1x1 convolution to three channels, and 3x3 in place of 7x7.
@pytest.mark.parametrize(
    ("depth", "whole"), [(18, 11_176_512), (34, 21_284_672), (50, 23_508_032), (101, 42_500_160), (152, 58_143_808)]
)
def test_residual_networks_have_the_known_numbers_of_parameters(depth, whole):
    with torch.device("meta"):
        module = ResNet(depth=depth, stages=4).build()
    assert sum(p.numel() for p in module.parameters()) == whole - 64 * 3 * (49 - 9) + (3 * 3 + 3)


def test_signed_tokens_and_their_vectors():
    module = made(TokenEmbedding(features=3))
    out = module(torch.tensor([[-1.0, 1.0]]))
    assert torch.equal(out[0], module.embedding.weight)


def test_questions_are_indices_and_operators():
    module = made(DigitQuestions(), 8)
    out = module(torch.tensor([[0, -1, 3, -2]])).detach()
    place = 3 * np.exp(-np.arange(0, 8, 2) * math.log(1e4) / 8)
    np.testing.assert_allclose(out[0, 0], [0, 1] * 4, atol=1e-7)
    np.testing.assert_allclose(out[0, 2], np.stack([np.sin(place), np.cos(place)], 1).ravel(), atol=1e-6)
    assert torch.equal(out[0, 1], module.operators.weight[0])
    assert torch.equal(out[0, 3], module.operators.weight[1])
    with pytest.raises(InvalidValue, match="question: wanted integers from -2 to 49, got -3 to 0"):
        module(torch.tensor([[0, -3]]))


def test_a_stream_perceives_each_tick_its_own_frame():
    model = CTM(small(streamed=True, ticks=2), key=Key(0))
    frames = torch.stack([tokens(step=0), tokens(step=0), tokens(step=1)], 1)
    with torch.no_grad():
        thought = model(frames)
        state = model.init_state(3)
        expected = []
        for frame in frames.unbind(1):
            tick, state = model.tick(state, model.perceive(frame))
            expected.append(tick.logits)
    assert thought.logits.shape[-1] == 5  # three frames and two ticks of thought after them
    torch.testing.assert_close(thought.logits[..., :3], torch.stack(expected, -1), rtol=0, atol=1e-6)
