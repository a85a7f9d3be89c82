"""Wrong experiments: each is refused with one line that names the setting, the value and what would be right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scenarios.errors import InputError
from scenarios.sweeps.experiment import make_experiment, read_experiment
from scenarios.sweeps.points import design
from scenarios.sweeps.sampling import points

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
HEADS, PRICE, TRIAL = "policy.desks.sales.heads", "policy.products.seat.price.small", "policy.conversion.trial_days"
SMALL, LARGE = "market.segments.small.share", "market.segments.large.share"
GRID: dict[str, Any] = {"kind": "sweep", "sampler": "grid", "keys": {HEADS: [2, 3]}}
SPREAD: dict[str, Any] = {"kind": "sweep", "sampler": "lhs", "points": 8, "keys": {PRICE: {"low": 100, "high": 400}}}


def fine(levels: int) -> dict[str, float]:
    """A range of so many values."""
    return {"low": 100, "high": 400, "levels": levels}


def problems_of(base: dict[str, Any], *overrides: str, **settings: Any) -> list[str]:
    """What is wrong with an experiment on the small study."""
    with pytest.raises(InputError) as caught:
        make_experiment("bad", base | settings, "mini", ["effects=none", *overrides], MINI)
    return caught.value.problems


KEYS = [
    # what stands in keys, where, what must be in the line
    ({"policy.desks.sales.head": [2, 3]}, "keys.policy.desks.sales.head", "did you mean heads?"),
    ({"polcy.desks.sales.heads": [2, 3]}, "keys.polcy.desks.sales.heads", "did you mean policy?"),
    ({HEADS: []}, f"keys.{HEADS}", "is an empty list"),
    ({HEADS: {}}, f"keys.{HEADS}", "is an empty range"),
    ({HEADS: {"low": 3, "high": 3}}, f"keys.{HEADS}", "is an empty range, got low 3, high 3"),
    ({PRICE: {"low": 300, "high": 100}}, f"keys.{PRICE}", "low below high"),
    ({PRICE: {"low": 0, "high": 100, "log": True}}, f"keys.{PRICE}", "cannot be log, got low 0"),
    ({PRICE: {"low": -5, "high": 100}}, f"keys.{PRICE}", "0 or more, got -5"),
    ({PRICE: {"low": float("nan"), "high": 1}}, f"keys.{PRICE}.low", "finite number, got nan"),
    ({PRICE: {"low": 1, "high": float("inf")}}, f"keys.{PRICE}.high", "finite number, got Infinity"),
    ({PRICE: {"low": "1", "high": 2}}, f"keys.{PRICE}.low", 'finite number, got "1"'),
    ({PRICE: {"lo": 1, "high": 2}}, f"keys.{PRICE}.lo", "did you mean low?"),
    ({PRICE: [100, float("nan")]}, f"keys.{PRICE}", "finite numbers, got nan"),
    ({PRICE: [100, 200, 100.0]}, f"keys.{PRICE}", "has a value twice"),
    ({PRICE: [100, None]}, f"keys.{PRICE}", "numbers, switches or names, got null"),
    ({PRICE: 100}, f"keys.{PRICE}", "is no range, got 100"),
    ({PRICE: ["cheap"]}, f"keys.{PRICE}", 'must be a number, got "cheap"'),
    ({HEADS: [2.5]}, f"keys.{HEADS}", "got 2.5"),
    ({HEADS: {"low": 1.5, "high": 3}}, f"keys.{HEADS}", "takes whole numbers"),
    ({HEADS: {"low": 1, "high": 3, "integer": False}}, f"keys.{HEADS}.integer", "cannot be false"),
    ({HEADS: {"low": 1, "high": 3, "levels": 1}}, f"keys.{HEADS}.levels", "2 or more, got 1"),
    ({HEADS: {"low": 1, "high": 3}}, f"keys.{HEADS}", "levels: 3, or experiment.points=2"),
    ({SMALL: [0.7, 1.2]}, f"keys.{SMALL}", "from 0 to 1, got 1.2"),
    ({"policy.products.seat.price": None}, "keys.policy.products.seat.price", "has no low of its own"),
    ({"replications": [2, 3]}, "keys.replications", "is no key to sample"),
    ({"seed": [1, 2]}, "keys.seed", "is no key to sample"),
    ({"market": ["mini"]}, "keys.market", "is a group"),
    ({"policy.products.seat.price": [200], PRICE: [100]}, f"keys.{PRICE}", "is given twice"),
    ({HEADS: {"equals": "2 * policy.terms.trail_days"}}, f"keys.{HEADS}.equals", "names an unknown key"),
    ({HEADS: [2], TRIAL: {"equals": "policy.desks.sales.head"}}, f"keys.{TRIAL}.equals", "did you mean heads?"),
    ({HEADS: [2], TRIAL: {"equals": "policy.name"}}, f"keys.{TRIAL}.equals", "is no number"),
    ({HEADS: [2], TRIAL: {"equals": f"{TRIAL} + 1"}}, f"keys.{TRIAL}.equals", "follows itself"),
    ({PRICE: {"equals": TRIAL}, TRIAL: {"equals": PRICE}, HEADS: [1]}, f"keys.{PRICE}.equals", "follows itself"),
    ({HEADS: [2], TRIAL: {"equals": "14"}}, f"keys.{TRIAL}.equals", "names no key"),
    ({HEADS: [2], TRIAL: {"equals": f"__import__('os').getcwd() + {HEADS}"}}, f"keys.{TRIAL}.equals", "not allowed"),
    ({HEADS: [2], TRIAL: {"equals": f"{HEADS} ** 9"}}, f"keys.{TRIAL}.equals", "not allowed"),
    ({HEADS: [2], TRIAL: {"equals": f"2 * ({HEADS}"}}, f"keys.{TRIAL}.equals", "cannot be read"),
    ({HEADS: [2], TRIAL: {"equals": HEADS, "low": 1}}, f"keys.{TRIAL}", "equals without low"),
    ({HEADS: [2], TRIAL: {"equals": "-" * 450 + HEADS}}, f"keys.{TRIAL}.equals", "is nested too deep"),
    ({HEADS: [2], TRIAL: {"equals": f"{HEADS} * 1{'0' * 400}"}}, f"keys.{TRIAL}.equals", "not allowed"),
    (
        {"policy.products.seat.price": [200], TRIAL: {"equals": PRICE}},
        "keys.policy.products.seat.price",
        "link to its part",
    ),
    ({TRIAL: {"equals": HEADS}}, "keys", "leaves nothing to sample"),
    ({}, "keys", "names nothing"),
]


@pytest.mark.parametrize(("keys", "where", "part"), KEYS)
def test_keys(keys: dict[str, Any], where: str, part: str) -> None:
    (line,) = problems_of(GRID, keys=keys)
    assert line.startswith(f"experiment.{where}: ")
    assert part in line
    assert ", got " in line
    assert "; " in line


SETTINGS = [
    # settings over a grid, where, what must be in the line
    ({"kind": "swep"}, "kind", "kind: sweep"),
    ({"kind": "optimise", "objectives": []}, "kind", "is of another verb, got \"optimise\"; tobsim optimise"),
    ({"sampler": "lsh"}, "sampler", "did you mean lhs?"),
    ({"smapler": "lhs"}, "smapler", "did you mean sampler?"),
    ({"sampler": "lhs"}, "points", "is missing for lhs"),
    ({"sampler": "sobol", "points": 100}, "points", "must be a power of two for sobol, got 100; 64 or 128"),
    ({"sampler": "sobol", "base_samples": 100}, "base_samples", "64 or 128"),
    ({"sampler": "sobol", "base_samples": 8, "points": 8}, "points", "one of them"),
    ({"sampler": "sobol"}, "points", "one of them"),
    ({"sampler": "morris", "points": 8}, "base_samples", "base_samples: 20"),
    ({"sampler": "morris", "base_samples": 8, "levels": 5}, "levels", "must be even"),
    ({"base_samples": 8}, "base_samples", "is not for grid"),
    ({"second_order": True}, "second_order", "is for sobol with base_samples"),
    ({"sampler": "list", "points": 4}, "points", "is not for list"),
    ({"sampler": "one_at_a_time", "points": 4}, "points", "is not for one_at_a_time"),
    ({"sampler": "one_at_a_time", "constraints": ["a < b"]}, "constraints", "would break the design"),
    ({"sampler": "one_at_a_time", "shares": {"mix": {"keys": {SMALL: None, LARGE: None}}}}, "shares", "cannot be laid"),
    ({"sampler": "one_at_a_time", "keys": {HEADS: [4, 5]}}, f"keys.{HEADS}", "of the study, got 4 to 5 and base 3"),
    ({"sampler": "one_at_a_time", "keys": {HEADS: [3]}}, f"keys.{HEADS}", "is not moved, got 3"),
    ({"sampler": "one_at_a_time", "keys": {"policy.name": ["a"]}}, "keys.policy.name", "has no low and high"),
    ({"max_runs": 0}, "max_runs", "whole number, got 0"),
    ({"max_runs": 39}, "replications", "too many runs, got 40 (2 points x 20 replications); at most 39, which exp"),
    ({"max_runs": 1, "replications": 1}, f"keys.{HEADS}", "experiment.max_runs=2 raises"),
    ({"max_events": 1.5}, "max_events", "whole number, got 1.5"),
    ({"max_memory": "2 GB"}, "max_memory", 'whole number, got "2 GB"'),
    ({"keys": {HEADS: {"low": 1, "high": 3, "levels": 3, "label": 5}}}, f"keys.{HEADS}.label", "must be text, got 5"),
    ({"points": 0}, "points", "whole number, got 0; 1 or more"),
    ({"points": 2.5}, "points", "whole number, got 2.5"),
    ({"seed": -1}, "seed", "got -1"),
    ({"replications": 0}, "replications", "whole number, got 0; from 1 to 100000"),
    ({"replications": True}, "replications", "whole number, got true"),
    ({"metrics": ["revenu"]}, "metrics", "did you mean revenue?"),
    ({"metrics": "revenue"}, "metrics", "must be a list"),
    ({"metrics": []}, "metrics", "names none"),
    ({"metrics": ["revenue", "revenue"]}, "metrics", "names revenue twice"),
    ({"periods": ["week"]}, "periods", "one of fiscal_year, horizon"),
    ({"scenarios": ["baseline", "chepaer"]}, "scenarios", "did you mean cheaper?"),
    ({"scenarios": ["baseline", "baseline"]}, "scenarios", "names baseline twice"),
    ({"precision": {"metric": "revenu", "relative": 0.1}}, "precision.metric", "did you mean revenue?"),
    ({"precision": {"metric": ["revenue"], "relative": 0.1}}, "precision.metric", 'is unknown, got ["revenue"]'),
    ({"precision": {"metric": "revenue"}}, "precision", "asks for no width"),
    ({"precision": {"metric": "revenue", "relative": 2}}, "precision.relative", "got 2"),
    ({"keep": {"run": True}}, "keep.run", "did you mean runs?"),
    ({"keep": {"runs": 1}}, "keep.runs", "true or false"),
    ({"constraints": [f"{HEADS} + 2"]}, "constraints.0", "compares nothing"),
    ({"constraints": [f"{HEADS} == 2"]}, "constraints.0", "compares nothing"),
    ({"constraints": ["policy.desks.sales.head < 2"]}, "constraints.0", "did you mean heads?"),
    ({"sampler": "sobol", "base_samples": 8, "constraints": ["a < b"]}, "constraints", "would break the design"),
    ({"sampler": "list", "keys": {PRICE: {"low": 1, "high": 2}}}, f"keys.{PRICE}", "has no values for a list"),
    ({"sampler": "list", "keys": {HEADS: [1, 2], PRICE: [1]}}, f"keys.{PRICE}", "another length, got 1 values; 2"),
    ({"shares": {"mix": {"keys": {SMALL: None, LARGE: None}}}}, "shares", "cannot be laid out by grid"),
    (SPREAD | {"keys": {PRICE: {"low": 1, "high": 2, "levels": 3}}}, f"keys.{PRICE}.levels", "is for a grid"),
    ({"keys": {PRICE: {"low": 1, "high": 2, "levels": 10**7}}}, f"keys.{PRICE}.levels", "max_points=10000000"),
]  # fmt: skip


CASH = {"metric": "cash_min", "below": 0}
DISCOVERIES = [
    # discovery over a hypercube, where, what must be in the line
    ({"discovery": "cash_min"}, "discovery", "must name a metric and a threshold"),
    ({"discovery": {}}, "discovery", "must name a metric and a threshold"),
    ({"discovery": CASH | {"metric": "cash_mni"}}, "discovery.metric", "did you mean cash_min?"),
    ({"discovery": CASH | {"metric": ["cash_min"]}}, "discovery.metric", 'is unknown, got ["cash_min"]'),
    ({"discovery": CASH, "metrics": ["revenue"]}, "discovery.metric", "is not among the metrics that are kept"),
    ({"discovery": CASH | {"above": 5}}, "discovery", "must have below or above, one of them"),
    ({"discovery": {"metric": "cash_min"}}, "discovery", "must have below or above, one of them"),
    ({"discovery": CASH | {"below": "0"}}, "discovery.below", 'must be a finite number, got "0"'),
    ({"discovery": CASH | {"below": float("nan")}}, "discovery.below", "must be a finite number, got nan"),
    ({"discovery": CASH | {"unter": 0}}, "discovery.unter", "is unknown"),
    ({"discovery": CASH | {"coverage": 1.2}}, "discovery.coverage", "must be a share, got 1.2"),
    ({"discovery": CASH | {"density": True}}, "discovery.density", "must be a share, got true"),
    ({"discovery": CASH | {"period": "2026"}}, "discovery.period", 'is no period, got "2026"'),
    ({"discovery": CASH | {"period": "FY2025"}}, "discovery.period", "periods: [..., fiscal_year]"),
    ({"discovery": CASH, "points": 19}, "points", "makes too few points for a discovery, got 19; 20 or more"),
    ({"discovery": CASH, "sampler": "sobol", "points": None, "base_samples": 8}, "base_samples", "discovery, got 16"),
    ({"discovery": CASH, "sampler": "morris", "points": None, "base_samples": 9}, "discovery", "points that fill"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "where", "part"), DISCOVERIES)
def test_discoveries(settings: dict[str, Any], where: str, part: str) -> None:
    (line,) = problems_of(SPREAD | {"points": 32}, **settings)
    assert line.startswith(f"experiment.{where}: ")
    assert part in line


@pytest.mark.parametrize(
    ("sought", "keys", "part"),
    [
        ("FY2099", {}, 'is reached at no point, got "FY2099"; the fiscal years are FY2025 to FY2027'),
        ("Q2025-02", {}, "the quarters are Q2025-03 to Q2027-12"),
        ("2028-01", {}, "the months are 2025-01 to 2027-12"),
        ("FY2026", {"horizon.days": [100, 200]}, 'got "FY2026"; a horizon that holds a whole fiscal year'),
        ("FY2028", {"horizon.days": [365, 800]}, "the fiscal years are FY2025 to FY2026"),
        ("FY2025", {"horizon.start": ["2025-01-01", "2027-06-01"]}, ""),
        ("FY2028", {"horizon.start": ["2025-01-01", "2027-06-01"]}, ""),
        ("FY2026", {"horizon.days": [365, 800]}, ""),
        ("horizon", {}, ""),
    ],
)
def test_a_discovery_is_of_a_period_that_some_point_reaches(sought: str, keys: dict[str, Any], part: str) -> None:
    """One that no run reaches would find nothing after all of them were made."""
    levels = {"low": 100, "high": 400, "levels": 20}
    given = GRID | {"keys": {PRICE: levels, **keys}, "periods": ["horizon", "fiscal_year", "quarter", "month"]}
    given |= {"discovery": {"metric": "revenue", "below": 0, "period": sought}, "replications": 1}
    experiment = make_experiment("bad", given, "mini", ["effects=none"], MINI)
    if not part:
        assert design(experiment).experiment is not None
        return
    with pytest.raises(InputError) as caught:
        design(experiment)
    (line,) = caught.value.problems
    assert line.startswith("experiment.discovery.period: ")
    assert part in line


def test_a_discovery_is_of_a_period_that_its_metric_is_measured_for() -> None:
    given = SPREAD | {"points": 20, "periods": ["horizon", "fiscal_year"]}
    given |= {"discovery": {"metric": "break_even_month", "above": 9, "period": "FY2025"}}
    with pytest.raises(InputError) as caught:
        design(make_experiment("bad", given, "mini", ["effects=none"], MINI))
    (line,) = caught.value.problems
    assert line == ('experiment.discovery.period: is not measured for break_even_month, got "FY2025"; a horizon')


def test_points_that_links_make_wrong_are_found_before_the_start() -> None:
    """All of them: refused, with the key that makes them so. Some of them: a warning, and rows of their own."""
    spread = {"kind": "sweep", "sampler": "list", "replications": 1}
    link = {PRICE: [100, 200], HEADS: {"equals": f"0 - {PRICE} / 100"}}
    experiment = make_experiment("bad", spread | {"keys": link}, "mini", ["effects=none"], MINI)
    with pytest.raises(InputError) as caught:
        design(experiment)
    (line,) = caught.value.problems
    assert line.startswith(f"experiment.keys.{HEADS}: makes every point wrong, got {PRICE}=100, {HEADS}=-1; {HEADS}: ")
    shares = {SMALL: [0.75, 0.9], PRICE: [100, 200]}
    found = design(make_experiment("bad", spread | {"keys": shares}, "mini", ["effects=none"], MINI))
    (text,) = found.warnings
    assert text.startswith(f"experiment.keys.{SMALL}: makes 1 of 2 points wrong, which become failed rows, got {SMALL}")
    assert "market.segments: shares must sum to 1, got 1.15" in text
    assert [bool(point.refused) for point in found.points] == [False, True]


@pytest.mark.parametrize(
    ("settings", "where", "part"), SETTINGS, ids=[f"{where}-{part[:20]}" for _, where, part in SETTINGS]
)
def test_settings(settings: dict[str, Any], where: str, part: str) -> None:
    (line,) = problems_of(GRID, **settings)
    assert line.startswith(f"experiment.{where}: ")
    assert part in line
    assert ", got " in line


@pytest.mark.parametrize(
    ("base", "settings", "where"),
    [
        (SPREAD, {"points": 10**7}, "points"),
        (SPREAD, {"points": 50_001, "scenarios": ["baseline", "cheaper"]}, "points"),
        (SPREAD, {"sampler": "morris", "points": None, "base_samples": 5 * 10**6}, "base_samples"),
        (GRID, {"keys": {PRICE: fine(500), TRIAL: fine(20_000)}}, f"keys.{TRIAL}"),
    ],
)  # fmt: skip
def test_ten_million_points_are_refused(base: dict[str, Any], settings: dict[str, Any], where: str) -> None:
    """The line names what makes them many, and the key that admits them."""
    (line,) = problems_of(base, **settings)
    number = line.split("got ")[1].split(";")[0]
    assert line.startswith(f"experiment.{where}: makes too many points, got ")
    assert line.endswith(f"at most 100000, which experiment.max_points={number} raises")
    assert int(number) > 10**5


@pytest.mark.parametrize(
    ("group", "where", "part"),
    [
        ({"keys": {SMALL: {"low": 0, "high": 0.3}, LARGE: {"low": 0, "high": 0.4}}}, "", "got from 0 to 0.7"),
        ({"keys": {SMALL: {"low": 0.7, "high": 0.8}, LARGE: {"low": 0.6, "high": 0.9}}}, "", "got from 1.3 to 1.7"),
        ({"keys": {SMALL: {"low": -0.7, "high": 0.8}, LARGE: None}}, f".keys.{SMALL}.low", "negative, got -0.7"),
        ({"keys": {SMALL: {"low": 0, "high": 1.8}, LARGE: None}}, f".keys.{SMALL}", "from 0 to 1, got 1.8"),
        ({"keys": {SMALL: None}}, ".keys", "two keys or more"),
        ({"keys": {SMALL: [0.1, 0.2], LARGE: None}}, f".keys.{SMALL}", "must be a range"),
        ({"keys": {SMALL: None, "market.accounts.x": None}}, ".keys.market.accounts.x", "there is nothing below"),
        ({"keys": {SMALL: None, PRICE: None}}, f".keys.{PRICE}", "is given twice"),
        ({"keys": {SMALL: None, LARGE: None}, "total": 0}, ".total", "above 0, got 0"),
        ({"keys": {SMALL: None, LARGE: None}, "sum": 1}, ".sum", "is unknown"),
        ({"total": 1}, "", "must be a mapping with keys"),
    ],
)  # fmt: skip
def test_shares(group: dict[str, Any], where: str, part: str) -> None:
    (line,) = problems_of(SPREAD, shares={"mix": group})
    assert line.startswith(f"experiment.shares.mix{where}: ")
    assert part in line


def test_constraints_that_admit_nothing_are_found_when_points_are_drawn() -> None:
    for base, constraint in (
        (SPREAD, f"{PRICE} > 500"),
        (GRID, f"{HEADS} > 5"),
        (GRID | {"sampler": "list"}, f"{HEADS} > 2"),
    ):
        experiment = make_experiment("none", base | {"constraints": [constraint]}, "mini", ["effects=none"], MINI)
        with pytest.raises(InputError, match=r"experiment\.constraints: ") as caught:
            points(experiment)
        assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("override", "part"),
    [
        (f"{HEADS}=4", f"experiment.keys.{HEADS}: is sampled and set by an override"),
        ("scenario=cheaper", "scenario: is not for a sweep"),
        ("experiment=other", "experiment: is given twice"),
        ("experiment.pionts=4", "experiment.pionts: is unknown, got 4; did you mean points?"),
        ("experiment.points=1000000000", "experiment.max_points=1000000000 raises"),
        ("policy.desks.sales.head=4", "did you mean heads?"),
    ],
)
def test_overrides(override: str, part: str) -> None:
    base = SPREAD if "points=" in override else GRID
    assert part in "\n".join(problems_of(base, override))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("kind: sweep\nkeys:\n  a.b: [1]\n  a.b: [2]\n", "bad.yaml:4: keys.a.b: is given twice"),
        ("kind: sweep\nkeys: {a.b: {low: .nan, high: 1}}\n", "must be a finite number, got .nan"),
        ("kind: sweep\nkeys: {a.b: [no, yes]}\n", "YAML reads this as true or false"),
        ("", "is empty"),
        ("- a\n", "must be a mapping"),
        ("kind: &x sweep\n", "anchor"),
        ("kind: [\n", "is not YAML"),
        ("kind: ${oc.env:HOME}\n", "refers to what is not a key"),
    ],
)
def test_files(tmp_path: Path, text: str, part: str) -> None:
    """A file is scanned before anything parses it; nothing is written."""
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "bad.yaml").write_text(text, encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError) as caught:
        read_experiment("bad", "tool", (), tmp_path)
    assert part in "\n".join(caught.value.problems)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_unknown_experiment() -> None:
    with pytest.raises(InputError, match=r"experiment: is unknown, got .*; did you mean tool_price_and_trial\?"):
        read_experiment("tool_price_and_trail", "tool")
