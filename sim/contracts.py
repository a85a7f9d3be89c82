"""The book of contracts: one row per contract or subscription term."""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.recorder import NONE


@dataclass
class Contract:
    """One row. ``end`` is the agreed end (NaN: open-ended), ``ended`` the actual one (NaN: still alive)."""

    account: int
    contract: int
    product: int
    start: float
    end: float
    amount: int = NONE
    mrr: int = NONE
    tenure: float = 0.0
    ended: float = float("nan")
    outcome: str = "open"


@dataclass
class Contracts:
    """All contracts of one replication, in the order of their start."""

    rows: list[Contract] = field(default_factory=list)
    counts: dict[int, int] = field(default_factory=dict)

    def open(self, row: Contract) -> Contract:
        """Enter a contract. Its number tells account and place among the account's: nobody else's contract moves it."""
        count = self.counts.get(row.account, 0)
        self.counts[row.account] = count + 1
        row.contract = row.account << 16 | count
        self.rows.append(row)
        return row

    @staticmethod
    def close(row: Contract, now: float, outcome: str) -> None:
        """The contract ends: renewed, upgraded, contracted_down, churned or completed."""
        row.ended, row.outcome = now, outcome
