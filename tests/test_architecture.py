"""The rules that hold everywhere, checked on the syntax tree of every file (see docs/design.md)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "cofire"
FILES = sorted(SOURCE.rglob("*.py"))
FOLDERS = ("src", "tests", "benchmarks", "examples")
EVERYWHERE = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))

RANKS = {
    "checks": 0,
    "files": 1,
    "random": 1,
    "kernels": 1,
    "recording": 2,
    "sync": 3,
    "spiking": 3,
    "ctm": 4,  # reads its neurons with the definitions of sync
    "tasks": 5,
    "compose": 5,
    "train": 6,
    "viz": 7,  # draws what training left behind
    "viewer": 8,
    "cli": 9,
}
# A report that can draw itself asks the drawing package for it, late and by name: the one door upwards.
DOORS = {("random._audit.report", "viz")}
TORCH = {"ctm", "tasks", "train", "viz", "viewer", "cli"}  # and the files below
TORCH_FILES = re.compile(r"random[./]_?torch|random[./]_?triton|spiking[./]_?layers|sync[./]_?torch")
TORCH_DRAWS = "seed|rand|randn|randint|randperm|rand_like|randn_like|randint_like|normal|bernoulli|multinomial|poisson"
GLOBAL_RANDOMNESS = re.compile(
    r"^(np|numpy)\.random\.(?!Generator|Philox|PCG64|default_rng|SeedSequence)\w+$|^random\.(?!Key)\w+$"
    rf"|^torch\.(manual_seed|{TORCH_DRAWS})$|^torch\.cuda\.manual_seed\w*$"
    r"|^(torch\.)?nn\.init\.|^(torch\.)?nn\.\w*Dropout\w*$|^(F|functional|nn\.functional)\.\w*dropout\w*$"
    r"|\.(?:random_|bernoulli_|exponential_|uniform_|normal_)$"
)


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every imported module name with its line, imports inside functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative imports hide where a thing comes from"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and dotted(node.func).endswith("import_module") and node.args:
            yield str(getattr(node.args[0], "value", "")), node.lineno


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_go_one_way(path: Path):
    name = module_name(path)
    package = name.split(".")[0]
    if not name:
        return
    assert package in RANKS, f"{package} has no rank; the table of packages is in docs/design.md"
    for imported, line in imports(parse(path)):
        if not imported.startswith("cofire."):
            continue
        other = imported.split(".")[1]
        if other == package or other not in RANKS or (name, other) in DOORS:
            continue
        below = RANKS[other] < RANKS[package]
        assert below, f"{path.name}:{line} imports {imported}, which does not lie below {package}"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_torch_and_matplotlib_stay_in_their_packages(path: Path):
    name = module_name(path)
    package = name.split(".")[0]
    for imported, line in imports(parse(path)):
        if imported.split(".")[0] == "torch":
            assert package in TORCH or TORCH_FILES.search(name), f"{path.name}:{line} imports torch"
        if imported.split(".")[0] == "matplotlib":
            assert package == "viz", f"{path.name}:{line} imports matplotlib outside cofire.viz"


def test_no_cycle_among_modules():
    modules = {module_name(path): path for path in FILES}
    graph: dict[str, set[str]] = {name: set() for name in modules}
    for name, path in modules.items():
        for node in parse(path).body:  # cycles through late imports are harmless
            for imported, _ in imports(node) if isinstance(node, ast.Import | ast.ImportFrom) else ():
                target = imported.removeprefix("cofire.")
                while target and target not in modules:
                    target = target.rpartition(".")[0]
                if imported.startswith("cofire.") and target and target != name and not name.startswith(f"{target}."):
                    graph[name].add(target)
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"import cycle: {' -> '.join((*trail, name))}"
        if name not in done:
            for other in graph[name]:
                visit(other, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("path", EVERYWHERE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_global_random_generator(path: Path):
    if "benchmarks" in path.parts or "audit" in path.name:
        return  # these measure, and judge, the generators of others
    for node in ast.walk(parse(path)):
        used = dotted(node) if isinstance(node, ast.Attribute) else ""
        found = GLOBAL_RANDOMNESS.search(used) or "default_rng" in used
        assert not found, f"{path.name}:{node.lineno} uses {used}; draw from cofire.random"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_only_the_command_line_prints(path: Path):
    for node in ast.walk(parse(path)):
        printed = isinstance(node, ast.Call) and dotted(node.func) == "print"
        assert not printed or module_name(path).startswith("cli"), f"{path.name}:{node.lineno} prints"


@pytest.mark.parametrize("path", EVERYWHERE, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_small(path: Path):
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= 400, f"{path} has {lines} lines; split it by idea"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_user_input_is_checked_with_errors_not_asserts(path: Path):
    for node in ast.walk(parse(path)):
        used = isinstance(node, ast.Assert)
        assert not used, f"{path.name}:{node.lineno}: asserts vanish under -O; use cofire.checks"
