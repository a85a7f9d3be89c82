"""First contacts that were read from a file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Contacts:
    """One account per element.

    Attributes
    ----------
    external_id : tuple of str
        The id as it stands in the file.
    day : float array
        Whole days from the start of the horizon (the hour is drawn within working time), or exact times.
    channel : int array
        Index into the market's channels.
    segment : int array or None
        Index into the market's segments; None: drawn by the segments' shares.
    exact : bool
        True: ``day`` holds times, used as they are.
    """

    external_id: tuple[str, ...]
    day: np.ndarray
    channel: np.ndarray
    segment: np.ndarray | None = None
    exact: bool = False
