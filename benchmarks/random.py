"""Numbers per second: filling arrays in place from a key, against torch's and NumPy's generators in the same run."""

import sys
import time

if __name__ == "random":  # a script in this folder wants the standard library's module, which this file hides from it
    from importlib import import_module
    from pathlib import Path

    kept, here = list(sys.path), Path(__file__).parent
    sys.path[:] = [entry for entry in kept if Path(entry or ".").resolve() != here.resolve()]
    del sys.modules["random"]
    sys.modules["random"] = import_module("random")
    sys.path[:] = kept

COUNT, ROUNDS = 10_000_000, 9


def rates(calls, count):
    """Numbers per second of each call at best, the calls taking turns so that a busy machine slows all alike."""
    best = dict.fromkeys(calls, 0.0)
    for call in calls.values():
        call()  # compiles, and touches the memory
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            best[name] = max(best[name], count / (time.perf_counter() - start))
    return best


def compare(title, calls, wanted, count=COUNT):
    """Print the rates in millions per second, and cofire's in units of each peer's."""
    found = rates(calls, count)
    ours = found.pop("cofire")
    ratios = ", ".join(
        f"{ours / rate:.2f}x {name} ({rate / 1e6:.0f} M/s" + (f", wanted {wanted[name]}x)" if name in wanted else ")")
        for name, rate in found.items()
    )
    print(f"{title:<38} {ours / 1e6:6.0f} M/s   {ratios}")


def main():
    import numpy as np
    import torch

    from cofire.random import Key

    key = Key(0).fold("benchmark")
    generator = np.random.Generator(np.random.Philox(0))
    array, tensor = np.empty(COUNT, np.float32), torch.empty(COUNT)
    print(f"{COUNT / 1e6:.0f} M numbers, best of {ROUNDS} rounds; the peers' generators use one thread always")
    for threads in (1, 2):
        torch.set_num_threads(threads)
        calls = {
            "cofire": lambda threads=threads: key.normal(COUNT, out=array, threads=threads),
            "torch normal_": tensor.normal_,
            "NumPy Philox": lambda: generator.standard_normal(out=array, dtype=np.float32),
        }
        compare(f"normal float32, {threads} threads", calls, {"torch normal_": 1.5, "NumPy Philox": 4})
        calls = {
            "cofire": lambda threads=threads: key.uniform(COUNT, out=array, threads=threads),
            "torch uniform_": tensor.uniform_,
            "NumPy Philox": lambda: generator.random(out=array, dtype=np.float32),
        }
        compare(f"uniform float32, {threads} threads", calls, {})
    wide = np.empty(COUNT // 4)
    calls = {
        "cofire": lambda: key.normal(len(wide), out=wide, threads=1),
        "NumPy Philox": lambda: generator.standard_normal(out=wide),
    }
    compare("normal float64, 1 thread", calls, {}, len(wide))
    steps = 1000
    for size in (1000, 100_000):
        noise, row = key.units(range(size)), np.empty(size, np.float32)
        shuffled, few = key.units(key.permutation(size)), steps * 1000 // size

        def each_step(units, row=row, few=few):
            for step in range(few):
                units.normal(step, out=row)

        def each_step_numpy(row=row, few=few):
            for _ in range(few):
                generator.standard_normal(out=row, dtype=np.float32)

        calls = {"cofire": lambda noise=noise: each_step(noise), "NumPy Philox": each_step_numpy}
        compare(f"{size} units, step by step", calls, {}, few * size)
        calls = {"cofire": lambda shuffled=shuffled: each_step(shuffled), "NumPy Philox": each_step_numpy}
        compare(f"{size} shuffled units, step by step", calls, {}, few * size)


if __name__ == "__main__":
    main()
