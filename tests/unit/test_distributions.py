"""Distributions: quantiles against scipy, means, medians, order."""

from __future__ import annotations

import itertools
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy import integrate, special, stats

from sim.distributions import Bound, bind, by_segment, normal
from sim.spec.distribution import Distribution
from sim.streams import Streams

CASES: dict[str, tuple[dict[str, Any], Any]] = {
    "fixed": ({"kind": "fixed", "value": 4}, None),
    "exponential": ({"kind": "exponential", "mean": 3}, stats.expon(scale=3)),
    "lognormal": ({"kind": "lognormal", "median": 7, "sigma": 0.8}, stats.lognorm(0.8, scale=7)),
    "lognormal without spread": ({"kind": "lognormal", "median": 7, "sigma": 0}, None),
    "weibull, ageing": ({"kind": "weibull", "scale": 5, "shape": 2}, stats.weibull_min(2, scale=5)),
    "weibull, burn-in": ({"kind": "weibull", "scale": 5, "shape": 0.7}, stats.weibull_min(0.7, scale=5)),
    "uniform": ({"kind": "uniform", "low": -2, "high": 6}, stats.uniform(-2, 8)),
    "uniform point": ({"kind": "uniform", "low": 3, "high": 3}, None),
    "triangular": ({"kind": "triangular", "low": 1, "mode": 2, "high": 6}, stats.triang(0.2, 1, 5)),
    "triangular, mode low": ({"kind": "triangular", "low": 1, "mode": 1, "high": 6}, stats.triang(0, 1, 5)),
    "triangular, mode high": ({"kind": "triangular", "low": 1, "mode": 6, "high": 6}, stats.triang(1, 1, 5)),
    "triangular point": ({"kind": "triangular", "low": 3, "mode": 3, "high": 3}, None),
}
EXTREMES = np.array([2.0**-53, 1e-12, 0.02, 0.3, 0.5, 0.9, 1 - 1e-12, 1 - 2.0**-53])


def bound(parameters: dict[str, Any], segments: tuple[str, ...] = ("all",)) -> Bound:
    return bind(TypeAdapter(Distribution).validate_python(parameters), segments)


def quantiles(distribution: Bound, u: np.ndarray, segment: int = 0) -> np.ndarray:
    return distribution.ppf(u, np.full(len(u), segment))


def test_inverse_normal_is_that_of_scipy() -> None:
    u = np.concatenate([EXTREMES, np.linspace(0.001, 0.999, 20_001), np.logspace(-15.9, -1, 2001)])
    assert np.abs(normal(u) - special.ndtri(u)).max() < 1e-12
    upper = 1 - np.logspace(-15.9, -1, 2001)
    assert np.abs(normal(upper) - special.ndtri(upper)).max() < 1e-12


def test_inverse_normal_is_symmetric_and_rises() -> None:
    u = np.linspace(0.5, 1, 50_001)[:-1]
    assert np.abs(normal(u) + normal(1 - u)).max() < 1e-10
    assert (np.diff(normal(u)) > 0).all()
    assert normal(np.array([0.5]))[0] == 0.0


def test_every_kind_is_tested() -> None:
    kinds = {name for kind in get_args(Distribution) for name in get_args(get_type_hints(kind)["kind"])}
    assert {parameters["kind"] for parameters, _ in CASES.values()} == kinds


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[1] is not None])
def test_quantiles_are_those_of_scipy(name: str) -> None:
    parameters, theory = CASES[name]
    u = np.concatenate([np.linspace(0.0005, 0.9995, 1000), [1e-9, 1 - 1e-9]])
    assert quantiles(bound(parameters), u) == pytest.approx(theory.ppf(u), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_mean_is_the_integral_of_the_quantiles(name: str) -> None:
    made = bound(CASES[name][0])

    def at(u: float) -> float:
        return float(quantiles(made, np.array([u]))[0])

    pieces = [0.0, 1e-6, 0.01, 0.2, 0.5, 0.9, 0.999, 1 - 1e-6, 1 - 1e-12]
    total = sum(integrate.quad(at, a, b)[0] for a, b in itertools.pairwise(pieces))
    assert made.mean[0] == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_mean_of_draws_is_the_declared_mean(name: str) -> None:
    made = bound(CASES[name][0])
    source = Streams(1, 0)
    values = quantiles(made, source.uniforms(source.name(name), 0, 0, 40_000))
    assert abs(values.mean() - made.mean[0]) <= 4 * values.std() / 200 + 1e-12


@pytest.mark.parametrize("name", CASES)
def test_quantiles_never_fall(name: str) -> None:
    u = np.concatenate([EXTREMES, np.linspace(0.0001, 0.9999, 9999)])
    values = quantiles(bound(CASES[name][0]), np.sort(u))
    assert np.isfinite(values).all()
    assert (np.diff(values) >= 0).all()


@pytest.mark.parametrize("name", CASES)
def test_median_is_the_middle_quantile(name: str) -> None:
    made = bound(CASES[name][0])
    assert made.median.tolist() == quantiles(made, np.array([0.5])).tolist()


def test_a_larger_parameter_moves_every_value_up() -> None:
    u = np.linspace(0.001, 0.999, 999)
    for low, high in (
        ({"kind": "exponential", "mean": 3}, {"kind": "exponential", "mean": 3.1}),
        ({"kind": "lognormal", "median": 3, "sigma": 1}, {"kind": "lognormal", "median": 3.1, "sigma": 1}),
        ({"kind": "weibull", "scale": 3, "shape": 2}, {"kind": "weibull", "scale": 3.1, "shape": 2}),
    ):
        assert (quantiles(bound(high), u) > quantiles(bound(low), u)).all()


def test_parameters_by_segment_reach_their_segment() -> None:
    segments = ("small", "large")
    made = bound({"kind": "lognormal", "median": {"large": 9, "small": 3}, "sigma": 0.5}, segments)
    assert made.median == pytest.approx([3, 9])
    u = np.array([0.2, 0.2])
    both = made.ppf(u, np.array([0, 1]))
    assert both[1] == pytest.approx(3 * both[0])
    assert by_segment({"large": 9, "small": 3}, segments).tolist() == [3, 9]
    assert by_segment(2, segments).tolist() == [2, 2]


def test_an_unknown_distribution_is_an_error() -> None:
    with pytest.raises(TypeError, match="no such distribution"):
        bind("cauchy", ("all",))  # type: ignore[arg-type]
