"""The shape of the house: what may import what, how large things are, what code must not do."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("sim", "scenarios", "analysis")
FILES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
SIM = [path for path in FILES if path.relative_to(ROOT).parts[0] == "sim"]

MAX_FILE = 350
MAX_FUNCTION = 60
MAX_ARGUMENTS = 7
"""Without ``self`` and without arguments that have to be named."""

SIM_MAY_IMPORT = {"numpy", "simpy", "sim"}
SLOW = {"pandas", "scipy", "statsmodels", "plotly", "pyarrow", "hydra", "matplotlib"}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported(nodes: Iterator[ast.AST]) -> set[str]:
    """First names of imported packages."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*ROOMS, cache_dir=None)


def below(package: str) -> set[str]:
    return {package} | graph().find_descendants(package)


def imports(source: str, target: str) -> list[tuple[str, str]]:
    """Direct imports from one package into another."""
    return [
        (module, other)
        for module in sorted(below(source))
        for other in sorted(graph().find_modules_directly_imported_by(module))
        if other == target or other.startswith(f"{target}.")
    ]


def test_the_import_law_as_written_holds() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(lint), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_sim_imports_none_of_ours() -> None:
    assert imports("sim", "scenarios") == imports("sim", "analysis") == []


def test_analysis_reads_tables_and_knows_of_sim_only_the_vocabulary() -> None:
    assert imports("analysis", "scenarios") == []
    assert {other for _, other in imports("analysis", "sim")} <= {"sim.events", "sim.units"}


@pytest.mark.parametrize(("lower", "upper"), [
    ("sim.spec", "sim.world"), ("sim.spec", "sim.journey"), ("sim.signals", "sim.decisions"),
    ("sim.streams", "sim.decisions"), ("sim.journey", "sim.revenue"), ("sim.programmes", "sim.revenue"),
])  # fmt: skip
def test_inside_sim_lower_rooms_do_not_import_upper_ones(lower: str, upper: str) -> None:
    """At run time: imports for type checkers alone are no dependency."""
    for path in FILES:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if name == lower or name.startswith(f"{lower}."):
            assert not [module for module in at_run_time(path) if module == upper or module.startswith(f"{upper}.")]


def at_run_time(path: Path) -> list[str]:
    """Modules that are imported when a module is."""
    found: list[str] = []
    for node in tree(path).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return found


@pytest.mark.parametrize("path", SIM, ids=named)
def test_sim_needs_numpy_and_simpy_alone(path: Path) -> None:
    foreign = imported(ast.walk(tree(path))) - sys.stdlib_module_names - SIM_MAY_IMPORT - {"__future__"}
    assert foreign == set()


@pytest.mark.parametrize("path", SIM, ids=named)
def test_sim_touches_no_files_clocks_or_screens(path: Path) -> None:
    calls = {ast.unparse(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)}
    assert calls & {"print", "open", "input", "eval", "exec", "compile", "__import__"} == set()
    forbidden = {
        "os",
        "sys",
        "pathlib",
        "time",
        "random",
        "secrets",
        "uuid",
        "logging",
        "pickle",
        "socket",
        "threading",
    }
    assert imported(ast.walk(tree(path))) & forbidden == set()


def random_use(path: Path) -> list[str]:
    """Whatever of numpy.random a file names."""
    nodes = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute))
    return [text for text in map(ast.unparse, nodes) if re.match(r"(np|numpy)\.random\.\w+", text)]


def test_the_only_random_numbers_are_those_of_the_streams() -> None:
    assert {named(path): random_use(path) for path in SIM if random_use(path)} == {
        "sim/streams.py": ["np.random.Philox"]
    }
    drawing = [named(path) for path in SIM if re.search(r"\brandom_raw\b|\bGenerator\b", path.read_text("utf-8"))]
    assert drawing == ["sim/streams.py"]
    assert not [named(path) for path in FILES if imported(ast.walk(tree(path))) & {"random", "secrets"}]


