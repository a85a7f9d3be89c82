"""Parts of a terminal screen: lines of plain text, printed in a given number of columns."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType


def printed(parts: Sequence[RenderableType], columns: int, colour: bool) -> str:
    """The parts as text of so many columns, without spaces at the ends of lines; plain strings as they are."""
    from rich.console import Console

    file = io.StringIO()
    console = Console(
        file=file, width=columns, force_terminal=colour, color_system="standard" if colour else None,
        highlight=False, markup=False, emoji=False, legacy_windows=False,
    )  # fmt: skip
    for part in parts:
        if isinstance(part, str):
            file.write(f"{part}\n")
        else:
            console.print(part)
    return "\n".join(line.rstrip() for line in file.getvalue().rstrip().split("\n"))


def printable(label: str) -> str:
    """A text without control characters, which a terminal would obey, and with plain spaces only."""
    return "".join(c if c.isprintable() else " " for c in label)


def line(text: str, style: str = "") -> RenderableType:
    """One text in one style; whatever a terminal would obey is taken out."""
    from rich.text import Text

    return Text(printable(text), style=style)


def bullet(text: str) -> RenderableType:
    """An indented text that may take several lines."""
    from rich.padding import Padding

    return Padding(line(text), (0, 0, 0, 2))


def whole(text: str) -> str:
    """An indented text on one line however long, to be copied: a path."""
    return f"  {printable(text)}"


def cut(text: str, style: str = "", indent: int = 2) -> RenderableType:
    """A text on one line, cut where the screen ends."""
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(printable(text), style=style, no_wrap=True, overflow="ellipsis"), (0, 0, 0, indent))
