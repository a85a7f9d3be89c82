"""Double entry in integer minor units: every flow debits one account of the books and credits another.

One posting holds both sides and a positive amount, so that the books balance by construction; what is tested is
that the balances say what the contracts say.
"""

from __future__ import annotations

import numpy as np

from sim.events import LEDGER_CODE

POSTING = np.dtype(
    [
        ("time", "<f8"),
        ("account", "<i4"),
        ("contract", "<i8"),
        ("product", "<i2"),
        ("cost_centre", "<i2"),
        ("debit", "<i2"),
        ("credit", "<i2"),
        ("memo", "<i2"),
        ("amount", "<i8"),
    ]
)


OPENING = "opening balance"
"""Memo of postings that carry the state at the start into the books."""


class Ledger:
    """The books of one replication."""

    def __init__(self) -> None:
        self._rows: list[np.ndarray] = []
        self.memos: dict[str, int] = {}
        self.centres: dict[str, int] = {}

    def post(
        self,
        time: float,
        debit: str,
        credit: str,
        amount: np.ndarray | int,
        memo: str,
        *,
        account: np.ndarray | int = -1,
        contract: np.ndarray | int = -1,
        product: int = -1,
        centre: str = "",
    ) -> None:
        """Post amounts (minor units); zeros are left out, negative ones change sides."""
        amounts = np.atleast_1d(np.asarray(amount, np.int64))
        rows = np.zeros(len(amounts), POSTING)
        rows["time"], rows["account"], rows["contract"], rows["product"] = time, account, contract, product
        rows["cost_centre"] = self.centres.setdefault(centre, len(self.centres)) if centre else -1
        rows["memo"] = self.memos.setdefault(memo, len(self.memos))
        forward = amounts > 0
        rows["debit"] = np.where(forward, LEDGER_CODE[debit], LEDGER_CODE[credit])
        rows["credit"] = np.where(forward, LEDGER_CODE[credit], LEDGER_CODE[debit])
        rows["amount"] = np.abs(amounts)
        self._rows.append(rows[amounts != 0])

    def owed(self, name: str, accounts: np.ndarray) -> np.ndarray:
        """Credit balances of some companies in one account of the books, minor units."""
        rows = self.postings()
        rows = rows[rows["account"] >= 0]
        side = (rows["credit"] == LEDGER_CODE[name]).astype(np.int64) - (rows["debit"] == LEDGER_CODE[name])
        size = int(max(accounts.max(initial=0), rows["account"].max(initial=0))) + 1
        sums = np.zeros(size, np.int64)
        np.add.at(sums, rows["account"], side * rows["amount"])
        return sums[accounts].astype(float)

    def balances(self) -> dict[str, int]:
        """Debit balance of every account of the books that was posted to, minor units."""
        rows = self.postings()
        sums = np.zeros(len(LEDGER_CODE), np.int64)
        np.add.at(sums, rows["debit"], rows["amount"])
        np.subtract.at(sums, rows["credit"], rows["amount"])
        return {name: int(sums[code]) for name, code in LEDGER_CODE.items() if sums[code]}

    def postings(self) -> np.ndarray:
        """All postings in the order in which they were made."""
        return np.concatenate(self._rows) if self._rows else np.zeros(0, POSTING)
