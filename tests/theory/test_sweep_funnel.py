"""A funnel in closed form swept by ``tobsim sweep``: what it finds of the chances is what they do."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from analysis.sensitivity.sobol import sobol
from scenarios.cli import DONE, main
from scenarios.sweeps.folder import Sweep

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
RANGES = {"fit": (0.2, 0.6), "ask": (0.4, 0.9), "sign": (0.1, 0.3)}
KEYS = {f"business.decisions.{name}.base": ends for name, ends in RANGES.items()}
ACCOUNTS = 300

BUSINESS = """# @package _global_
defaults:
  - override /policy: mini
  - override /market: mini
business:
  name: funnel
  start: fits
  route:
    fits: {kind: gate, decision: fit, then: asks, otherwise: end, emits_then: qualified}
    asks: {kind: gate, decision: ask, then: offer, otherwise: end}
    offer: {kind: gate, decision: sign, then: end, otherwise: end, emits_then: signed, emits_otherwise: lost}
  milestones: {lead: touched, qualified: qualified, opportunity: qualified, conversion: signed, activation: activated}
  decisions:
    fit: {base: 0.4}
    ask: {base: 0.6}
    sign: {base: 0.2}
  revenue: {}
  usage: {start: 0.3, mean: 0.6, spread: 0.1, pull: 0.3, noise: 0.05, drop: 0.2}
"""

EVERYONE = ("market.channels.search.rate_month=10", "market.channels.search.elasticity=0", "market.noise=0")
"""In a month a company is missed with a chance of exp(-10)."""


def swept(folder: Path, base_samples: int, replications: int) -> Sweep:
    """The funnel, with points as Sobol's indices need them, by the command line."""
    conf = Path(shutil.copytree(MINI, folder / "conf"))
    (conf / "business" / "funnel.yaml").write_text(BUSINESS)
    (conf / "experiment").mkdir()
    lines = [f"  {key}: {{low: {low}, high: {high}}}" for key, (low, high) in KEYS.items()]
    head = f"kind: sweep\nsampler: sobol\nbase_samples: {base_samples}\nreplications: {replications}\n"
    text = "\n".join([f"{head}business: funnel\nmetrics: [signed]\nkeys:", *lines])
    (conf / "experiment" / "funnel.yaml").write_text(text)
    words = ["experiment=funnel", f"out={folder / 'sweep'}", "progress=false", "--config-dir", str(conf)]
    size = ["effects=none", f"market.accounts={ACCOUNTS}", "horizon.days=31"]
    assert main(["sweep", *words, *size, *EVERYONE]) == DONE
    return Sweep(folder / "sweep")


def truth() -> dict[tuple[str, str], float]:
    """Indices of a product of independent factors, q the squared variation of each: first q_i, total by the others."""
    low, high = np.array(list(KEYS.values())).T
    q = (high - low) ** 2 / 12 / ((low + high) / 2) ** 2
    whole = np.prod(1 + q) - 1
    by_index = {"s1": q / whole, "st": q * np.prod(1 + q) / (1 + q) / whole}
    return {(of, key): float(value) for of, values in by_index.items() for key, value in zip(KEYS, values, strict=True)}


def expected(found: Sweep) -> np.ndarray:
    """Signatures at every point: companies times the product of the chances."""
    return ACCOUNTS * found.points[list(KEYS)].to_numpy().prod(axis=1)


def check(found: Sweep, width: float, near: float) -> None:
    """Numbers at the points, indices, and how far noise takes them from those of the same points without noise.

    Numbers are binomial; of six intervals of 95 % at least five hold (chance of fewer: .03).
    """
    signed, means = expected(found), found.table["mean"].to_numpy()
    replications = int(found.table["replications"].iloc[0])
    z = (means - signed) / np.sqrt(signed * (1 - signed / ACCOUNTS) / replications)
    assert np.abs(z).max() < 4
    own = found.sensitivity[found.sensitivity["reading"] == "expected"].set_index(["of", "key"])
    hits = [own.loc[at, "low"] <= value <= own.loc[at, "high"] for at, value in truth().items()]
    assert sum(hits) >= 5
    assert (own["high"] - own["low"]).median() < width
    results = found.points[["number"]].assign(replication=0, metric="signed", value=signed)
    exact = sobol(found.points[["number", *KEYS]], results, list(KEYS)).query("of == 'expected'").set_index("key")
    assert max(abs(own.loc[(of, key), "estimate"] - exact.loc[key, of]) for of, key in truth()) < near


def test_the_indices_of_a_swept_funnel(tmp_path: Path) -> None:
    check(swept(tmp_path, 8, 3), 2.0, 0.25)


@pytest.mark.slow
def test_the_indices_of_a_funnel_swept_more_closely(tmp_path: Path) -> None:
    check(swept(tmp_path, 32, 6), 1.0, 0.15)
