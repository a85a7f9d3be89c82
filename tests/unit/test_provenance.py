"""Every number in ``conf`` says its unit and source, and the register of a study repeats it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.studies.compose import compose, options
from scenarios.studies.levers import COLUMNS, levers
from scenarios.studies.provenance import gaps, parse_note, read_leaves
from scenarios.studies.raw import scan_file
from scenarios.studies.settings import CONF

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
FILES = sorted(CONF.rglob("*.yaml"))
BUSINESSES = options("business")
ORIGINS = {"yours", "sourced", "assumed", "calibrated", "convention"}


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(CONF)) for path in FILES])
def test_every_number_says_its_unit_and_source(path: Path) -> None:
    """An assumption has a range as well."""
    found = gaps(path.read_text(encoding="utf-8"))
    assert not found, f"{len(found)} numbers in {path.name}:\n" + "\n".join(found)


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(CONF)) for path in FILES])
def test_shipped_files_pass_the_scan_of_user_files(path: Path) -> None:
    """No octal numbers, words read as booleans, anchors, tags or foreign resolvers."""
    assert scan_file(path, path.name) == []


@pytest.mark.parametrize("business", BUSINESSES)
def test_every_input_of_a_shipped_business_has_a_source(business: str) -> None:
    """Nothing enters a run without unit and source; nothing is the user's yet."""
    study = compose(business)
    lacking = [row["key"] for row in study.inputs if not row["source"] or not row["unit"]]
    assert not lacking
    assert {row["origin"] for row in study.inputs} <= ORIGINS - {"yours"}
    assert len({row["key"] for row in study.inputs}) == len(study.inputs)


@pytest.mark.parametrize("business", BUSINESSES)
def test_levers_are_policy_and_effects(business: str) -> None:
    """Every lever can be written on a command line; strengths carry their evidence."""
    table = levers(compose(business))
    assert table
    assert all(tuple(row) == COLUMNS for row in table)
    assert all(row["key"].startswith(("policy.", "effects.")) for row in table)
    strengths = [row for row in table if row["key"].startswith("effects.")]
    assert all(row["key"].endswith(".strength") and row["evidence"] and row["low"] <= row["high"] for row in strengths)


def test_a_comment_has_four_parts() -> None:
    """Unit, source, range, meaning; the range may be left out, the meaning may hold semicolons."""
    note = parse_note(" CNY/seat/year; assumption; [100, 4e2]; list price; per seat")
    assert note is not None
    assert (note.unit, note.source, note.low, note.high) == ("CNY/seat/year", "assumption", 100, 400)
    assert note.meaning == "list price; per seat"
    assert note.origin == "assumed"
    sourced = parse_note("days; [002]:94; settlement period")
    assert sourced is not None
    assert (sourced.source, sourced.low, sourced.origin) == ("[002]:94", None, "sourced")
    assert sourced.meaning == "settlement period"
    assert parse_note("only a remark") is None


def test_a_number_inherits_the_comment_of_its_key() -> None:
    """Own line before enclosing key before the end of a bracket; hashes in quotes are no comments."""
    text = (
        "a:  # days; C1; outer\n"
        "  b: 1\n"
        "  c: 2  # hours; C2; inner\n"
        "d: {e: 3,\n"
        "    f: 4}  # people; C3; at the end\n"
        "g: '# x; y; z'\n"
        "h: 5\n"
    )
    notes = {".".join(leaf.path): leaf.note for leaf in read_leaves(text)}
    units = {key: note.unit if note else None for key, note in notes.items()}
    assert units == {"a.b": "days", "a.c": "hours", "d.e": "people", "d.f": "people", "g": None, "h": None}
    assert gaps(text) == ["7: h: 5 has no unit and source"]
    assert gaps("a: 1  # days; assumption; no range\n") == ["1: a: 1 is an assumption without [low, high]"]


def test_an_effect_carries_its_range_and_evidence() -> None:
    """As keys, so that a program can read them."""
    text = "fit:\n  strength: 0.3  # logit per sd; C25; [0, 1]; fits\n  range: [0, 0.8]\n  evidence: [C25, L09]\n"
    leaf = read_leaves(text)[0]
    assert leaf.note is not None
    assert (leaf.note.source, leaf.note.low, leaf.note.high) == ("C25, L09", 0, 0.8)
    assert (leaf.note.unit, leaf.note.meaning) == ("logit per sd", "fits")


def test_what_the_user_sets_is_the_users() -> None:
    """By an override, through a reference, in a file of their own; the unit and range stay."""
    study = compose("mini", ["effects=none", "policy.conversion.trial_days=21"], config_dir=MINI)
    rows = {row["key"]: row for row in study.inputs}
    for key in ("policy.conversion.trial_days", "business.route.trial.delay_days.value"):
        assert rows[key]["origin"] == "yours"
        assert rows[key]["source"] == "set by an override"
        assert (rows[key]["value"], rows[key]["unit"], rows[key]["high"]) == (21, "days", 30)
    assert rows["policy.terms.term_months"]["source"] == "mini.yaml: convention"
    assert rows["forecast.horizon"]["origin"] == "convention"
    shipped = compose("tool", ["policy.desks.sales.heads=7"])
    yours = [row["key"] for row in shipped.inputs if row["origin"] == "yours"]
    assert yours == ["policy.desks.sales.heads"]


def test_a_lever_that_is_a_switch_is_listed() -> None:
    """Booleans of the policy are levers, not inputs."""
    study = compose("mini", ["effects=none"], config_dir=MINI)
    assert [row["default"] for row in levers(study) if row["key"] == "policy.conversion.trial"] == [True]
    assert all(row["key"] != "policy.conversion.trial" for row in study.inputs)
