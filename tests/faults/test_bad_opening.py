"""Opening files that are wrong: one line and nothing run, or rows put aside with the reason."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from scenarios import compose
from scenarios.errors import InputError
from scenarios.intake import workbook
from scenarios.studies.study import Study

CUSTOMERS = "external_id,segment,arr,start,renewal_date\n"
GOOD = f"{CUSTOMERS}007,small,1200,2024-02-01,2025-02-01\nNA,medium,2400,2024-03-01,2025-03-01\n"
DEALS = "external_id,stage,amount,opened\n"


def write(tmp_path: Path, content: str | bytes, name: str = "customers.csv") -> Path:
    """A file with this content."""
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def opened(path: Path, name: str = "customers", **settings: object) -> Study:
    """A study that begins with one file; rows may be put aside unless a setting says otherwise."""
    most = settings.pop("max_rejected", 1)
    changes = {f"market.opening.{name}": {"path": str(path), **settings}, "market.opening.max_rejected": most}
    return compose("tool", ["effects=none"]).with_(changes)


def problems_of(path: Path, name: str = "customers", **settings: object) -> list[str]:
    """What is wrong with a file."""
    with pytest.raises(InputError) as caught:
        opened(path, name, **settings)
    assert all("\n" not in problem for problem in caught.value.problems)
    return caught.value.problems


BROKEN = [
    (b"", "path", "is empty"),
    (CUSTOMERS.encode(), "path", "has a header and no rows"),
    (b"id,arr\na,1200\n", "columns.external_id", '(found: "id", "arr")'),
    (b"external_id,arr,arr\na,1,2\n", "path", "a column is there twice"),
    (b"external_id;arr\na;1200\n", "columns.external_id", "separated by ;"),
    (b'external_id,arr\n"a,1200\n', "path", "is no CSV"),
    (b"external_id,arr\n\xff\xe9,1200\n", "encoding", "byte 0xff in line 2"),
    (b"external_id,arr\na\0,1200\n", "path", "NUL"),
    (b"PK\x03\x04 and no workbook", "path", "is no workbook"),
    (b"external_id,arr,start\na,1200,03/04/2024\nb,1200,05/06/2024\n", "date_format", "%d/%m/%Y or %m/%d/%Y"),
    (b"external_id,segment,arr,start\na,smal,1200,2024-01-01\n", "columns.segment", "did you mean small?"),
    (b"external_id,stage,arr,start\na,Live,1200,2024-01-01\n", "columns.stage", 'values.stage: {NAME: ["Live"]}'),
]


@pytest.mark.parametrize(("content", "where", "words"), BROKEN, ids=[case[2][:24] for case in BROKEN])
def test_a_wrong_file_is_one_line(tmp_path: Path, content: bytes, where: str, words: str) -> None:
    """With the key, what was found and what would be right."""
    problems = problems_of(write(tmp_path, content))
    assert len(problems) == 1, problems
    assert problems[0].startswith(f"market.opening.customers.{where}: ")
    assert words in problems[0]


ASIDE = [
    ("x,small,1200,2024-01-01", "", "has 4 cells, the header 5"),
    (",small,1200,2024-01-01,2025-01-05", "external_id", "is empty"),
    ("x,small,-1200,2024-01-01,2025-01-05", "arr", "is not above zero"),
    ("x,small,0,2024-01-01,2025-01-05", "arr", "is not above zero"),
    ("x,small,1000000000000000,2024-01-01,2025-01-05", "arr", "is beyond 1e15"),
    ('x,small,"$1,200.50",2024-01-01,2025-01-05', "arr", "is no number (a currency needs currency: '$')"),
    ('x,small,"1,200.50",2024-01-01,2025-01-05', "arr", "is no number (groups of digits need thousands: ',')"),
    ('x,small,"1200,50",2024-01-01,2025-01-05', "arr", "is no number (a decimal comma needs decimal: ',')"),
    ("x,small,,2024-01-01,2025-01-05", "arr", "is empty; what a subscription brings in a year"),
    ("x,small,1200,,", "renewal_date", "is empty, as is start; one of them"),
    ("x,small,1200,2024-13-01,2025-01-05", "start", "is no date of the form %Y-%m-%d"),
    ("x,small,1200,2025-01-02,2025-06-05", "start", "lies after the opening"),
    ("x,small,1200,2024-06-01,2024-05-01", "renewal_date", "does not lie after start"),
    ("x,small,1200,2020-06-01,2023-05-01", "renewal_date", "lies more than a term before the opening"),
    ("x,small,1200,,2027-05-01", "renewal_date", "lies more than a term ahead, and start is empty"),
    ("007,small,9999,2024-02-01,2025-02-01", "external_id", "is there twice with different cells"),
]


@pytest.mark.parametrize(("row", "column", "reason"), ASIDE, ids=[case[2][:30] for case in ASIDE])
def test_a_row_that_cannot_be_used_is_put_aside(tmp_path: Path, row: str, column: str, reason: str) -> None:
    """The others stand; nothing is lost: every row is either used or among the rejects."""
    taken = opened(write(tmp_path, f"{GOOD}{row}\n")).taken
    assert taken is not None
    kept = len(taken.opening.external_id)
    assert {(found.column, found.reason) for found in taken.rejects} == {(column, reason)}
    assert kept + len(taken.rejects) == 3
    assert taken.rejects[-1].line == 4
    assert any("put aside" in warning for warning in taken.warnings)


def test_too_many_rows_to_put_aside(tmp_path: Path) -> None:
    """One line with the count, the reasons, the lines and the share that would let them pass."""
    path = write(tmp_path, f"{GOOD}x,small,-1,2024-01-01,\ny,small,no,2024-01-01,\nz,small,-5,2024-01-01,\n")
    (problem,) = problems_of(path, max_rejected=0.5)
    assert "got 3 of 5 that cannot be used (arr is not above zero: 2, arr is no number: 1; lines 4, 5, 6)" in problem
    assert problem.endswith("market.opening.max_rejected=0.6")
    assert opened(path, max_rejected=0.6).taken is not None


def test_one_row_too_many_for_the_default(tmp_path: Path) -> None:
    """One in a hundred may be put aside, one in ninety-nine not."""
    rows = [f"c{i},small,1200,2024-02-01,2025-02-01\n" for i in range(99)]
    bad = "x,small,-1,2024-01-01,\n"
    assert opened(write(tmp_path, CUSTOMERS + "".join(rows) + bad), max_rejected=0.01).taken is not None
    (problem,) = problems_of(write(tmp_path, CUSTOMERS + "".join(rows[1:]) + bad), max_rejected=0.01)
    assert "got 1 of 99 that cannot be used" in problem


def test_exact_doubles_are_dropped_and_counted(tmp_path: Path) -> None:
    """A row that is there three times counts once, and is no reject."""
    taken = opened(write(tmp_path, GOOD + 2 * (GOOD.splitlines()[1] + "\n"))).taken
    assert taken is not None
    assert taken.opening.external_id == ("007", "NA")
    assert not taken.rejects
    assert any("has rows twice, got 2 (lines 4, 5)" in warning for warning in taken.warnings)


def test_an_account_is_one_row_over_all_files(tmp_path: Path) -> None:
    """A customer's open deal and a deal's lead are put aside."""
    study = compose("tool", ["effects=none"]).with_({
        "market.opening.customers.path": str(write(tmp_path, GOOD)),
        "market.opening.opportunities.path": str(
            write(tmp_path, f"{DEALS}007,,,2024-12-01\no,,,2024-12-01\n", "deals.csv")
        ),
        "market.opening.leads.path": str(
            write(tmp_path, "external_id,created\no,2024-11-01\nl,2024-11-01\n", "leads.csv")
        ),
        "market.opening.max_rejected": 0.5,
    })  # fmt: skip
    assert study.taken is not None
    assert study.taken.opening.external_id == ("007", "NA", "o", "l")
    assert [found.reason for found in study.taken.rejects] == [
        "stands in customers as well", "stands in opportunities as well",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "where", "words"),
    [
        ({"date_format": "%z"}, "date_format", "is no format of a local date"),
        ({"encoding": "klingon"}, "encoding", "is unknown"),
        ({"delimiter": ";;"}, "delimiter", "must be one character"),
        ({"sheet": "Deals"}, "sheet", "is no workbook"),
        ({"thousands": "."}, "thousands", "is the decimal sign as well"),
        ({"columns": {"revenue": "arr"}}, "columns.revenue", "is no column of customers"),
        ({"columns": {"arr": "ACV"}}, "columns.arr", "is no column of the file"),
        ({"values": {"segment": {"tiny": ["S"]}}}, "values.segment.tiny", "is no segment here"),
        ({"values": {"arr": {"tiny": ["S"]}}}, "values.arr", "is no column of names"),
    ],
)
def test_a_wrong_setting_is_one_line(tmp_path: Path, settings: dict[str, object], where: str, words: str) -> None:
    """The key of the setting is named."""
    problems = problems_of(write(tmp_path, GOOD), **settings)
    assert len(problems) == 1, problems
    assert problems[0].startswith(f"market.opening.customers.{where}: ")
    assert words in problems[0]


def test_mail_addresses_are_not_read_and_said(tmp_path: Path) -> None:
    """Neither as a column nor, without a word, as ids."""
    text = "external_id,arr,start,E-Mail\na@b.example,1200,2024-01-01,c@d.example\n"
    warnings = opened(write(tmp_path, text)).warnings
    assert any('has a column of e-mail addresses, got "E-Mail"; it is not read' in warning for warning in warnings)
    assert any("columns.external_id: holds e-mail addresses" in warning for warning in warnings)


def test_a_column_that_was_probably_meant(tmp_path: Path) -> None:
    """An optional column under another name is not silently left out."""
    text = "external_id,arr,start,renewal date\na,1200,2024-01-01,2025-06-01\n"
    (warning,) = opened(write(tmp_path, text)).warnings
    assert "columns.renewal_date if that is meant" in warning


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workbook that says it holds too much is refused before it is read."""
    monkeypatch.setattr(workbook, "MAX_CONTENT", 10**6)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bomb:
        for sheet in range(5):
            bomb.writestr(f"xl/worksheets/sheet{sheet}.xml", b"0" * 300_000)
    assert len(buffer.getvalue()) < 10_000
    (problem,) = problems_of(write(tmp_path, buffer.getvalue(), "bomb.xlsx"))
    assert "is too large once unpacked, got 1500000 bytes; at most 1000000" in problem


