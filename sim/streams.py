"""Random numbers under which every customer keeps its fate.

A draw is a function of (seed, replication, account, name of what is decided, occurrence, part) and of nothing
else: not of the order of events, the number of accounts or what other accounts do. Two scenarios therefore
share every draw that they both make.

Occurrences are of five kinds (``Occurrence``):

once
    traits at birth; occurrence 0.
attempt
    the journey of the account and the attempt within it.
period
    an absolute calendar period: month, week or day number, never a running count.
threshold
    one draw per spell, turned into an Exp(1) threshold that an accumulated hazard reaches.
carried
    one draw per spell, used again and again: a repeated yes with chance p happens iff u < p, then u becomes
    u / p, which given u < p is uniform again. Lifetimes are nested whatever the term.

Generator: Philox 4x64 (Salmon et al. 2011), numpy's bit generator. Key: 128-bit BLAKE2b of "tobsim/1" and the
seed. Counter: [account >> 2, occurrence, 64-bit BLAKE2b of the name, replication << 32 | part]; the word of the
block of four is account & 3. numpy steps the counter before it draws, so that block b comes from counter b + 1.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import numpy as np

_STEP = 2.0**-52
BLOCK = 1024
"""Accounts drawn together for the first attempt of the first journey."""
SPARSE = 256
"""Accounts drawn together for later attempts, which fewer accounts reach: as many as a call of numpy costs anyway."""
ATTEMPTS = 1 << 16
"""Attempts within one journey that occurrences can tell apart."""


def attempt(journey: int, count: int) -> int:
    """Occurrence of kind ``attempt``."""
    return journey * ATTEMPTS + count


class Streams:
    """All random numbers of one replication.

    Parameters
    ----------
    seed : int
        0 <= seed < 2**128.
    replication : int
        0 <= replication < 2**31.
    salt : str
        Anything that sets these numbers apart from those of the same seed: what continues a past must not draw
        again what that past has already drawn.

    Raises
    ------
    ValueError
        For a seed or a replication outside these bounds.
    """

    def __init__(self, seed: int, replication: int, salt: str = "") -> None:
        if not (0 <= seed < 2**128 and 0 <= replication < 2**31):
            raise ValueError(f"seed {seed} or replication {replication} is out of bounds")
        key = blake2b(f"tobsim/1{seed}{salt}".encode(), digest_size=16).digest()
        self._philox = np.random.Philox(key=int.from_bytes(key, "little"))
        self._state = self._philox.state
        self._state["buffer_pos"] = 4
        self._counter = self._state["state"]["counter"]
        self._replication = replication << 32
        self._names: dict[int, str] = {}

    def name(self, name: str) -> int:
        """Hash of a name; two names with one hash are an error."""
        code = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")
        if self._names.setdefault(code, name) != name:
            raise ValueError(f"names {name!r} and {self._names[code]!r} share a hash: rename one")
        return code

    def raw(self, code: int, occurrence: int, first: int, n: int, part: int = 0) -> np.ndarray:
        """64-bit words of accounts ``first`` to ``first + n - 1``."""
        block = first >> 2
        self._counter[:] = (block, occurrence, code, self._replication | part)
        self._philox.state = self._state
        words = self._philox.random_raw(4 * (((first + n + 3) >> 2) - block))
        offset = first - 4 * block
        return words[offset : offset + n]

    def uniforms(self, code: int, occurrence: int, first: int, n: int, part: int = 0) -> np.ndarray:
        """Uniforms in (0, 1), neither bound included, of ``n`` accounts from ``first`` on."""
        return ((self.raw(code, occurrence, first, n, part) >> np.uint64(12)) + 0.5) * _STEP

    def of(self, code: int, occurrence: int, accounts: np.ndarray, part: int = 0) -> np.ndarray:
        """Uniforms of the accounts in an index array, in its order."""
        if not accounts.size:
            return np.empty(0)
        first, last = int(accounts.min()), int(accounts.max())
        return self.uniforms(code, occurrence, first, last - first + 1, part)[accounts - first]


class _Blocks(dict[Any, "array[float]"]):
    """Blocks of values by key, drawn when they are first asked for."""

    def __init__(self, draw: Callable[[Any], array[float]]) -> None:
        self._draw = draw

    def __missing__(self, key: Any) -> array[float]:
        block = self[key] = self._draw(key)
        return block


class Draws:
    """Values of one name for single accounts, drawn and transformed a block at a time.

    Parameters
    ----------
    streams : Streams
    name : str
        What is drawn.
    transform : callable
        Maps (uniforms, first account) to an array of values.
    """

    def __init__(
        self, streams: Streams, name: str, transform: Callable[[np.ndarray, int], np.ndarray], part: int = 0
    ) -> None:
        self._streams, self._transform, self._part = streams, transform, part
        self._code = streams.name(name)
        self._first = array("d")
        self._later = _Blocks(lambda key: self._draw(key[0], key[1] << 8, SPARSE))

    def clear(self) -> None:
        """Forget transformed values: parameters have changed. The uniforms stay what they are."""
        self._first = array("d")
        self._later.clear()

    def get(self, account: int, occurrence: int) -> float:
        """Value of one account at one occurrence."""
        if occurrence:
            return self._later[occurrence, account >> 8][account & 255]
        try:
            return self._first[account]
        except IndexError:
            return self._reach(account)

    def _reach(self, account: int) -> float:
        """First value of an account beyond those drawn so far: whole blocks, up to its own."""
        while len(self._first) <= account:
            self._first.extend(self._draw(0, len(self._first), BLOCK))
        return self._first[account]

    def _draw(self, occurrence: int, first: int, n: int) -> array[float]:
        u = self._streams.uniforms(self._code, occurrence, first, n, self._part)
        return array("d", self._transform(u, first).tobytes())
