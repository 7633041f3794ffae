"""The kernels for CUDA devices where there is none: interpreted, compiled, and chosen."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from cofire.ctm import _gpu
from cofire.ctm._gpu import GpuNeurons, blocks, fused
from cofire.ctm._gpu_pairs import Incidence
from cofire.ctm._history import Run
from cofire.ctm._neuron_fast import FastNeurons
from cofire.ctm._neuron_models import NeuronConstants
from tests.ctm.machines import build, small, tokens

TRITON = pytest.mark.skipif(find_spec("triton") is None, reason="triton is not installed; it is made for Linux")
# batch, columns, hidden units of the published machines and of their single samples; layers
PUBLISHED = {"parity": (64, 25, 16, 2), "mazes": (4, 25, 32, 2), "CIFAR-10": (16, 15, 64, 2), "linear": (1, 25, 1, 1)}


@TRITON
def test_interpreted_kernels_are_the_plain_operations():
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment = {**ours, "TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    file = Path(__file__).with_name("interpreted_gpu.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(file)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=500)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"\b24 passed", ran.stdout), ran.stdout


def compiled(kernel, constants: dict, dtype: str, **options) -> str:
    """The PTX of a kernel for sm_90, whose numbers are of a type; gradients that gather are float32."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    indices = ("left", "right", "starts", "pair", "other")
    sums = ("alpha", "beta", "betas", "last", "beta_shares", "retention_shares")
    numbers = ("window", "newest", "out", "w1", "b1", "w2", "b2", "gradient", "z", "retention", "read")

    def of(name: str) -> str:
        if name in constants:
            return "constexpr"
        if name in indices:
            return "*i64"
        if name in numbers or name == "read_gradient":
            return f"*{dtype}"
        return "*fp32" if name in sums or name.endswith("_gradient") else "i32"

    source = ASTSource(kernel, signature={name: of(name) for name in kernel.arg_names}, constexprs=constants)
    target = GPUTarget("cuda", 90, 32)
    return triton.compile(source, target=target, options={"enable_fp_fusion": True, **options}).asm["ptx"]


@TRITON
@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("size", PUBLISHED.values(), ids=list(PUBLISHED))
def test_neuron_models_compile_for_a_gpu_and_add_up_in_single_precision(size, dtype, tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    from cofire.kernels.gpu import _neurons

    batch, columns, hidden, layers = size
    precision = torch.float32 if dtype == "fp32" else torch.bfloat16
    shapes = [(2 * hidden, columns), (2, hidden)][:layers]
    weights = tuple(torch.zeros(3, *shape, dtype=precision) for shape in shapes)
    options = GpuNeurons(weights, tuple(weight[..., 0] for weight in weights), batch).options
    constants = {name: options[name] for name in _neurons.forward.arg_names if name in options}
    ptx = compiled(_neurons.forward, constants, dtype)
    tensor_cores = set(re.findall(r"mma\S+", ptx))
    assert "fma.rn.f32" in ptx
    assert not re.search(r"(fma|mul|add)\S*bf16", ptx)
    if dtype == "bf16" and blocks(batch, columns, hidden).many:
        assert tensor_cores
        assert all(".f32.tf32.tf32.f32" in one for one in tensor_cores)
    else:
        assert not tensor_cores


@TRITON
@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_gradients_and_synchronisation_compile_for_a_gpu(dtype, tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    from cofire.kernels.gpu import _neurons_back, _pairs

    precision = torch.float32 if dtype == "fp32" else torch.bfloat16
    weights = torch.zeros(3, 32, 25, dtype=precision), torch.zeros(3, 2, 16, dtype=precision)
    options = GpuNeurons(weights, (weights[0][..., 0], weights[1][..., 0]), 64).back
    kernel = _neurons_back.backward
    constants = {name: options[name] for name in kernel.arg_names if name in options}
    assert "fma.rn.f32" in compiled(kernel, constants, dtype, num_warps=options["num_warps"])
    for kernel in (_pairs.forward, _pairs.backward):
        assert "fma.rn.f32" in compiled(kernel, {"SAMPLES": 4, "PAIRS": 32}, dtype)
    assert "fma.rn.f32" in compiled(_pairs.spread, {"ROWS": 16, "NEURONS": 32}, dtype)


def test_a_processor_takes_the_plain_path_and_triton_stays_out():
    model = build(small()).eval()
    assert not fused(model.start_window)
    constants = model.neuron_models.constants(3)
    assert isinstance(Run(constants, model.start_window, 3, 2).fast, FastNeurons)
    code = "import sys, torch; from cofire.ctm import _model, _gpu; from tests.ctm.machines import build, small, tokens"
    code += "; build(small())(tokens()).logits.sum().backward(); print('triton' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_which_models_the_kernels_take(monkeypatch):
    monkeypatch.setattr(_gpu, "DEVICES", ("cpu",))
    monkeypatch.setattr(_gpu, "has_triton", lambda: True)
    weights, biases = (torch.zeros(3, 4, 5), torch.zeros(3, 2, 2)), (torch.zeros(3, 4), torch.zeros(3, 2))
    start = torch.zeros(3, 5)

    def taken(model, start=start):
        return isinstance(Run(model, start, 2, 1).fast, GpuNeurons)

    assert taken(NeuronConstants(weights, biases))
    assert taken(NeuronConstants(weights[1:], biases[1:]))
    assert not taken(NeuronConstants(weights, biases, scales=(torch.ones(5), torch.ones(2)), shifts=biases))
    assert not taken(NeuronConstants((), ()))
    doubles = NeuronConstants(tuple(one.double() for one in weights), tuple(one.double() for one in biases))
    assert not taken(doubles, start.double())
    assert not fused(weights[0], weights[1].bfloat16())
    monkeypatch.setattr(_gpu, "has_triton", lambda: False)
    assert not taken(NeuronConstants(weights, biases))


def test_the_pairs_of_every_neuron_are_listed():
    left, right = torch.tensor([4, 0, 2, 0]), torch.tensor([0, 0, 4, 2])
    starts, pair, other = Incidence.of(left, right, 6)
    listed = [
        sorted(zip(pair[a:b].tolist(), other[a:b].tolist(), strict=True))
        for a, b in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)
    ]
    assert listed == [[(0, 4), (1, 0), (1, 0), (3, 2)], [], [(2, 4), (3, 0)], [], [(0, 0), (2, 2)], []]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_machine_on_a_gpu_is_that_on_a_processor():
    model, x = build(small(ticks=4)).eval(), tokens(18)
    wanted = model(x).logits
    wanted.square().mean().backward()
    gradients = {name: one.grad for name, one in model.named_parameters()}
    model.zero_grad()
    logits = model.cuda()(x.cuda()).logits
    logits.square().mean().backward()
    torch.testing.assert_close(logits.cpu(), wanted, rtol=1e-4, atol=1e-5)
    for name, one in model.named_parameters():
        torch.testing.assert_close(one.grad.cpu(), gradients[name].cpu(), rtol=1e-3, atol=1e-6)
