"""Accounts that end differently: a few of them told as short stories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.report.comparison.case import Case, known

if TYPE_CHECKING:
    pass

MOST, MOST_PLACES = 5, 6
HOWS = ("outcome", "route", "timing")


def story(case: Case, row: dict[str, Any]) -> str:
    """One account in two or three sentences."""
    parts = [_end(case, row), _parting(case, row), _reason(case, row), _money(case, row)]
    return " ".join(p for p in parts if p)


def account(case: Case, row: dict[str, Any]) -> str:
    """Name of an account: its own identifier, and its segment."""
    text, labels = case.text, case.say.folder.labels("market.segments")
    name, segment = known(row["external_id"]) or known(row["account"]), known(row["segment"])
    return text("compare.flips.account", name=name, segment=labels.get(segment, segment)) if segment else name


def _end(case: Case, row: dict[str, Any]) -> str:
    text, plan = case.text, case.label(known(row["scenario"]))
    fields = {
        "account": account(case, row),
        "plan": plan,
        "base": case.label(case.base),
        "before": state(case, row["before"]),
        "after": state(case, row["after"]),
        "replication": known(row["replication"]),
    }
    change = row["change"]
    key = "won" if change > 0 else "gone" if change < 0 else "other"
    return text(f"compare.flips.story_{key}", **fields)


def state(case: Case, name: Any) -> str:
    """Word for the state in which an account ends."""
    return case.text.name("ends", known(name))


def decision(case: Case, name: Any) -> str:
    """Word for a decision; without one the paths never part at a decision."""
    return case.text.name("decisions", known(name)) if known(name) else case.text("compare.flips.no_decision")


def how(case: Case, name: Any) -> str:
    """Word for the way in which paths part."""
    return case.text(f"compare.hows.{name}") if name in HOWS else known(name)


def _parting(case: Case, row: dict[str, Any]) -> str:
    text, name = case.text, decision(case, row["decision"])
    if not known(row["decision"]):
        return ""
    if row["how"] == "outcome":
        return _outcome(case, row, name)
    if row["how"] == "timing":
        days = {"base": _day(case, row["time_base"]), "plan": _day(case, row["time_plan"])}
        return text("compare.flips.story_timing", decision=name, **days)
    return text("compare.flips.story_route", decision=name)


def _outcome(case: Case, row: dict[str, Any], name: str) -> str:
    """The probabilities of a decision and the number that was drawn, as far as they are known."""
    text, low, high, number = case.text, *(float(row[c]) for c in ("p_base", "p_plan", "uniform"))
    if low != low or high != high:
        return text("compare.flips.story_parted", decision=name)
    moved = "rose" if high > low else "fell" if high < low else "stayed"
    known_values = [100 * v for v in (low, high, number) if v == v]
    told = [text("format.percent", value=v) for v in told_apart(case, known_values, 0)]
    change = text(f"compare.flips.{moved}", low=told[0], high=told[1])
    if number != number:
        return text("compare.flips.story_unnumbered", decision=name, change=change)
    return text("compare.flips.story_outcome", decision=name, change=change, number=told[2])


def told_apart(case: Case, values: list[float], places: int) -> list[str]:
    """Numbers with at least so many decimal places, and as many more as tell different ones apart, up to six."""
    while True:
        told = [case.text.fixed(v, places) for v in values]
        if len(set(told)) == len(set(values)) or places == MOST_PLACES:
            return told
        places += 1


def _day(case: Case, time: float) -> str:
    if time != time:
        return case.text("compare.flips.never")
    return case.text("compare.flips.day", day=case.text.count(time))


def _reason(case: Case, row: dict[str, Any]) -> str:
    """The term that differs most, and whether it is the account's own or shared."""
    text, kind = case.text, known(row["kind"])
    if not known(row["term"]) or row["term_base"] != row["term_base"]:
        return text("compare.flips.only_kind", kind=text.name("kinds_long", kind)) if kind else ""
    low, high = told_apart(case, [float(row[c]) for c in ("term_base", "term_plan")], 2)
    return text(
        "compare.flips.reason",
        term=text.name("terms", known(row["term"])),
        low=low,
        high=high,
        kind=text.name("kinds_long", kind),
    )


def _money(case: Case, row: dict[str, Any]) -> str:
    value, unit = float(row["value"]), case.currency
    return case.text("compare.flips.money", value=case.signed(value, unit)) if value == value and value else ""
