"""The public namespace is frozen: adding or removing a name is a decision, made here and in the changelog."""

import subprocess
import sys

import cofire

TOP_LEVEL = ["CTM", "CTMConfig", "Key", "Recording", "Thought"]
TOP_LEVEL += ["ctm", "random", "recording", "spiking", "sync", "tasks", "train", "viz"]


def test_top_level_names_are_these_and_load():
    assert sorted(cofire.__all__) == TOP_LEVEL
    assert len(cofire.__all__) <= 15
    for name in TOP_LEVEL:
        assert getattr(cofire, name) is not None


def test_import_loads_nothing_heavy():
    heavy = ["torch", "numba", "scipy", "matplotlib", "lightning_fabric", "rich", "sklearn"]
    code = f"import sys, cofire, cofire.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
