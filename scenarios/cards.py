"""What a result shows of itself in a notebook: what it is, a few rows, where the rest is.

Plain HTML: everything escaped, no script, nothing from outside.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

ROWS = 12
"""Rows of a table that are shown."""

WHOLE = 999.5
"""What three digits would round to a thousand is shown as a whole number."""


def card(what: str, frame: pd.DataFrame | None = None, columns: Sequence[str] = (), rest: str = "") -> str:
    """A result in a notebook.

    Parameters
    ----------
    what : str
        What it is, one line or several.
    frame : DataFrame, optional
        Rows in order of interest; the first few are shown.
    columns : sequence of str, optional
        Columns to show, as far as there are any; all of them without it.
    rest : str, optional
        Where the rest is, for example ``all in .summary``.

    Returns
    -------
    str
        HTML.
    """
    lines = [f"<p>{html.escape(line)}</p>" for line in what.splitlines()]
    if frame is not None and len(frame):
        chosen = [name for name in columns if name in frame] or list(frame)
        lines.append(_table(frame[chosen].head(ROWS)))
        count = f"{ROWS} of {len(frame)} rows" if len(frame) > ROWS else ""
        note = "; ".join(filter(None, [count, rest]))
        lines.append(f"<p><small>{html.escape(note)}</small></p>" * bool(note))
    return "<div>" + "\n".join(lines) + "</div>"


def _table(frame: pd.DataFrame) -> str:
    return str(frame.to_html(index=False, escape=True, na_rep="", border=0, float_format=figure))


def figure(value: float, digits: int = 3) -> str:
    """A number as a reader takes it in: whole above a thousand, three digits below, or as many as are asked for."""
    return f"{value:,.0f}" if abs(value) >= WHOLE else f"{value:.{digits}g}"
