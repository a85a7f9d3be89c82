"""A case: one account on its way, and the one event that it ever has in the heap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.streams import ATTEMPTS

if TYPE_CHECKING:
    from sim.journey.stop import Stop
    from sim.revenue.offers import Offers


class Case:
    """The account's reusable event: SimPy calls ``callbacks`` when its time has come.

    Whoever schedules it sets ``callbacks`` first and its time, ``due``; it is scheduled at most once. A customer has
    a further case for every product that is being offered to it: ``offers`` says by whom, None on its own journey.
    """

    __slots__ = (
        "_defused",
        "_value",
        "account",
        "attempt",
        "callbacks",
        "carried",
        "channel",
        "counts",
        "due",
        "journey",
        "occurrence",
        "offers",
        "queued",
        "seat",
        "started",
        "stop",
        "tries",
    )
    _ok = True

    def __init__(self, account: int, channel: int) -> None:
        self.account, self.channel = account, channel
        self.callbacks: Any = None
        self.stop: Stop = None  # type: ignore[assignment]
        self.journey = self.occurrence = self.attempt = self.tries = 0
        self.queued = self.started = self.due = 0.0
        self.seat = -1
        self.offers: Offers | None = None
        self.carried: dict[str, float] | None = None
        self.counts: dict[int, int] | None = None

    def next_journey(self) -> None:
        """A new journey: fresh draws from here on."""
        self.journey += 1
        self.occurrence = self.journey * ATTEMPTS
        self.carried = self.counts = None
