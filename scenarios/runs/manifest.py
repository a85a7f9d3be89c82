"""The manifest of a run folder: what was run, by what, when, and the digests of what came out."""

from __future__ import annotations

import json
import os
import platform
import re
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from scenarios.errors import InputError, shown
from scenarios.runs.files import write_text

VERBS = ("run", "compare", "sweep", "forecast", "optimise")
"""Commands that write a folder with a manifest."""

SCHEMA_VERSION = 1
"""Version of the layout of a run folder; raised when a file or column changes its meaning."""

NAME = "manifest.json"


@dataclass
class Manifest:
    """Content of ``manifest.json``.

    Attributes
    ----------
    status : str
        ``running`` while replications are simulated, ``assembled`` once their tables are in place,
        ``complete`` when summary, forecast and report are there too.
    replications, requested : int
        Finished replications in the tables, and how many were asked for.
    settings : dict
        The configuration that shapes what is derived from the tables (forecast, report).
    files : dict
        By file name: ``rows``, ``digest`` (of the values) and ``checksum`` (of the bytes, here and now).
    parts : dict
        By replication: digest of the values of every table.
    failures : list
        One row per failed replication: replication, seed, type, message, command.
    """

    verb: str
    business: str
    study_digest: str
    seed: int
    requested: int
    schema_version: int = SCHEMA_VERSION
    status: str = "running"
    replications: int = 0
    command: str = ""
    overrides: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    platform: str = ""
    cpu: dict[str, Any] = field(default_factory=dict)
    times: dict[str, Any] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    steps: int = 0
    warnings: list[str] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def done(self) -> list[int]:
        """Numbers of the replications in the tables, in order."""
        return sorted(int(number) for number in self.parts)

    def stamp(self) -> None:
        """Note the machine and the programs of now."""
        self.versions, self.platform, self.cpu = versions(), platform.platform(), cpu()

    def write(self, folder: Path) -> None:
        """Put the manifest into ``folder`` in one step."""
        write_text(folder / NAME, json.dumps(asdict(self), indent=1, ensure_ascii=False, sort_keys=True) + "\n")


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a run folder.

    Raises
    ------
    InputError
        If there is none, it cannot be read, or a newer version of the program wrote it.
    """
    return _manifest(f"{folder / NAME}", read_entries(folder))


def read_entries(folder: Path) -> dict[str, Any]:
    """Entries of the manifest of a folder that any verb wrote.

    Raises
    ------
    InputError
        If there is none, it cannot be read, a newer version of the program wrote it, or its verb is none of ``VERBS``.
    """
    where = f"{folder / NAME}"
    try:
        content = json.loads((folder / NAME).read_text("utf-8"))
        version = content["schema_version"]
    except OSError as error:
        raise InputError([f"{where}: cannot be read, got {error.strerror}; the folder of a run"]) from None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InputError([f"{where}: is damaged or not ours, got no schema_version; the folder of a run"]) from None
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise InputError(
            [f"{where}: is newer than this program, got schema_version {version}; at most {SCHEMA_VERSION}"]
        )
    if (verb := content.get("verb", VERBS[0])) not in VERBS:
        raise InputError([f"{where}: is of an unknown verb, got {shown(verb)}; {', '.join(VERBS)}"])
    return dict(content)


def _manifest(where: str, content: dict[str, Any]) -> Manifest:
    known = {item.name for item in fields(Manifest)}
    try:
        return Manifest(**{key: value for key, value in content.items() if key in known})
    except TypeError:
        pass
    if content.get("verb") == "compare":
        plans = [f"{name}/{each}" for name, told in content.get("businesses", {}).items() for each in told["scenarios"]]
        raise InputError([f"{where}: is of several runs, got a comparison; one of them: {', '.join(plans)}"])
    if content.get("verb") == "forecast":
        raise InputError([f"{where}: is of forecasts, got the folder of tobsim forecast; the folder of a run"])
    if content.get("verb") == "sweep":
        raise InputError([f"{where}: is of a sweep, got the folder of tobsim sweep; the folder of a run"])
    if content.get("verb") == "optimise":
        raise InputError([f"{where}: is of a search, got the folder of tobsim optimise; the folder of a run"])
    raise InputError([f"{where}: lacks entries, got no manifest of ours; the folder of a run"])


def now() -> str:
    """The time of day in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Versions of Python, of this program and of every distribution that it needs, directly or not."""
    found = {"python": platform.python_version(), "tobsim": _version("tobsim") or "from source"}
    waiting = list(_needs("tobsim")) or list(_names(_source_needs()))
    while waiting:
        name = waiting.pop()
        version = _version(name)
        if version and name not in found:
            found[name] = version
            waiting.extend(_needs(name))
    return dict(sorted(found.items()))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _needs(name: str) -> Iterator[str]:
    try:
        yield from _names(metadata.requires(name) or [])
    except metadata.PackageNotFoundError:
        return


def _source_needs() -> list[str]:
    project = Path(__file__).parents[2] / "pyproject.toml"
    return tomllib.loads(project.read_text("utf-8"))["project"]["dependencies"] if project.is_file() else []


def _names(requirements: list[str]) -> Iterator[str]:
    for line in requirements:
        match = re.match(r"[A-Za-z0-9._-]+", line)
        if match and "extra ==" not in line:
            yield match.group().lower().replace("_", "-")


def cpu() -> dict[str, Any]:
    """Model and number of the processors."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", errors="replace")
        model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    except OSError:
        model = None
    return {"model": model.group(1) if model else platform.processor(), "count": os.cpu_count()}
