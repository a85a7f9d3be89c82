"""Random numbers: the generator itself, its addresses, and that no address serves two purposes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import numpy as np
import pytest

from sim import streams
from sim.population import population
from sim.simulate import simulate
from sim.streams import ATTEMPTS, Draws, Streams, attempt
from tests.fixtures.studies import KINDS, build, changed, study, timeline, two_products

WORD = 2**64 - 1
ROUND_A, ROUND_B = 0xD2E7470EE14C6C93, 0xCA5A826395121157
WEYL_A, WEYL_B = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B


def philox(counter: list[int], key: list[int]) -> list[int]:
    """Philox 4x64 with ten rounds, in plain integers (Salmon et al. 2011, section 3)."""
    a, b, c, d = counter
    k, m = key
    for _ in range(10):
        high_a, low_a = divmod(a * ROUND_A, 2**64)
        high_c, low_c = divmod(c * ROUND_B, 2**64)
        a, b, c, d = high_c ^ b ^ k, low_c, high_a ^ d ^ m, low_a
        k, m = (k + WEYL_A) & WORD, (m + WEYL_B) & WORD
    return [a, b, c, d]


def word(seed: int, replication: int, name: str, occurrence: int, account: int, part: int) -> int:
    """The 64-bit word of one address, by the definition and without numpy; numpy steps the counter first."""
    key = blake2b(f"tobsim/1{seed}".encode(), digest_size=16).digest()
    code = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")
    counter = [(account >> 2) + 1, occurrence, code, replication << 32 | part]
    halves = [int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")]
    return philox(counter, halves)[account & 3]


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ([0] * 4, [0] * 2, "16554d9eca36314c db20fe9d672d0fdc d7e772cee186176b 7e68b68aec7ba23b"),
        ([WORD] * 4, [WORD] * 2, "87b092c3013fe90b 438c3c67be8d0224 9cc7d7c69cd777b6 a09caebf594f0ba0"),
        (
            [0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89],
            [0x452821E638D01377, 0xBE5466CF34E90C6C],
            "a528f45403e61d95 38c72dbd566e9788 a5a1610e72fd18b5 57bd43b5e52b7fe6",
        ),
    ],
)
def test_the_plain_generator_gives_the_published_answers(counter: list[int], key: list[int], expected: str) -> None:
    assert philox(counter, key) == [int(part, 16) for part in expected.split()]


@pytest.mark.parametrize("account", [0, 1, 2, 3, 4, 1023, 1024, 4_999, 2**31])
@pytest.mark.parametrize(("occurrence", "part"), [(0, 0), (attempt(3, 2), 0), (24_312, 5)])
def test_words_are_those_of_the_definition(account: int, occurrence: int, part: int) -> None:
    source = Streams(12345678901234567890, 7)
    drawn = source.raw(source.name("decision.sign"), occurrence, account, 6, part)
    expected = [word(12345678901234567890, 7, "decision.sign", occurrence, account + i, part) for i in range(6)]
    assert drawn.tolist() == expected


def test_where_a_block_starts_is_irrelevant() -> None:
    source = Streams(1, 0)
    code = source.name("x")
    whole = source.raw(code, 9, 0, 300)
    for first in range(0, 40):
        for n in (1, 2, 3, 5, 64):
            assert source.raw(code, 9, first, n).tolist() == whole[first : first + n].tolist()
    chosen = np.array([7, 299, 0, 7, 130])
    assert source.of(code, 9, chosen).tolist() == source.uniforms(code, 9, 0, 300)[chosen].tolist()
    assert source.of(code, 9, np.empty(0, int)).size == 0


def test_order_of_draws_is_irrelevant() -> None:
    one, other = Streams(1, 0), Streams(1, 0)
    first = [one.raw(one.name(name), 0, 5, 9).tolist() for name in ("a", "b", "c")]
    again = [other.raw(other.name(name), 0, 5, 9).tolist() for name in ("c", "a", "b", "a")]
    assert [again[1], again[2], again[0]] == first
    assert again[1] == again[3]


@pytest.mark.parametrize("raw", [0, WORD, 1 << 12, (1 << 12) - 1])
def test_uniforms_are_never_0_or_1(raw: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def words(*_: Any) -> np.ndarray:
        return np.array([raw], np.uint64)

    monkeypatch.setattr(Streams, "raw", words)
    source = Streams(1, 0)
    assert 0.0 < source.uniforms(source.name("x"), 0, 0, 1)[0] < 1.0


def test_uniforms_are_uniform() -> None:
    source = Streams(3, 0)
    u = source.uniforms(source.name("x"), 0, 0, 40_000)
    counts = np.bincount((u * 100).astype(int), minlength=100)
    assert ((counts - 400) ** 2 / 400).sum() < 165
    assert abs(np.corrcoef(u[1:], u[:-1])[0, 1]) < 4 / np.sqrt(40_000)


def test_names_that_share_a_hash_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Same:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def digest(self) -> bytes:
            return b"12345678"

    source = Streams(1, 0)
    monkeypatch.setattr(streams, "blake2b", Same)
    source.name("one")
    source.name("one")
    with pytest.raises(ValueError, match="'two' and 'one' share a hash"):
        source.name("two")


@pytest.mark.parametrize("other", [Streams(2, 0), Streams(1, 1), Streams(2**127, 0), Streams(1, 2**31 - 1)])
def test_seeds_and_replications_differ(other: Streams) -> None:
    one = Streams(1, 0)
    left, right = (s.uniforms(s.name("x"), 0, 0, 20_000) for s in (one, other))
    assert not np.isin(left, right).any()
    assert abs(np.corrcoef(left, right)[0, 1]) < 4 / np.sqrt(20_000)


@pytest.mark.parametrize(("seed", "replication"), [(-1, 0), (2**128, 0), (1, -1), (1, 2**31)])
def test_seeds_and_replications_have_bounds(seed: int, replication: int) -> None:
    with pytest.raises(ValueError, match="out of bounds"):
        Streams(seed, replication)


def test_totals_of_neighbouring_seeds_are_uncorrelated() -> None:
    def totals(seed: int) -> np.ndarray:
        sources = (Streams(seed, r) for r in range(400))
        return np.array([s.uniforms(s.name("x"), 0, 0, 1000).sum() for s in sources])

    for seed in (7, 100):
        assert abs(np.corrcoef(totals(seed), totals(seed + 1))[0, 1]) < 4 / np.sqrt(400)


def test_occurrences_tell_journeys_and_attempts_apart() -> None:
    keys = {attempt(journey, count) for journey in range(30) for count in (*range(30), ATTEMPTS - 1)}
    assert len(keys) == 30 * 31


def test_draws_are_the_uniforms_of_the_same_address() -> None:
    source = Streams(1, 0)
    draws = Draws(source, "decision.x", lambda u, first: u)
    code = source.name("decision.x")
    for account in (0, 63, 64, 1023, 1024, 5000):
        for occurrence in (0, 1, ATTEMPTS, 24_300):
            assert draws.get(account, occurrence) == source.uniforms(code, occurrence, account, 1)[0]


def test_cleared_draws_are_transformed_anew_from_the_same_uniforms() -> None:
    factor = [1.0]
    draws = Draws(Streams(1, 0), "x", lambda u, first: u * factor[0])
    before = [draws.get(5, 0), draws.get(5, 3)]
    factor[0] = 2.0
    assert [draws.get(5, 0), draws.get(5, 3)] == before
    draws.clear()
    assert [draws.get(5, 0), draws.get(5, 3)] == [2 * value for value in before]


def test_transform_is_told_the_first_account() -> None:
    draws = Draws(Streams(1, 0), "x", lambda u, first: first + np.arange(len(u), dtype=float))
    for account in (0, 70, 1500):
        assert draws.get(account, 0) == draws.get(account, 2) == account


def test_population_of_5000_is_the_prefix_of_8000() -> None:
    small, large = (population(build(study(accounts=n)).market, Streams(4, 2)) for n in (5000, 8000))
    for name in ("segment", "industry", "region", "employees", "need", "fit"):
        assert getattr(small, name)[:5000].tolist() == getattr(large, name)[:5000].tolist()
    assert small.external_id == large.external_id[:5000]
    assert (small.size, large.size) == (5000, 8000)


def test_order_of_groups_in_the_market_moves_nobody() -> None:
    document = study(accounts=3000)
    turned = changed(document, {
        f"market.{groups}": dict(reversed(document["market"][groups].items()))
        for groups in ("segments", "industries", "regions")
    })  # fmt: skip
    one, other = (population(build(d).market, Streams(1, 0)) for d in (document, turned))
    for column, names in (("segment", "segments"), ("industry", "industries"), ("region", "regions")):
        left, right = (np.array(getattr(p, names), object)[getattr(p, column)] for p in (one, other))
        assert left.tolist() == right.tolist()
    assert one.employees.tolist() == other.employees.tolist()


Address = tuple[str, int, int, int]


class Ledger:
    """Who used which address: addresses by (name, occurrence, account, part), with the users of each."""

    def __init__(self) -> None:
        self.users: defaultdict[Address, set[object]] = defaultdict(set)
        self.twice: set[Address] = set()
        self.quiet = 0

    def use(self, user: object, name: str, occurrence: int, accounts: list[int], part: int) -> None:
        seen: set[int] = set()
        for account in accounts:
            address = (name, int(occurrence), account, part)
            self.users[address].add(user)
            if account in seen:
                self.twice.add(address)
            seen.add(account)

    def shared(self) -> set[Address]:
        """Addresses with more than one user, or used for two things at once."""
        return self.twice | {address for address, users in self.users.items() if len(users) > 1}


def hushed(method: Callable[..., Any], ledger: Ledger) -> Callable[..., Any]:
    """The same method, during which block reads do not count as uses."""

    def call(*arguments: Any, **named: Any) -> Any:
        ledger.quiet += 1
        try:
            return method(*arguments, **named)
        finally:
            ledger.quiet -= 1

    return call


@contextmanager
def audited(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """Enter every use of a random number: single values of blocks, index arrays, whole ranges."""
    ledger, get, of, raw = Ledger(), Draws.get, Streams.of, Streams.raw

    def audited_get(self: Draws, account: int, occurrence: int) -> float:
        name = self._streams._names[self._code]
        ledger.use(self, name, occurrence, [account], self._part)
        return hushed(get, ledger)(self, account, occurrence)

    def audited_of(self: Streams, code: int, occurrence: int, accounts: np.ndarray, part: int = 0) -> np.ndarray:
        if not ledger.quiet:
            ledger.use(object(), self._names[code], occurrence, accounts.tolist(), part)
        return hushed(of, ledger)(self, code, occurrence, accounts, part)

    def audited_raw(self: Streams, code: int, occurrence: int, first: int, n: int, part: int = 0) -> np.ndarray:
        if not ledger.quiet:
            ledger.use(object(), self._names[code], occurrence, list(range(first, first + n)), part)
        return raw(self, code, occurrence, first, n, part)

    with monkeypatch.context() as patch:
        patch.setattr(Draws, "get", audited_get)
        patch.setattr(Streams, "of", audited_of)
        patch.setattr(Streams, "raw", audited_raw)
        yield ledger


STUDIES = {kind: study(kind) for kind in KINDS} | {"two products": two_products()}


@pytest.mark.parametrize("name", STUDIES)
def test_no_address_serves_two_purposes_within_a_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One draw, one uniform: what was read once may be read again only by the one that read it."""
    with audited(monkeypatch) as ledger:
        simulate(timeline(STUDIES[name]), 1, 0)
    assert len(ledger.users) > 10_000
    assert sorted(ledger.shared()) == []


def test_the_audit_sees_an_address_that_is_used_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    with audited(monkeypatch) as ledger:
        source = Streams(1, 0)
        one, other = (Draws(source, "x", lambda u, first: u) for _ in range(2))
        one.get(3, 0), one.get(3, 0), other.get(4, 0)
        assert not ledger.shared()
        other.get(3, 0)
        source.of(source.name("y"), 1, np.array([8, 8]))
        source.uniforms(source.name("z"), 1, 0, 8)
        source.uniforms(source.name("z"), 1, 7, 1)
    assert ledger.shared() == {("x", 0, 3, 0), ("y", 1, 8, 0), ("z", 1, 7, 0)}
