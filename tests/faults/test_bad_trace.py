"""First contacts from a file: what is kept exactly, and what is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from scenarios.errors import InputError
from scenarios.studies.compose import compose
from scenarios.studies.study import Study

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
GOOD = "id,day,channel\n007,2025-01-02,search\nNA,2025-03-01,\nnull,2025-01-02,unknown\n"


def trace(path: Path | str, **settings: object) -> Study:
    """The small study with first contacts from a file."""
    columns = {"external_id": "id", "date": "day", "channel": "channel"}
    spec = {"kind": "trace", "path": str(path), "columns": columns, **settings}
    return compose("mini", ["effects=none"], config_dir=MINI).with_({"market.first_contacts": spec})


def write(tmp_path: Path, content: str | bytes, name: str = "leads.csv") -> Path:
    """A file with this content."""
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def problems_of(path: Path | str, **settings: object) -> list[str]:
    """What is wrong with a trace."""
    with pytest.raises(InputError) as caught:
        trace(path, **settings)
    return caught.value.problems


def test_rows_are_accounts_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Ids as text, days from the start, blank channels named; the number of accounts is that of the rows."""
    study = trace(write(tmp_path, GOOD))
    contacts = study.timeline.contacts
    assert contacts is not None
    assert contacts.external_id == ("007", "NA", "null")
    assert contacts.day.tolist() == [1, 59, 1]
    assert [list(study.config["market"]["channels"])[i] for i in contacts.channel] == ["search", "unknown", "unknown"]
    assert contacts.segment is None
    assert not contacts.exact
    assert study.timeline.spec.market.accounts == study.config["market"]["accounts"] == 3
    row = next(row for row in study.inputs if row["key"] == "market.accounts")
    assert (row["value"], row["origin"]) == (3, "yours")


def test_accounts_given_beside_a_file_do_nothing(tmp_path: Path) -> None:
    """And that is said."""
    study = trace(write(tmp_path, GOOD)).with_({"market.accounts": 9})
    assert study.config["market"]["accounts"] == 3
    assert any(warning.startswith("market.accounts: does nothing") for warning in study.warnings)


def test_the_digest_follows_the_content_not_the_path(tmp_path: Path) -> None:
    """A file may be moved, not changed."""
    first = trace(write(tmp_path, GOOD))
    moved = trace(write(tmp_path, GOOD, "moved.csv"))
    changed = trace(write(tmp_path, GOOD.replace("007", "008"), "changed.csv"))
    assert first.digest == moved.digest != changed.digest


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_declared_encodings(tmp_path: Path, encoding: str) -> None:
    """UTF-8 with and without byte order mark need no declaration."""
    path = write(tmp_path, GOOD.replace("007", "客户甲").encode(encoding))
    study = trace(path) if encoding.startswith("utf-8") else trace(path, encoding=encoding)
    assert study.timeline.contacts is not None
    assert study.timeline.contacts.external_id[0] == "客户甲"


def test_times_are_kept_where_the_format_has_them(tmp_path: Path) -> None:
    """Half past noon is half a day and a bit."""
    path = write(tmp_path, "id,day,channel\na,02/01/2025 12:00,search\n")
    contacts = trace(path, date_format="%d/%m/%Y %H:%M").timeline.contacts
    assert contacts is not None
    assert contacts.exact
    assert contacts.day.tolist() == [1.5]


def test_segments_may_come_from_the_file(tmp_path: Path) -> None:
    """As indices into the market's segments."""
    columns = {"external_id": "id", "date": "day", "channel": "channel", "segment": "size"}
    path = write(tmp_path, "id,day,channel,size\na,2025-01-02,search,large\nb,2025-01-03,search,small\n")
    contacts = trace(path, columns=columns).timeline.contacts
    assert contacts is not None
    assert contacts.segment is not None
    np.testing.assert_array_equal(contacts.segment, [1, 0])
    bad = write(tmp_path, "id,day,channel,size\na,2025-01-02,search,larg\nb,2025-01-03,search,\n", "bad.csv")
    problems = problems_of(bad, columns=columns)
    assert len(problems) == 2
    assert "did you mean large?" in problems[1]


def test_without_a_channel_column_all_are_blank(tmp_path: Path) -> None:
    """Blank is a named channel."""
    contacts = trace(write(tmp_path, GOOD), columns={"external_id": "id", "date": "day"}).timeline.contacts
    assert contacts is not None
    assert contacts.channel.tolist() == [1, 1, 1]


