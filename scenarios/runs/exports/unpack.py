"""Read a bundle, an archive or the folder it was unpacked into: nothing in it is believed before it was looked at."""

from __future__ import annotations

import hashlib
import json
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from scenarios.errors import InputError, shown
from scenarios.runs.claim import CONFIG, SOURCE, read_config
from scenarios.runs.exports.bundle import CONTENT, INPUTS, RESULT, VERSION
from scenarios.runs.files import write_text
from scenarios.runs.halt import is_full
from scenarios.runs.manifest import NAME
from scenarios.runs.store import config_text
from scenarios.studies.raw import scan_file

ENTRIES, TOLD = 200_000, 2**26
"""Most entries of an archive, and most bytes of the list of them."""

SWELL, FREE = 200, 2**26
"""How many times its size an archive may grow to, beyond so many bytes; tables as text shrink twentyfold at most."""

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How the entries of a bundle are packed; readers of other methods fail in ways of their own."""

CHUNK = 2**20
"""Bytes that are read at once."""

DESIGN = "design.json"
"""File of a sweep that names what its points were made from."""

BROKEN = (zipfile.BadZipFile, zlib.error)
"""What is raised by a damaged archive alone."""

Open = Callable[[str], IO[bytes]]


def is_bundle(path: Path) -> bool:
    """Whether a path is that of a file, which only an archive may be, or of the folder of an unpacked one."""
    try:
        return path.is_file() or (path / CONTENT).is_file()
    except OSError:  # a name that no file can have
        return False


@contextmanager
def unpacked(path: Path, *, placed: bool = True) -> Iterator[Path]:
    """The result in a bundle, in a folder that is removed afterwards.

    Parameters
    ----------
    path : Path
        An archive, or the folder it was unpacked into, which is not changed.
    placed : bool
        Whether configurations name the inputs where they lie now, so that the result can be made again; otherwise
        every file is as it was written.

    Raises
    ------
    InputError
        If it is no bundle of ours, is damaged, or holds names or sizes that no bundle has.
    """
    with tempfile.TemporaryDirectory(prefix="tobsim-") as place, _reading(path) as open_:
        root = Path(place)
        content = _content(path, open_)
        for name, told in content["files"].items():
            if name.split("/")[0] in (RESULT, INPUTS):
                _copy(path, name, told, open_, root / name)
        if not (root / RESULT / NAME).is_file():
            raise _damaged(path, f"no {RESULT}/{NAME}")
        _scan(path, root)
        if placed and content["inputs"]:
            _put_in_place(root / RESULT, {text: str(root / name) for text, name in content["inputs"].items()})
        yield root / RESULT


@contextmanager
def _reading(path: Path) -> Iterator[Open]:
    """What opens an entry by its name, after a look at all names and sizes."""
    if path.is_dir():
        yield lambda name: _member(path, name).open("rb")
        return
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        text = error.strerror if isinstance(error, OSError) else "a file of another kind"
        raise _no_bundle(path, text) from None
    with archive:
        _check_entries(path, archive.infolist())
        yield archive.open


def _member(path: Path, name: str) -> Path:
    file = path / name
    if file.is_symlink() or not file.resolve().is_relative_to(path.resolve()):
        raise _damaged(path, f"a link at {shown(name)}")
    if file.exists() and not file.is_file():
        raise _damaged(path, f"no file at {shown(name)}")
    return file


def _check_entries(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename for entry in entries]
    if len(entries) > ENTRIES:
        raise _damaged(path, f"{len(entries)} entries")
    for entry in entries:
        if not _is_plain(entry.filename) or stat.S_ISLNK(entry.external_attr >> 16):
            raise _damaged(path, f"an entry {shown(entry.filename)}")
        if entry.compress_type not in METHODS or entry.flag_bits & 1:
            raise _damaged(path, f"an entry {shown(entry.filename)} that is packed otherwise")
    if doubled := len(names) - len(set(names)):
        raise _damaged(path, f"{doubled} names twice")
    total, size = sum(entry.file_size for entry in entries), path.stat().st_size
    if total > max(FREE, SWELL * size):
        raise _damaged(path, f"{size} bytes that become {total}")


def _is_plain(name: str) -> bool:
    """Whether a name is that of a file below a folder, wherever it is unpacked."""
    parts = name.split("/")
    odd = "\\" in name or "\0" in name or ":" in parts[0]
    return bool(name) and not odd and not PurePosixPath(name).is_absolute() and not {"", ".", ".."} & set(parts)


def _content(path: Path, open_: Open) -> dict[str, Any]:
    """The list of what is in a bundle, checked."""
    try:
        with open_(CONTENT) as stream:
            content = json.loads(stream.read(TOLD))
        files, inputs = content["files"], content["inputs"]
        plain = all(_is_plain(name) for name in (*files, *inputs.values()))
        sound = plain and all(isinstance(told["size"], int) and told["digest"] for told in files.values())
        known = all(any(f"{name}/".startswith(f"{place}/") for name in files) for place in inputs.values())
    except InputError:
        raise
    except (OSError, EOFError, KeyError, ValueError, TypeError, AttributeError, RuntimeError, *BROKEN):
        raise _no_bundle(path, f"no readable {CONTENT}") from None
    if content.get("bundle") != VERSION:
        raise _no_bundle(path, f"layout {shown(content.get('bundle'))}")
    if not sound or not known:
        raise _damaged(path, f"another {CONTENT}")
    return dict(content)


def _copy(path: Path, name: str, told: Mapping[str, Any], open_: Open, target: Path) -> None:
    """Copy an entry, which must be what the list says of it."""
    digest, size = hashlib.blake2b(digest_size=16), 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open_(name) as source, target.open("xb") as stream:
            while size <= told["size"] and (block := source.read(CHUNK)):
                digest.update(block)
                size += len(block)
                stream.write(block)
    except InputError:
        raise
    except (KeyError, FileNotFoundError):
        raise _damaged(path, f"no {name}") from None
    except OSError as error:
        if is_full(error):
            text = "is too large for the folder of temporary files"
            raise InputError([f"{path}: {text}, got {error.strerror}; TMPDIR, a folder with room"]) from None
        raise _damaged(path, f"an unreadable {name}") from None
    except (EOFError, RuntimeError, ValueError, *BROKEN):
        raise _damaged(path, f"an unreadable {name}") from None
    if (size, digest.hexdigest()) != (told["size"], told["digest"]):
        raise _damaged(path, f"another {name}")


def _scan(path: Path, root: Path) -> None:
    """Refuse configurations that would swell when they are read, of inputs too, and what is no JSON."""
    files = [file for name in (CONFIG, SOURCE) for file in sorted(root.rglob(name))]
    problems = [text for file in files for text in scan_file(file, str(file.relative_to(root)))]
    if problems:
        raise InputError(problems)
    for file in (file for name in (NAME, DESIGN) for file in sorted(root.rglob(name))):
        try:
            json.loads(file.read_bytes())
        except (ValueError, RecursionError):
            raise _damaged(path, f"an unreadable {file.relative_to(root)}") from None


def _put_in_place(result: Path, inputs: Mapping[str, str]) -> None:
    """Let configurations and manifests name the inputs where they lie now."""
    for file in sorted(result.rglob(SOURCE)):
        write_text(file, config_text(_renamed(read_config(file.parent, SOURCE), inputs)))
    for file in (result / DESIGN, result / NAME):
        if file.is_file():
            write_text(file, json.dumps(_renamed(json.loads(file.read_text("utf-8")), inputs), ensure_ascii=False))


def _renamed(node: Any, inputs: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _renamed(value, inputs) for key, value in node.items()}
    if isinstance(node, list):
        return [_renamed(value, inputs) for value in node]
    return inputs.get(node, node) if isinstance(node, str) else node


def _no_bundle(path: Path, got: str | None) -> InputError:
    return InputError([f"{path}: is no bundle, got {got}; a folder of tobsim, or what export format=bundle wrote"])


def _damaged(path: Path, got: str) -> InputError:
    return InputError([f"{path}: is damaged or not ours, got {got}; the bundle as export format=bundle wrote it"])
