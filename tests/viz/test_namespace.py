"""`cofire.viz` has what it says, loads it on first use, and says what is missing where matplotlib is."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from cofire import viz


def test_every_name_loads():
    for name in viz.__all__:
        assert getattr(viz, name) is not None
    assert dir(viz) == viz.__all__


def test_type_checkers_and_the_table_agree():
    """What is imported for type checkers only is what the table serves at run time, from the same modules."""
    tree = ast.parse(Path(str(viz.__file__)).read_text(encoding="utf-8"))
    branch = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {
        alias.name: node.module.removeprefix("cofire.viz.")
        for node in branch.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    assert typed == viz._NAMES


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match=r"'cofire\.viz' has no attribute 'draw_nothing'; it has DARK"):
        viz.draw_nothing  # noqa: B018 - asking is the test


def test_a_missing_matplotlib_is_told_with_the_fix():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import cofire.viz\n"
        "from cofire.checks import MissingExtra\n"
        "try: cofire.viz.paint\n"
        "except MissingExtra as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    expected = "cofire.viz.paint: wanted matplotlib, got none installed; the usual fix: pip install 'cofire[viz]'"
    assert done.stdout.strip() == expected