def test_a_file_that_is_written_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of it may be old and half new."""
    path = write(tmp_path, GOOD)
    read = Path.read_bytes

    def slow(self: Path) -> bytes:
        raw = read(self)
        if self == path:
            self.write_text(GOOD + "more,small,1,2024-01-01,2025-01-01\n")
        return raw

    monkeypatch.setattr(Path, "read_bytes", slow)
    (problem,) = problems_of(path)
    assert "changed while it was read" in problem


def test_a_market_must_hold_more_than_the_files(tmp_path: Path) -> None:
    """Otherwise nobody is left to win."""
    with pytest.raises(InputError) as caught:
        opened(write(tmp_path, GOOD)).with_({"market.accounts": 2})
    assert caught.value.problems == [
        "market.accounts: is too small, got 2 beside 2 accounts of the opening files; 3 or more"
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"market.opening.run": "/nowhere"}, "run: is no run folder"),
        ({"market.opening.date": "2025-01-01"}, "date: is for a run"),
        ({"market.opening.replication": 3}, "replication: is for a run"),
        ({"market.opening": {}}, "names nothing to begin with"),
        ({"market.opening.custmers.path": "a.csv"}, "did you mean customers?"),
        ({"market.opening.customers.path": "/nowhere.csv"}, "path: does not exist"),
    ],
)
def test_a_wrong_opening_is_one_line(changes: dict[str, object], words: str) -> None:
    """Whatever is named."""
    with pytest.raises(InputError) as caught:
        compose("tool", ["effects=none"]).with_(changes)
    assert len(caught.value.problems) == 1
    assert words in caught.value.problems[0]


def test_an_opening_beside_first_contacts_from_a_file(tmp_path: Path) -> None:
    """Both would say who the accounts are."""
    contacts = write(tmp_path, "id,day\na,2025-01-02\n", "contacts.csv")
    columns = {"external_id": "id", "date": "day"}
    trace = {"kind": "trace", "path": str(contacts), "columns": columns, "blank_channel": "search"}
    with pytest.raises(InputError) as caught:
        opened(write(tmp_path, GOOD)).with_({"market.first_contacts": trace})
    assert caught.value.problems == [
        "market.opening: does not go with first contacts from a file, got both; one of them"
    ]