BAD = [
    (b"", "path", "is empty"),
    (b"id,day,channel\n", "path", "has a header and no rows"),
    (b"name,day,channel\na,2025-01-02,search\n", "columns.external_id", '(found: "name", "day", "channel")'),
    (b"id,dya,channel\na,2025-01-02,search\n", "columns.date", 'did you mean dya? (found: "id", "dya", "channel")'),
    (b"id,day,day,channel\na,2025-01-02,2025-01-03,search\n", "path", "a column is there twice"),
    (b"id;day;channel\na;2025-01-02;search\n", "columns.date", "separated by ;"),
    (b"id,day,channel\na,2025-01-02\nb,2025-01-02,search,x\n", "path", "cells of the header, got lines 2, 3"),
    (b'id,day,channel\n"a,2025-01-02,search\n', "path", "is no CSV"),
    (b"id,day,channel\n\xff\xfe\xe9,2025-01-02,search\n", "encoding", "byte 0xff in line 2"),
    (b"id,day,channel\na\0,2025-01-02,search\n", "path", "NUL"),
    (b"id,day,channel\na,02.01.2025,search\nb,soon,search\n", "columns.date", '"soon" in line 3'),
    (b"id,day,channel\na,2024-12-31,search\n", "columns.date", "horizon.start=2024-12-31 or earlier"),
    (b"id,day,channel\na,2028-01-01,search\n", "columns.date", "horizon.days=1096 or more"),
    (b"id,day,channel\na,2025-01-02,search\na,2025-01-02,search\n", "columns.external_id", '"a" in line 3; one row'),
    (b"id,day,channel\na,2025-01-02,search\na,2025-02-02,search\n", "columns.external_id", "different cells"),
    (b"id,day,channel\n ,2025-01-02,search\n", "columns.external_id", "is empty, got line 2"),
    (b"id,day,channel\na,2025-01-02,serch\n", "columns.channel", "did you mean search? (known: search, unknown)"),
]


@pytest.mark.parametrize(("content", "where", "words"), BAD, ids=[case[2][:30] for case in BAD])
def test_a_wrong_file_is_one_line(tmp_path: Path, content: bytes, where: str, words: str) -> None:
    """With the key, the lines and what would be right."""
    problems = [p for p in problems_of(write(tmp_path, content)) if p.startswith(f"market.first_contacts.{where}: ")]
    assert len(problems) == 1, problems
    assert words in problems[0]
    assert "\n" not in problems[0]


def test_mistakes_of_all_rows_are_reported_at_once(tmp_path: Path) -> None:
    """One line per kind of mistake, with the first rows and the number of the rest."""
    rows = "".join(f"{i},2025-13-01,search\n" for i in range(20))
    problems = problems_of(write(tmp_path, f"id,day,channel\n{rows}3,2025-01-01,nowhere\n"))
    assert [p.split(":")[0].rsplit(".", 1)[1] for p in problems] == ["external_id", "date", "channel"]
    assert "and 15 more" in problems[1]


@pytest.mark.parametrize(
    ("settings", "where", "words"),
    [
        ({"date_format": "%z"}, "date_format", "is no format of a local date"),
        ({"date_format": "day"}, "date_format", "is no format of a local date"),
        ({"encoding": "klingon"}, "encoding", 'is unknown, got "klingon"'),
        ({"blank_channel": "unknwn"}, "blank_channel", "did you mean unknown?"),
        ({"columns": {"external_id": "id"}}, "columns.date", "is missing"),
        ({"columns": {"external_id": "id", "date": "day", "chanel": "x"}}, "columns.chanel", "did you mean channel?"),
    ],
)
def test_a_wrong_setting_is_one_line(tmp_path: Path, settings: dict[str, object], where: str, words: str) -> None:
    """The key of the setting is named."""
    problems = problems_of(write(tmp_path, GOOD), **settings)
    assert len(problems) == 1, problems
    assert problems[0].startswith(f"market.first_contacts.{where}: ")
    assert words in problems[0]


@pytest.mark.parametrize("path", ["", "/nowhere/leads.csv", "/tmp"])
def test_a_path_that_is_no_file(path: str) -> None:
    """It says what should be there."""
    problems = problems_of(path)
    assert len(problems) == 1
    assert problems[0].startswith("market.first_contacts.path: ")
    assert json.dumps(path) in problems[0]


def test_a_path_that_is_not_given() -> None:
    """Null, and left out."""
    for path in ("path: null, ", ""):
        spec = f"{{kind: trace, {path}columns: {{external_id: id, date: day}}}}"
        with pytest.raises(InputError) as caught:
            compose("mini", ["effects=none", f"market.first_contacts={spec}"], config_dir=MINI)
        assert [p.split(":")[0] for p in caught.value.problems] == ["market.first_contacts.path"]
        assert "of a file" in caught.value.problems[0]
