"""Archives and folders that no bundle of ours is: one line each, nothing written, nothing run."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scenarios import InputError
from scenarios.runs.exports.unpack import is_bundle, unpacked

CONTENTS = {"result/manifest.json": b"{}", "result/study.yaml": b"a: 1\n"}


def listed(contents: Mapping[str, bytes], **changes: Any) -> bytes:
    """The list of an archive of these contents."""
    files = {
        name: {"size": len(content), "digest": hashlib.blake2b(content, digest_size=16).hexdigest()}
        for name, content in contents.items()
    }
    return json.dumps({"bundle": 1, "inputs": {}, "files": files} | changes).encode()


def packed(
    path: Path, contents: Mapping[str, bytes], told: bytes | None = None, method: int = zipfile.ZIP_DEFLATED
) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in {**contents, "bundle.json": told or listed(contents)}.items():
            archive.writestr(name, content)
    return path


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught, unpacked(path):
        pass
    (problem,) = caught.value.problems
    return problem


def test_a_plain_archive_is_unpacked(tmp_path: Path) -> None:
    with unpacked(packed(tmp_path / "x.zip", CONTENTS)) as result:
        assert {file.name for file in result.iterdir()} == {"manifest.json", "study.yaml"}
    assert not result.exists()


@pytest.mark.parametrize(
    ("further", "text"),
    [
        ({"result/a": b"x", "result/a/b": b"y"}, "an unreadable result/a/b"),
        ({"result/a/b": b"y", "result/a": b"x"}, "an unreadable result/a"),
        ({"result": b"x"}, "an unreadable result"),
        ({f"result/{'n' * 300}": b"x"}, "an unreadable result/nnn"),
        ({"result/deep/manifest.json": b"[" * 100_000}, "an unreadable result/deep/manifest.json"),
        ({"result/design.json": b"{1"}, "an unreadable result/design.json"),
    ],
)
def test_entries_that_cannot_lie_side_by_side_or_be_read(tmp_path: Path, further: dict[str, bytes], text: str) -> None:
    assert f"is damaged or not ours, got {text}" in refused(packed(tmp_path / "x.zip", CONTENTS | further))


@pytest.mark.parametrize("told", [b"[" * 100_000, b"[]", b"\xff", b'{"files": 1', b'{"files": {"a": 1}, "inputs": {}}'])
def test_a_list_that_is_none(tmp_path: Path, told: bytes) -> None:
    assert "is no bundle, got no readable bundle.json" in refused(packed(tmp_path / "x.zip", CONTENTS, told))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_entries_that_are_packed_otherwise(tmp_path: Path, method: int) -> None:
    assert "that is packed otherwise" in refused(packed(tmp_path / "x.zip", CONTENTS, method=method))


@pytest.mark.parametrize(("mark", "place", "value"), [(b"PK\1\2", 6, 99), (b"PK\1\2", 8, 1), (b"PK\3\4", 4, 99)])
def test_headers_that_ask_for_another_reader(tmp_path: Path, mark: bytes, place: int, value: int) -> None:
    """A newer version of the format, or a password."""
    path = packed(tmp_path / "x.zip", CONTENTS)
    raw = bytearray(path.read_bytes())
    raw[raw.index(mark) + place] = value
    path.write_bytes(raw)
    if mark == b"PK\3\4":
        with unpacked(path):  # the directory of the archive says what counts
            return
    assert "is no bundle" in refused(path) or "is damaged" in refused(path)


def test_configurations_of_inputs_are_looked_at_too(tmp_path: Path) -> None:
    lines = ["a: &a [1, 1]", *(f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}]" for i in range(3))]
    contents = CONTENTS | {"inputs/0/run/config.yaml": "\n".join(lines).encode()}
    with (
        pytest.raises(InputError, match=r"inputs/0/run/config\.yaml:1: has an anchor or alias"),
        unpacked(packed(tmp_path / "x.zip", contents)),
    ):
        pass


def test_folders_where_files_should_be(tmp_path: Path) -> None:
    place = tmp_path / "there"
    with zipfile.ZipFile(packed(tmp_path / "x.zip", CONTENTS)) as archive:
        archive.extractall(place)
    (place / "result" / "study.yaml").unlink()
    (place / "result" / "study.yaml").mkdir()
    assert 'got no file at "result/study.yaml"' in refused(place)
    shutil.rmtree(place / "result")
    (place / "result").symlink_to("/etc")
    assert "got a link at" in refused(place)


def test_a_name_that_no_file_can_have() -> None:
    assert not is_bundle(Path("n" * 300))
