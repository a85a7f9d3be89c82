"""Where the state at the start is read from, as data: files of the user's own, or another run on a day."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sim.spec.fields import FORBID_EXTRA, number


@dataclass(frozen=True, kw_only=True)
class OpeningFile:
    """A CSV file or a sheet of an xlsx workbook.

    ``columns`` maps our names to theirs, where those differ; ``values`` maps a column of ours to its values, each with
    the texts that mean it there. Amounts are written with ``decimal``, ``thousands`` between groups of digits and
    perhaps ``currency`` before or after them.
    """

    __pydantic_config__ = FORBID_EXTRA
    path: str
    columns: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    date_format: str = "%Y-%m-%d"
    encoding: str = "utf-8"
    delimiter: str = ","
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""
    currency: str = ""
    sheet: str | None = None


@dataclass(frozen=True, kw_only=True)
class OpeningSource:
    """The state at ``horizon.start``: what files say, or where a run stood on that day.

    ``max_rejected`` is the share of a file's rows that may be put aside; above it nothing is run. ``run`` is a run
    folder and ``date`` the day of it (null: ``horizon.start``); every replication begins where its own number stood
    then, or all where ``replication`` did.
    """

    __pydantic_config__ = FORBID_EXTRA
    customers: OpeningFile | None = None
    opportunities: OpeningFile | None = None
    leads: OpeningFile | None = None
    staff: OpeningFile | None = None
    balances: OpeningFile | None = None
    max_rejected: float = number("1", "share of a file's rows that may be put aside", low=0, high=1, default=0.01)
    run: str | None = None
    date: str | None = None
    replication: int | None = number("1", "replication of the run that all begin from", low=0, default=None)


OPENING_FILES = ("customers", "opportunities", "leads", "staff", "balances")
"""Fields of ``OpeningSource`` that name a file."""
