"""One archive of a result: its folder, the files it was made from, the program, its pins, and how to make it again."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scenarios.errors import InputError, shown
from scenarios.runs.claim import ASSEMBLED, LOCK, unwritable
from scenarios.runs.files import STAGED, checksum, write_atomic
from scenarios.runs.manifest import NAME, read_entries, versions
from scenarios.runs.sets import SETS

CONTENT, PINS, GUIDE = "bundle.json", "requirements.txt", "README.md"
RESULT, INPUTS, PROGRAM = "result", "inputs", "program"
"""What lies in an archive: three files and three folders."""

VERSION = 1
"""Version of the layout of an archive."""

EXPORTS = "export"
"""Folder of a result that holds what was handed to other programs."""

LEFT_OUT = (EXPORTS, LOCK, SETS, ASSEMBLED)

CODE = ("sim", "scenarios", "analysis", "conf")
BESIDE = ("pyproject.toml", "constraints.txt", "LICENSE", "README.md", "CITATION.cff")
"""Folders and files of the program that go into an archive."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""Time of every entry, the first that the format knows, so that equal contents make equal bytes."""

GUIDE_TEXT = """# {name}

What `{command}` made, with all that is needed to make it again.

| | |
|---|---|
| `result/` | the folder as it was written: manifest, configuration, tables |
| `inputs/` | the files and runs that it was made from, if there are any |
| `program/` | the program |
| `requirements.txt` | the versions that it was made with, on Python {python} |
| `bundle.json` | digest of every file here (BLAKE2b, 16 bytes) |

Every table again, and whether it is the same, in an environment of its own:

```bash
python{minor} -m venv env
env/bin/python -m pip install -r requirements.txt
PYTHONPATH=program env/bin/python -m scenarios reproduce .
```

The last command ends with `identical`, or names the first value that differs. It does not touch `result/`. With tobsim
installed, `tobsim reproduce ARCHIVE` does the same.
"""


def write_bundle(folder: Path, inputs: Mapping[str, Path], out: Path | None = None) -> Path:
    """Write the archive of a result.

    Parameters
    ----------
    folder : Path
        A folder that a verb wrote, complete.
    inputs : mapping
        Files and run folders that it was made from, by their paths as the configuration names them.
    out : Path, optional
        The archive, which must not exist; ``FOLDER/export/bundle.zip``, replaced, without it.

    Returns
    -------
    Path
        The archive; the same result and program make the same bytes.

    Raises
    ------
    InputError
        If the result is not complete, or the archive cannot be there.
    """
    record = read_entries(folder)
    if record.get("status") != "complete":
        raise InputError([f"{folder}: has nothing to bundle, got status {shown(record.get('status'))}; finish it"])
    target = folder / EXPORTS / "bundle.zip" if out is None else out
    try:
        target = _target(folder, out)
        files, texts = _contents(folder, inputs, record)
        write_atomic(target, lambda staged: _pack(staged, files, texts))
    except OSError as error:
        raise unwritable(target, error) from None
    return target


def _target(folder: Path, out: Path | None) -> Path:
    if out is None:
        (folder / EXPORTS).mkdir(exist_ok=True)
        return folder / EXPORTS / "bundle.zip"
    if out.exists() or out.is_symlink():
        raise InputError([f"out: exists, got {out}; another file"])
    if not out.parent.is_dir():
        raise InputError([f"out: lies in no folder, got {out}; a file in a folder that exists"])
    if out.resolve().is_relative_to(folder.resolve()):
        raise InputError([f"out: lies in the folder itself, got {out}; a file beside it"])
    return out


def _contents(
    folder: Path, inputs: Mapping[str, Path], record: Mapping[str, Any]
) -> tuple[dict[str, Path], dict[str, str]]:
    """Files and texts of an archive by name; what is in it stands in ``bundle.json``."""
    files = {f"{RESULT}/{name}": path for name, path in _kept(folder)}
    places = {text: _place(number, path) for number, (text, path) in enumerate(sorted(inputs.items()))}
    for text, place in places.items():
        path = inputs[text]
        files |= {f"{place}/{name}": file for name, file in _kept(path)} if path.is_dir() else {place: path}
    files |= {f"{PROGRAM}/{name}": path for name, path in program()}
    pinned = record.get("versions") or versions()
    name = folder.resolve().name
    texts = {PINS: _pins(pinned), GUIDE: _guide(name, record, pinned)}
    told = {name: {"size": path.stat().st_size, "digest": checksum(path)} for name, path in sorted(files.items())}
    told |= {name: _told(text) for name, text in texts.items()}
    content = {"bundle": VERSION, "name": name, "verb": record.get("verb"), "inputs": places, "files": told}
    return files, texts | {CONTENT: json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"}


def _kept(folder: Path) -> Iterator[tuple[str, Path]]:
    """Files of a result by their names in it, without those of work in progress and of exports."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not path.is_symlink() and path.suffix != STAGED and not _left_out(folder, parts):
            yield "/".join(parts), path


def _left_out(folder: Path, parts: tuple[str, ...]) -> bool:
    """Whether a part is work in progress or an export of the result it lies in; a plan may be called like one."""
    return any(part in LEFT_OUT and folder.joinpath(*parts[:place], NAME).is_file() for place, part in enumerate(parts))


def _place(number: int, path: Path) -> str:
    """Where an input lies: its last names are kept, which tell runs of one name apart."""
    parts = path.resolve().parts[1:]
    return "/".join((INPUTS, str(number), *parts[-3:]))


def program() -> Iterator[tuple[str, Path]]:
    """Files of the program by their names in it."""
    root = Path(__file__).parents[3]
    found = [root / name for name in BESIDE if (root / name).is_file()]
    found += [path for name in CODE for path in sorted((root / name).rglob("*")) if path.is_file()]
    for path in found:
        parts = path.relative_to(root).parts
        if "__pycache__" not in parts and not any(part.startswith(".") for part in parts):
            yield "/".join(parts), path


def _pins(pinned: Mapping[str, str]) -> str:
    lines = [f"{name}=={version}" for name, version in sorted(pinned.items()) if name not in ("python", "tobsim")]
    return "\n".join([f"# Python {pinned.get('python', '')}", *lines]) + "\n"


def _guide(name: str, record: Mapping[str, Any], pinned: Mapping[str, str]) -> str:
    python = pinned.get("python", "")
    minor = ".".join(python.split(".")[:2])
    return GUIDE_TEXT.format(name=name, command=" ".join(record["command"].split()), python=python, minor=minor)


def _told(text: str) -> dict[str, Any]:
    raw = text.encode()
    return {"size": len(raw), "digest": hashlib.blake2b(raw, digest_size=16).hexdigest()}


def _pack(path: Path, files: Mapping[str, Path], texts: Mapping[str, str]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted({*files, *texts}):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".parquet") else zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as target:
                if name in texts:
                    target.write(texts[name].encode())
                else:
                    with files[name].open("rb") as source:
                        shutil.copyfileobj(source, target)
