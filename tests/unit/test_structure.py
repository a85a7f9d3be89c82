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


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
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


def test_sim_needs_numpy_and_simpy_alone() -> None:
    known = sys.stdlib_module_names | SIM_MAY_IMPORT | {"__future__"}
    assert {named(path): foreign for path in SIM if (foreign := imported(ast.walk(tree(path))) - known)} == {}


def test_sim_touches_no_files_clocks_or_screens() -> None:
    outside = {"os", "sys", "pathlib", "time", "random", "secrets", "uuid", "logging", "pickle", "socket", "threading"}
    builtins = {"print", "open", "input", "eval", "exec", "compile", "__import__"}
    for path in SIM:
        calls = {ast.unparse(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)}
        assert calls & builtins == set(), named(path)
        assert imported(ast.walk(tree(path))) & outside == set(), named(path)


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
    """Outside the simulator a generator is made from a number in the code, or handed in by the caller."""
    for path in set(FILES) - set(SIM):
        nodes = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
        calls = [ast.unparse(node) for node in nodes if ast.unparse(node.func).startswith("np.random.")]
        handed_in = [use for use in random_use(path) if use == "np.random.Generator"]
        assert len(calls) + len(handed_in) == len(random_use(path)), named(path)
        assert all(re.fullmatch(r"np\.random\.default_rng\(\d+\)", call) for call in calls), named(path)


def test_no_branch_on_the_kind_of_business() -> None:
    """A business is data: nothing compares its name, or names one of the shipped ones."""
    shipped = {file.stem for file in (ROOT / "conf" / "business").glob("*.yaml")}
    assert len(shipped) >= 7
    for node in (node for path in SIM for node in ast.walk(tree(path))):
        if isinstance(node, ast.Compare | ast.Match):
            text = ast.unparse(node.left if isinstance(node, ast.Compare) else node.subject)
            assert not re.search(r"business(\.name)?$", text)
        if isinstance(node, ast.Compare):
            assert not {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)} & shipped


def iterated_sets(path: Path) -> Iterator[str]:
    """Loops over sets, whose order is not told."""
    for node in ast.walk(tree(path)):
        loops = [node.iter] if isinstance(node, ast.For | ast.comprehension) else []
        for loop in loops:
            if isinstance(loop, ast.Set | ast.SetComp) or ast.unparse(loop).startswith(("set(", "frozenset(")):
                yield f"{named(path)}: {ast.unparse(loop)}"


def test_nothing_loops_over_a_set_in_the_simulator() -> None:
    assert [found for path in SIM for found in iterated_sets(path)] == []


def test_files_open_with_what_they_are_about() -> None:
    filled = [path for path in FILES if path.read_text("utf-8").strip()]
    assert [named(path) for path in filled if not ast.get_docstring(tree(path))] == []


def length(function: Function) -> int:
    return (function.end_lineno or 0) - function.lineno + 1


def arguments(function: Function) -> list[ast.arg]:
    """Without ``self``; those that have to be named come last."""
    own = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    return [argument for argument in own if argument.arg not in ("self", "cls")]


def test_files_are_small() -> None:
    lengths = {named(path): len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE} == {}


def test_functions_are_small() -> None:
    lengths = [(length(f), f"{named(path)}: {f.name}") for path in FILES for f in functions(path)]
    assert [found for found in lengths if found[0] > MAX_FUNCTION] == []
    lines = np.array([lines for lines, _ in lengths])
    assert np.median(lines) <= 12
    assert np.quantile(lines, 0.9) <= 30


def test_functions_take_few_arguments() -> None:
    counts = {
        f"{named(path)}: {f.name}": len(arguments(f)) - len(f.args.kwonlyargs)
        for path in FILES for f in functions(path)
    }  # fmt: skip
    assert {name: count for name, count in counts.items() if count > MAX_ARGUMENTS} == {}


def test_functions_are_typed() -> None:
    untyped = [
        f"{named(path)}: {f.name}" for path in FILES for f in functions(path)
        if f.returns is None or any(argument.annotation is None for argument in arguments(f))
    ]  # fmt: skip
    assert untyped == []


def test_public_things_say_what_they_are() -> None:
    """Functions that a registry describes (a call with the text as decorator) say it there."""
    silent = [
        f"{named(path)}: {node.name}" for path in FILES for node in tree(path).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
        and not ast.get_docstring(node) and not any(isinstance(d, ast.Call) for d in node.decorator_list)
    ]  # fmt: skip
    assert silent == []


def test_nothing_is_left_unfinished() -> None:
    abstract = {"sim/journey/stop.py", "sim/revenue/part.py", "sim/revenue/metered.py"}
    for path in FILES:
        assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", path.read_text("utf-8")), named(path)
        raised = [ast.unparse(node) for node in ast.walk(tree(path)) if isinstance(node, ast.Raise)]
        assert named(path) in abstract or not any("NotImplementedError" in text for text in raised), named(path)


def test_the_simulator_loads_no_slow_package() -> None:
    code = "import sys, sim.simulate; print(sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert not SLOW & set(ast.literal_eval(done.stdout))
