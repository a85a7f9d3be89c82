"""What a panel of the report is made of: cards, charts, tables, notes. The template draws each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class Card:
    """One headline figure."""

    label: str
    value: str
    unit: str
    note: str
    mark: str = ""


@dataclass(frozen=True)
class Cards:
    """Headline figures side by side."""

    kind: ClassVar[str] = "cards"
    cards: Sequence[Card]


@dataclass(frozen=True)
class Chart:
    """One chart: a plotly figure with its heading, its unit, and a sentence that says what it shows.

    ``height`` is in pixels; 0 leaves it to the page.
    """

    id: str
    title: str
    unit: str
    note: str
    figure: dict[str, Any]
    height: int = 0


@dataclass(frozen=True)
class Charts:
    """Charts side by side where there is room; ``wide`` gives each the full width."""

    kind: ClassVar[str] = "charts"
    charts: Sequence[Chart]
    wide: bool = False


@dataclass(frozen=True)
class Span:
    """A figure with its interval on a scale on which the plausible range is the middle half."""

    left: float
    width: float
    dot: float


@dataclass(frozen=True)
class Cell:
    """One cell of a table; ``look`` is a style class, ``heat`` a share that colours it."""

    text: str
    note: str = ""
    look: str = ""
    heat: float | None = None
    span: Span | None = None


@dataclass(frozen=True)
class Table:
    """A table; the columns from ``numbers`` on are right-aligned. ``folded`` hides it behind its title."""

    kind: ClassVar[str] = "table"
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    note: str = ""
    numbers: int = 1
    folded: bool = False
    dense: bool = False


@dataclass(frozen=True)
class Shares:
    """Parts of a whole as one bar with a legend: (name, count, share)."""

    kind: ClassVar[str] = "shares"
    parts: Sequence[tuple[str, str, float]]


@dataclass(frozen=True)
class Facts:
    """Names with what they stand for; ``code`` sets the second in type for code, ``folded`` hides all."""

    kind: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, str]]
    title: str = ""
    code: bool = False
    folded: bool = False


@dataclass(frozen=True)
class Notes:
    """Lines under a title; ``folded`` hides them behind it."""

    kind: ClassVar[str] = "notes"
    title: str
    lines: Sequence[str]
    folded: bool = False


Block = Cards | Charts | Table | Shares | Facts | Notes


@dataclass(frozen=True)
class Panel:
    """A section of the report: what it is about, what it says, how to read it."""

    key: str
    title: str
    headline: str
    lead: str
    blocks: Sequence[Block] = field(default_factory=tuple)

    @property
    def charts(self) -> list[Chart]:
        """All charts of the panel."""
        return [chart for block in self.blocks if isinstance(block, Charts) for chart in block.charts]
