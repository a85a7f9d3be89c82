"""The opening files together: one account is one row over all of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from scenarios.errors import InputError
from scenarios.intake.places import Places
from scenarios.intake.rows import WHERE, Content, Rejected, Row, read_rows
from scenarios.intake.shape import BALANCES
from sim.spec import StudySpec
from sim.spec.opening_source import OPENING_FILES, OpeningSource
from sim.spec.revenue import BY_TERM, RevenueSpec
from sim.units import DAYS_PER_MONTH

ACCOUNTS = ("customers", "opportunities", "leads")
"""Files whose rows are accounts, in the order of the population."""

Found = tuple[int, str, str]
"""A row to put aside: its place, the column, the reason."""


@dataclass
class Reading:
    """What the opening files say.

    Attributes
    ----------
    contents : dict
        By file; a file that is not named is not there.
    places : Places
    """

    contents: dict[str, Content]
    places: Places
    warnings: list[str] = field(default_factory=list)

    def rows(self, name: str) -> list[Row]:
        """Rows of a file, none where it is not named."""
        return self.contents[name].rows if name in self.contents else []

    @property
    def rejects(self) -> tuple[Rejected, ...]:
        """All rows put aside, by file and line."""
        return tuple(found for name in self.contents for found in sorted(self.contents[name].rejects))

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of every file by the key that names it."""
        return {f"{WHERE}.{name}.path": content.digest for name, content in self.contents.items()}


def read_files(source: OpeningSource, spec: StudySpec) -> Reading:
    """Read all files of an opening and put aside what cannot be used.

    Raises
    ------
    InputError
        For a file that is no such table, or one with too many rows to put aside.
    """
    places = Places(spec)
    contents, problems = {}, []
    for name in OPENING_FILES:
        file = getattr(source, name)
        if file is None:
            continue
        try:
            contents[name] = read_rows(name, file, spec.horizon.start, names(name, places))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    found = Reading(contents, places)
    for check in (_needs, _dates, _once):
        check(found)
    for content in contents.values():
        content.check(source.max_rejected)
        found.warnings += content.warnings
    for content in contents.values():
        if content.rejects:
            count = f"{len(content.rejects)} of {content.total} rows"
            found.warnings.append(f"{content.where}.path: has {count} that are put aside; see rejects.csv of the run")
    return found


def names(name: str, places: Places) -> dict[str, list[str]]:
    """Names that coded columns of a file may bear."""
    spec = places.spec
    stages = {"customers": places.customers, "opportunities": places.deals, "leads": places.leads}
    return {
        "product": [part.product for part in spec.business.revenue.values()],
        "segment": list(spec.market.segments),
        "channel": list(spec.market.channels),
        "desk": list(spec.policy.desks),
        "account": list(BALANCES),
        "stage": list(stages.get(name, [])),
    }


def stage_of(name: str, row: Row, places: Places) -> str:
    """The stop at which the account of a row stands."""
    if row["stage"] >= 0:
        stops = places.customers if name == "customers" else places.deals if name == "opportunities" else places.leads
        return stops[row["stage"]]
    if name == "customers":
        return places.rest(row["segment"], not math.isnan(row["renewal_date"]))
    return places.first_deal if name == "opportunities" else places.first_lead


def _needs(found: Reading) -> None:
    """Customers say what they are worth and how long they are bound, where the business asks for it."""
    if "customers" not in found.contents:
        return
    content, places = found.contents["customers"], found.places
    parts = list(places.spec.business.revenue.values())

    def lacking() -> Iterator[Found]:
        for place, row in enumerate(content.rows):
            part = parts[max(row["product"], 0)]
            stop = stage_of("customers", row, places)
            term = places.term(stop)
            if part.kind == "project":
                yield place, "product", f"is {part.product}, a project; only what runs on stands in an opening file"
            elif part.kind in BY_TERM and math.isnan(row["arr"]):
                yield place, "arr", "is empty; what a subscription brings in a year"
            elif stop in under_way(places, part) and math.isnan(row["amount"]):
                yield place, "amount", f"is empty; the order that stands at {stop}"
            elif (term or part.kind in BY_TERM) and math.isnan(row["renewal_date"]) and math.isnan(row["start"]):
                yield place, "renewal_date", "is empty, as is start; one of them"

    content.put_aside(list(lacking()))


def under_way(places: Places, part: RevenueSpec) -> set[str]:
    """Stops at which an order of a part is under way; none for parts that are no orders."""
    if part.kind not in ("unit_sale", "staff_hours"):
        return set()
    delivered = getattr(part, "delivered", None)
    work = getattr(part, "stop", None)
    begins = [name for name in (getattr(part, "starts", None), getattr(part, "repeats", "reordered")) if name]
    ends = {work} if work else set(places.emitters(delivered)) if delivered else set()
    return places.between(begins, lambda name: name in ends)


def _dates(found: Reading) -> None:
    """What ends does not do so before it began, nor lies too far from the opening."""
    places = found.places

    def wrong(name: str) -> Iterator[Found]:
        first = {"customers": "start", "opportunities": "opened", "leads": "created"}[name]
        for place, row in enumerate(found.rows(name)):
            if row["entered"] < row[first]:
                yield place, "entered", f"lies before {first}"
            elif name == "customers" and row["renewal_date"] <= row["start"]:
                yield place, "renewal_date", "does not lie after start"
            elif name == "customers" and (reason := _term_reason(row, places)):
                yield place, "renewal_date", reason

    for name in ACCOUNTS:
        if name in found.contents:
            found.contents[name].put_aside(list(wrong(name)))


def _term_reason(row: Row, places: Places) -> str:
    """Why a renewal date fits no term, or an empty text."""
    term = term_of(row, places)
    if term is None or math.isnan(row["renewal_date"]):
        return ""
    if row["renewal_date"] < -term:
        return "lies more than a term before the opening"
    if row["renewal_date"] > term + 7 and math.isnan(row["start"]):
        return "lies more than a term ahead, and start is empty"
    return ""


def term_of(row: Row, places: Places) -> float | None:
    """Length in days of the terms that the customer of a row signs; None: it is bound to none."""
    part = list(places.spec.business.revenue.values())[max(row["product"], 0)]
    if part.kind in BY_TERM:
        return float(part.term_months) * DAYS_PER_MONTH
    return places.term(stage_of("customers", row, places))


def _once(found: Reading) -> None:
    """An account that is a customer is no open deal and no lead, and an open deal is no lead."""
    taken: dict[str, str] = {}
    for name in ACCOUNTS:
        if name not in found.contents:
            continue
        twice = (
            (place, "external_id", f"stands in {taken[row['external_id']]} as well")
            for place, row in enumerate(found.rows(name))
            if row["external_id"] in taken
        )
        found.contents[name].put_aside(list(twice))
        taken.update({row["external_id"]: name for row in found.rows(name)})
