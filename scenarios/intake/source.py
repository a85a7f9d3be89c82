"""A file that a configuration names, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A file as a configuration names it.

    Attributes
    ----------
    where : str
        Key of the configuration that holds ``path``, ``encoding`` and ``columns``.
    what : str
        What the file should be, in a message.
    date_format, decimal : str
        How the dates and numbers of a workbook, which have no form of their own, are written as text.
    """

    where: str
    path: str
    what: str
    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: str | None = None
    date_format: str = "%Y-%m-%d"
    decimal: str = "."
