"""Thoughts as CUDA graphs: everything but the recording itself, and that too where there is a device."""

import pytest
import torch

from cofire.checks import InvalidValue
from cofire.ctm import EnergyHead, SynapseBlock, _captured, _gpu
from cofire.ctm._captured import CapturedThought
from tests.ctm.machines import build, features, small, tokens


@pytest.fixture
def on_a_processor(monkeypatch):
    """A recording that does everything again, and writes where the first time it wrote."""
    monkeypatch.setattr(_gpu, "DEVICES", ("cpu",))
    monkeypatch.setattr(_gpu, "has_triton", lambda: False)

    def recorded(function):
        place = function()

        def replay():
            again = function()
            for name in ("logits", "certainty", "sync_out"):
                getattr(place, name).copy_(getattr(again, name))
            if place.energy is not None:
                place.energy.copy_(again.energy)

        return replay, place

    monkeypatch.setattr(_captured, "recorded", recorded)


@pytest.mark.parametrize("looks", [True, False])
def test_it_thinks_about_what_it_is_given_and_keeps_its_answers(looks, on_a_processor):
    changes = {} if looks else {"attention": None, "sync_action": None}
    model, make = build(small(energy=EnergyHead(hidden=3), **changes)).eval(), tokens if looks else features
    x = make(3)
    think = CapturedThought(model, torch.zeros_like(x), ticks=4)
    first = think(x)
    second = think(-x)
    for thought, seen in ((first, x), (second, -x)):
        wanted = model(seen, ticks=4)
        for name in ("logits", "certainty", "energy", "sync_out"):
            torch.testing.assert_close(getattr(thought, name), getattr(wanted, name).detach())
    with torch.no_grad():
        model.answer.weight.mul_(2)
    torch.testing.assert_close(think(x).logits, model(x, ticks=4).logits.detach())


def test_what_cannot_be_captured_is_said(on_a_processor, monkeypatch):
    x = tokens(3)
    with pytest.raises(InvalidValue, match=r"shape \(3, 6, 5\), got \(2, 6, 5\).*once for each shape"):
        CapturedThought(build(small()).eval(), x)(x[:2])
    with pytest.raises(InvalidValue, match="samples in x"):
        CapturedThought(build(small()), x[:0])
    with pytest.raises(InvalidValue, match="got a stream"):
        CapturedThought(build(small(streamed=True)), x)
    dropping = build(small(synapse=SynapseBlock(dropout=0.1)))
    with pytest.raises(InvalidValue, match=r"model\.eval\(\)"):
        CapturedThought(dropping.train(), x)
    assert CapturedThought(dropping.eval(), x)(x).logits.shape == (3, 6, 5)
    monkeypatch.setattr(_gpu, "DEVICES", ("cuda",))
    with pytest.raises(InvalidValue, match=r"on a CUDA device, got one on cpu.*model\.cuda\(\)"):
        CapturedThought(build(small()), x)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_graph_thinks_as_the_machine_does():
    model, x = build(small()).eval().cuda(), tokens(5).cuda()
    think = CapturedThought(model, x)
    with torch.no_grad():
        for seen in (x, -x):
            torch.testing.assert_close(think(seen).logits, model(seen).logits, rtol=1e-5, atol=1e-6)
