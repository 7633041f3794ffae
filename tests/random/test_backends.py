"""One stream on every backend: NumPy, numba with any number of threads, torch operations, Triton."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec

import numba
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cofire.random import Key, _torch
from cofire.random._address import BERNOULLI, DOUBLE, EXPONENTIAL, NORMAL, SINGLE, UNIFORM, Kind, tag
from cofire.random._compiled import BASE, kernel
from cofire.random._fill import by_arrays, by_loop

KEY = Key(2**63 + 5).fold("backends")
KINDS = [*UNIFORM.values(), *NORMAL.values(), *EXPONENTIAL.values()]
AFFINE = (0.1, 0.3, 1.05)  # the edge lies among the numbers
STEP = 2**39 + 2**33 + 7


def kind_id(kind: Kind) -> str:
    return kind.block


def dtype(kind: Kind) -> np.dtype:
    return SINGLE if kind.lanes == 4 else DOUBLE


def by_numpy(kind: Kind, count: int, affine: tuple[float, float, float] = AFFINE) -> np.ndarray:
    drawn = np.empty((1, count), dtype(kind))
    by_arrays(drawn, KEY.units(range(count)), np.array([STEP]), kind, affine)
    return drawn[0]


@pytest.mark.parametrize("kind", KINDS, ids=kind_id)
@settings(max_examples=15, deadline=None)
@given(
    first=st.one_of(st.integers(0, 9), st.just(2**62 - 50)),
    count=st.integers(1, 40),
    steps=st.lists(st.integers(0, 2**40 - 1), min_size=1, max_size=3),
    threads=st.integers(1, 4),
    named=st.booleans(),
)
def test_compiled_loops_return_the_bits_of_numpy(kind, first, count, steps, threads, named):
    ids = np.arange(first, first + count)[::-1].copy() if named else range(first, first + count)
    units, steps = KEY.units(ids), np.array(steps)
    expected, found = (np.full((len(steps), count), np.nan, dtype(kind)) for _ in range(2))
    by_arrays(expected, units, steps, kind, AFFINE)
    by_loop(found, units, steps, kind, AFFINE, min(threads, found.size))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("draw", ["normal", "uniform"])
def test_the_number_of_threads_changes_nothing(draw):
    alone = getattr(KEY, draw)(1_000_003, threads=1)
    for threads in (2, 3, 7):
        np.testing.assert_array_equal(getattr(KEY, draw)(1_000_003, threads=threads), alone)
    rows = KEY.units(range(1001))
    alone = getattr(rows, draw)(range(50), threads=1)
    np.testing.assert_array_equal(getattr(rows, draw)(range(50), threads=3), alone)


def test_the_loop_of_normals_is_vectorised():
    fresh = numba.njit(kernel(NORMAL[SINGLE].block, 4, True).py_func, **BASE)  # a cached one cannot be looked into
    out = np.empty(8, np.float32)
    fresh(out, 0, 0, tag(NORMAL[SINGLE].channel), *KEY.words, 0.0, 1.0, np.inf)
    assert re.search(r"fmul <\d+ x double>", "".join(fresh.inspect_llvm().values()))


@pytest.mark.parametrize("kind", [*KINDS, BERNOULLI], ids=kind_id)
def test_torch_operations_return_the_bits_of_numpy(kind):
    drawn = torch.empty(1001, dtype=torch.float32 if kind.lanes == 4 else torch.float64)
    _torch.by_operations(drawn, KEY.words, STEP, kind, *AFFINE)
    np.testing.assert_array_equal(drawn.numpy(), by_numpy(kind, 1001))


INTERPRETED = """
import sys
import numpy as np, torch
from cofire.random import _triton
from tests.random.test_backends import AFFINE, KEY, KINDS, STEP, by_numpy
for kind in KINDS:
    for affine in (AFFINE, (0.0, 1.0, float("inf"))):
        drawn = torch.full((3001,), -7.0, dtype=torch.float32 if kind.lanes == 4 else torch.float64)
        _triton.fill(drawn[:-1], KEY.words, STEP, kind, *affine)
        np.testing.assert_array_equal(drawn[:-1].numpy(), by_numpy(kind, 3000, affine))
        assert drawn[-1] == -7
    print(kind.block)
"""


@pytest.mark.skipif(find_spec("triton") is None, reason="triton is not installed; it is made for Linux")
def test_triton_returns_the_bits_of_numpy_in_its_interpreter():
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "error", "-c", INTERPRETED]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == [kind.block for kind in KINDS]


@pytest.mark.skipif(find_spec("triton") is None, reason="triton is not installed; it is made for Linux")
@pytest.mark.parametrize("kind", NORMAL.values(), ids=kind_id)
def test_triton_compiles_for_a_gpu_without_contraction(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from cofire.random import _triton

    loop = _triton.kernel(kind.block, kind.lanes)
    number = "fp32" if kind.lanes == 4 else "fp64"
    signature = dict.fromkeys(loop.arg_names, "i64") | {"out": f"*{number}", "size": "constexpr"}
    source = ASTSource(loop, signature=signature, constexprs={"size": _triton.BLOCKS})
    made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"enable_fp_fusion": False})
    operations = set(re.findall(r"\b((?:fma|mul|add|sub|div|sqrt)\.[a-z.]*f(?:32|64))\b", made.asm["ptx"]))
    assert operations == {f"{name}.rn.f64" for name in ("mul", "add", "sub", "div", "sqrt")}