def test_points_of_a_quadrature_elsewhere_are_the_same_at_every_call() -> None:
    """Outside the simulator a generator may only scramble quadrature points, from a number in the code."""
    for path in set(FILES) - set(SIM):
        if random_use(path):
            nodes = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
            calls = [ast.unparse(node) for node in nodes if ast.unparse(node.func).startswith("np.random.")]
            assert len(calls) == len(random_use(path))
            assert all(re.fullmatch(r"np\.random\.default_rng\(\d+\)", call) for call in calls), named(path)


@pytest.mark.parametrize("path", SIM, ids=named)
def test_no_branch_on_the_kind_of_business(path: Path) -> None:
    """A business is data: nothing compares its name, or names one of the shipped ones."""
    shipped = {file.stem for file in (ROOT / "conf" / "business").glob("*.yaml")}
    assert len(shipped) >= 7
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Compare | ast.Match):
            text = ast.unparse(node.left if isinstance(node, ast.Compare) else node.subject)
            assert not re.search(r"business(\.name)?$", text)
        if isinstance(node, ast.Compare):
            compared = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)}
            assert not compared & shipped


def iterated_sets(path: Path) -> Iterator[str]:
    """Loops over sets, whose order is not told."""
    for node in ast.walk(tree(path)):
        loops = [node.iter] if isinstance(node, ast.For | ast.comprehension) else []
        for loop in loops:
            if isinstance(loop, ast.Set | ast.SetComp) or ast.unparse(loop).startswith(("set(", "frozenset(")):
                yield f"{named(path)}: {ast.unparse(loop)}"


def test_nothing_loops_over_a_set_in_the_simulator() -> None:
    assert [found for path in SIM for found in iterated_sets(path)] == []


@pytest.mark.parametrize("path", FILES, ids=named)
def test_files_open_with_what_they_are_about(path: Path) -> None:
    if path.read_text("utf-8").strip():
        assert ast.get_docstring(tree(path))


@pytest.mark.parametrize("path", FILES, ids=named)
def test_files_and_functions_are_small(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MAX_FILE
    for function in functions(path):
        length = (function.end_lineno or 0) - function.lineno + 1
        assert length <= MAX_FUNCTION, f"{function.name}: {length} lines"
        arguments = [a.arg for a in (*function.args.posonlyargs, *function.args.args) if a.arg not in ("self", "cls")]
        assert len(arguments) <= MAX_ARGUMENTS, f"{function.name}: {len(arguments)} arguments"


def test_functions_are_short_as_a_rule() -> None:
    lengths = np.array([(f.end_lineno or 0) - f.lineno + 1 for path in FILES for f in functions(path)])
    assert np.median(lengths) <= 12
    assert np.quantile(lengths, 0.9) <= 30


@pytest.mark.parametrize("path", FILES, ids=named)
def test_functions_are_typed(path: Path) -> None:
    for function in functions(path):
        untyped = [
            a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
            if a.annotation is None and a.arg not in ("self", "cls")
        ]  # fmt: skip
        assert untyped == [], function.name
        assert function.returns is not None, function.name


@pytest.mark.parametrize("path", FILES, ids=named)
def test_public_things_say_what_they_are(path: Path) -> None:
    """Functions that a registry describes (a call with the text as decorator) say it there."""
    for node in tree(path).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            registered = any(isinstance(decorator, ast.Call) for decorator in node.decorator_list)
            assert registered or ast.get_docstring(node), f"{named(path)}: {node.name}"


@pytest.mark.parametrize("path", FILES, ids=named)
def test_nothing_is_left_unfinished(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text)
    raised = [ast.unparse(node) for node in ast.walk(tree(path)) if isinstance(node, ast.Raise)]
    abstract = {"sim/journey/stop.py", "sim/revenue/part.py", "sim/revenue/metered.py"}
    assert named(path) in abstract or not any("NotImplementedError" in text for text in raised)


def test_the_simulator_loads_no_slow_package() -> None:
    code = "import sys, sim.simulate; print(sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert not SLOW & set(ast.literal_eval(done.stdout))
