"""The log of a run, in columns. Behaviour appends rows; tables are made of them after the run.

What is recorded is the visit (account, stop, queued, started, finished, outcome), not the activity: events are
unfolded from visits by ``sim.tables``. Rows are packed into one growing buffer, which numpy then reads in place.
Marks are activities that are no visit (payments, touches, signatures with their amount).
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

import numpy as np

NONE = -(2**63)
"""Null of integer money columns while they are being recorded."""

VISIT = np.dtype(
    [
        ("account", "<i4"),
        ("code", "<u2"),
        ("kind", "u1"),
        ("outcome", "u1"),
        ("seat", "<i2"),
        ("channel", "<i2"),
        ("note", "<i2"),
        ("product", "<i2"),
        ("queued", "<f8"),
        ("started", "<f8"),
        ("finished", "<f8"),
        ("amount", "<i8"),
        ("quantity", "<f8"),
    ]
)
_VISIT = Struct("<iHBBhhhhdddqd")

DECISION = np.dtype(
    [
        ("account", "<i4"),
        ("decision", "<u2"),
        ("outcome", "<u2"),
        ("occurrence", "<i8"),
        ("time", "<f8"),
        ("probability", "<f8"),
        ("uniform", "<f8"),
    ]
)
_DECISION = Struct("<iHHqddd")

IS_VISIT, IS_MARK = 0, 1
NOTHING, THEN, OTHERWISE, OPEN = 0, 1, 2, 3
PASSED_BY = -2
"""Seat of a visit that took no time: neither queued nor finished is logged."""
_NAN = float("nan")


@dataclass(frozen=True, eq=False)
class Coded:
    """A column of categories: codes into ``names``, -1 for null."""

    codes: np.ndarray
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True, eq=False)
class Nullable:
    """A column of integers, null where ``valid`` is false."""

    values: np.ndarray
    valid: np.ndarray

    def __len__(self) -> int:
        return len(self.values)


Column = np.ndarray | Coded | Nullable
Table = dict[str, Column]


class Recorder:
    """Buffers of one replication.

    ``notes`` collects the texts of the note column in the order in which they first occur.
    """

    def __init__(self, horizon: float, log_decisions: bool = True) -> None:
        self.horizon = horizon
        self.log_decisions = log_decisions
        self.rows = bytearray()
        self.decision_rows = bytearray()
        self.notes: dict[str, int] = {}

    def note(self, text: str) -> int:
        """Code of a note, -1 for none."""
        return self.notes.setdefault(text, len(self.notes)) if text else -1

    def visit(
        self, account: int, stop: int, outcome: int, seat: int, queued: float, started: float, finished: float
    ) -> None:
        """One visit of a stop, from joining to leaving."""
        self.rows += _VISIT.pack(account, stop, 0, outcome, seat, -1, -1, -1, queued, started, finished, NONE, _NAN)

    def mark(
        self,
        account: int,
        activity: int,
        time: float,
        stop: int = -1,
        note: int = -1,
        amount: int | None = None,
        quantity: float = _NAN,
    ) -> None:
        """One activity that is no visit; ``stop`` is where it happened."""
        cents = NONE if amount is None else amount
        self.rows += _VISIT.pack(account, activity, 1, 0, stop, -1, note, -1, time, time, time, cents, quantity)

    def marks(
        self,
        accounts: np.ndarray,
        activity: int,
        time: float | np.ndarray,
        *,
        note: int = -1,
        amount: np.ndarray | None = None,
        quantity: np.ndarray | None = None,
        channel: np.ndarray | int = -1,
        product: int = -1,
    ) -> None:
        """The same activity for many accounts."""
        rows = np.zeros(len(accounts), VISIT)
        rows["account"], rows["code"], rows["kind"] = accounts, activity, IS_MARK
        rows["seat"], rows["channel"], rows["note"], rows["product"] = -1, channel, note, product
        rows["queued"] = rows["started"] = rows["finished"] = time
        rows["amount"] = NONE if amount is None else amount
        rows["quantity"] = _NAN if quantity is None else quantity
        self.rows += rows.tobytes()

    def decision(
        self, account: int, decision: int, occurrence: int, time: float, drawn: tuple[bool, float, float]
    ) -> None:
        """One decision with its probability and its uniform."""
        if self.log_decisions:
            yes, p, u = drawn
            self.decision_rows += _DECISION.pack(account, decision, yes, occurrence, time, p, u)

    def decisions(
        self, accounts: np.ndarray, decision: int, occurrence: np.ndarray | int, time: float,
        probability: np.ndarray, uniform: np.ndarray,
    ) -> None:  # fmt: skip
        """Decisions with outcome yes for many accounts."""
        if not self.log_decisions:
            return
        rows = np.zeros(len(accounts), DECISION)
        rows["account"], rows["decision"], rows["outcome"], rows["occurrence"] = accounts, decision, 1, occurrence
        rows["time"], rows["probability"], rows["uniform"] = time, probability, uniform
        self.decision_rows += rows.tobytes()

    def visits(self) -> np.ndarray:
        """All rows recorded so far."""
        return np.frombuffer(bytes(self.rows), VISIT)

    def decided(self) -> np.ndarray:
        """All decisions recorded so far."""
        return np.frombuffer(bytes(self.decision_rows), DECISION)
