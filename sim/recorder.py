"""The log of a run, in columns. Behaviour appends rows; tables are made of them after the run.

What is recorded is the visit (account, stop, queued, started, finished, outcome), not the activity: events are
unfolded from visits by ``sim.unfold``. Rows are packed into one growing buffer, which numpy then reads in place.
Marks are activities that are no visit (payments, touches, signatures with their amount); ``after`` is the number of
visits recorded before, so that visits and marks can be put into one order.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

import numpy as np

from sim.spec.opening import History

NONE = -(2**63)
"""Null of integer money columns while they are being recorded."""

VISIT = np.dtype(
    [
        ("account", "<i4"),
        ("code", "<u2"),
        ("seat", "<i2"),
        ("outcome", "<u2"),
        ("queued", "<f8"),
        ("started", "<f8"),
        ("finished", "<f8"),
    ]
)
pack_visit = Struct("<iHhHddd").pack
"""One row of the log: (account, stop, seat, outcome, queued, started, finished)."""
_VISIT_BYTES = VISIT.itemsize

MARK = np.dtype(
    [
        ("account", "<i4"),
        ("code", "<u2"),
        ("stop", "<i2"),
        ("channel", "<i2"),
        ("note", "<i2"),
        ("product", "<i2"),
        ("after", "<i8"),
        ("time", "<f8"),
        ("amount", "<i8"),
        ("quantity", "<f8"),
    ]
)
_pack_mark = Struct("<iHhhhhqdqd").pack

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
_pack_decision = Struct("<iHHqddd").pack

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
        self.keep = self.rows.extend
        self.mark_rows = bytearray()
        self.decision_rows = bytearray()
        self.notes: dict[str, int] = {}

    def note(self, text: str) -> int:
        """Code of a note, -1 for none."""
        return self.notes.setdefault(text, len(self.notes)) if text else -1

    def visit(
        self, account: int, stop: int, outcome: int, seat: int, queued: float, started: float, finished: float
    ) -> None:
        """One visit of a stop, from joining to leaving; stops that everyone passes pack and ``keep`` it themselves."""
        self.keep(pack_visit(account, stop, seat, outcome, queued, started, finished))

    def mark(
        self,
        account: int,
        activity: int,
        time: float,
        stop: int = -1,
        note: int = -1,
        amount: int | None = None,
        quantity: float = _NAN,
        *,
        product: int = -1,
    ) -> None:
        """One activity that is no visit; ``stop`` is where it happened, ``product`` -1 the main one."""
        cents, after = NONE if amount is None else amount, len(self.rows) // _VISIT_BYTES
        self.mark_rows += _pack_mark(account, activity, stop, -1, note, product, after, time, cents, quantity)

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
        rows = np.zeros(len(accounts), MARK)
        rows["account"], rows["code"], rows["time"] = accounts, activity, time
        rows["stop"], rows["channel"], rows["note"], rows["product"] = -1, channel, note, product
        rows["after"] = len(self.rows) // VISIT.itemsize
        rows["amount"] = NONE if amount is None else amount
        rows["quantity"] = _NAN if quantity is None else quantity
        self.mark_rows += rows.tobytes()

    def past(self, history: History, product: np.ndarray) -> None:
        """What had already happened on day 0, at its own time, and the codes of the products that it is about."""
        rows = np.zeros(len(history), MARK)
        for name, column in (("account", "account"), ("code", "activity"), ("stop", "stop"), ("channel", "channel")):
            rows[name] = getattr(history, column)
        rows["time"], rows["quantity"] = history.time, history.quantity
        rows["note"], rows["product"] = -1, product
        rows["after"] = len(self.rows) // VISIT.itemsize
        known = ~np.isnan(history.amount)
        rows["amount"] = np.where(known, np.rint(np.nan_to_num(history.amount)).astype(np.int64), NONE)
        self.mark_rows += rows.tobytes()

    def decision(
        self, account: int, decision: int, occurrence: int, time: float, drawn: tuple[bool, float, float]
    ) -> None:
        """One decision with its probability and its uniform."""
        if self.log_decisions:
            yes, p, u = drawn
            self.decision_rows += _pack_decision(account, decision, yes, occurrence, time, p, u)

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
        """All visits recorded so far."""
        return np.frombuffer(self.rows, VISIT)

    def marked(self) -> np.ndarray:
        """All marks recorded so far."""
        return np.frombuffer(self.mark_rows, MARK)

    def decided(self) -> np.ndarray:
        """All decisions recorded so far."""
        return np.frombuffer(self.decision_rows, DECISION)

    def take_decided(self) -> np.ndarray:
        """All decisions recorded so far, which are then forgotten."""
        found, self.decision_rows = self.decided(), bytearray()
        return found
