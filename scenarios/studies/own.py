"""A study folder of the user's own: a business on a shipped type, market, policy, opening, a scenario, an experiment.

The numbers are those of the type, copied with unit, source and range, so that the folder runs as it is and gives what
the type gives until somebody edits it.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, shown, suggest, user_path
from scenarios.studies.excerpt import excerpt
from scenarios.studies.settings import CONF

if TYPE_CHECKING:
    from scenarios.studies.study import Study

TEMPLATES = CONF / "init"
NAME, PLAN, SWEEP = "mine", "my_plan", "my_sweep"
"""Names of the options of a new folder: of business, market and policy; of the scenario; of the experiment."""

FILES = {
    "README.md": "README.md.j2",
    f"business/{NAME}.yaml": "business.yaml.j2",
    f"policy/{NAME}.yaml": "policy.yaml.j2",
    f"market/{NAME}.yaml": "market.yaml.j2",
    f"opening/{NAME}.yaml": "opening.yaml.j2",
    f"scenario/{PLAN}.yaml": "scenario.yaml.j2",
    f"experiment/{SWEEP}.yaml": "experiment.yaml.j2",
}
"""Files of a new folder and the templates they are made of; the sample opening files of the type come with them."""

POLICY = ("desks.*.label", "desks.*.cost_year", "channels", "products", "finance.fixed_month", "finance.commission")
MARKET = ("accounts", "segments.*.label", "segments.*.share", "reference_price")
"""Keys of the type that are copied for the user to edit; opening files say how many people and how much cash."""

EVIDENCE = re.compile(r" \((?:[A-Z]\d+(?:, )?)+\)")
"""How a scenario names the claims that it rests on."""

LESS, MORE = 0.5, 1.5
"""Factors on the spend of a channel at the ends of the experiment; the scenario has the upper one."""


def start_study(folder: str | os.PathLike[str], business: str = "tool") -> list[Path]:
    """Write a study folder.

    Parameters
    ----------
    folder : path
        Must not exist, or be empty.
    business : str
        The shipped type that it is based on.

    Returns
    -------
    list of Path
        Files of the folder, in the order in which to read them.

    Raises
    ------
    InputError
        If there is no such type, or the folder is taken or cannot be written; nothing was written.
    """
    from scenarios.studies.compose import compose, options

    known = options("business")
    if business not in known:
        raise InputError([f"business: is unknown, got {shown(business)}; {suggest(business, known)}"])
    path = _free(folder)
    contents = _contents(compose(business))
    _place(path, contents)
    return [path / name for name in contents]


def _free(folder: str | os.PathLike[str]) -> Path:
    """The path of a folder that may be written."""
    from scenarios.studies.compose import unusable

    path = user_path(folder, "DIR")
    try:
        taken = path.is_symlink() or (path.exists() and (not path.is_dir() or any(path.iterdir())))
    except OSError as error:
        raise InputError([f"DIR: cannot be read, got {shown(str(folder))} ({error.strerror}); a new folder"]) from None
    if taken:
        raise InputError([f"DIR: exists and is not empty, got {shown(str(folder))}; a new or an empty folder"])
    if unusable(path):
        raise InputError([f"DIR: has characters that cannot be used, got {shown(str(folder))}; a plainer path"])
    return path.resolve()


def _contents(study: Study) -> dict[str, bytes]:
    """Content of every file of a folder."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    words = _words(study)
    texts = {name: environment.get_template(template).render(words) for name, template in FILES.items()}
    samples = {f"opening/{NAME}/{file.name}": file.read_bytes() for file in _samples(study.business)}
    return {name: text.encode() for name, text in texts.items()} | samples


def _samples(business: str) -> list[Path]:
    """The made-up opening files of a type."""
    return sorted((CONF / "opening" / business).glob("*.csv"))


def _header(file: Path) -> list[str]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return next(csv.reader(lines))


def _words(study: Study) -> dict[str, Any]:
    """What the templates say of a type."""
    from scenarios.studies.library import of_business

    return {
        "name": NAME,
        "plan": PLAN,
        "sweep": SWEEP,
        "type": study.business,
        "label": json.dumps(f"My {study.business}"),
        "start": study.config["horizon"]["start"],
        "days": study.config["horizon"]["days"],
        "policy": excerpt((CONF / "policy" / f"{study.business}.yaml").read_text(encoding="utf-8"), POLICY),
        "market": excerpt((CONF / "market" / f"{study.business}.yaml").read_text(encoding="utf-8"), MARKET),
        "opening": {file.stem: _header(file) for file in _samples(study.business)},
        "plans": {plan.name: _asks(plan.question) for plan in of_business(study.business) if plan.name != "baseline"},
        **_levers(study),
    }


def _asks(question: str) -> str:
    """The first sentence of what a scenario asks, without its evidence."""
    return re.split(r"(?<=[.?]) ", EVIDENCE.sub("", question))[0]


def _levers(study: Study) -> dict[str, Any]:
    """The desk and the channel that the scenario and the experiment vary, and the values they try."""
    from scenarios.studies.levers import levers

    rows = {row["key"]: row for row in levers(study)}
    policy = study.config["policy"]
    desk = "sales" if "sales" in policy["desks"] else next(iter(policy["desks"]))
    spends = {name: channel["spend_month"] for name, channel in policy["channels"].items()}
    channel = max(spends, key=lambda name: spends[name])
    heads, spend = policy["desks"][desk]["heads"], spends[channel]
    return {
        "desk": desk,
        "channel": channel,
        "heads": [heads, heads + 1, heads + 2],
        "spend": [round(spend * LESS), round(spend), round(spend * MORE)],
        "heads_note": _note(rows[f"policy.desks.{desk}.heads"]),
        "spend_note": _note(rows[f"policy.channels.{channel}.spend_month"]),
    }


def _note(row: Mapping[str, Any]) -> str:
    """What is said of a number, as comments of configurations have it."""
    return f"{row['unit']}; {row['evidence']}; [{row['low']:g}, {row['high']:g}]; {row['meaning']}"


def _place(path: Path, contents: Mapping[str, bytes]) -> None:
    """Write the files beside their place, then move them there; what fails leaves nothing behind."""
    new = not path.exists()
    beside = (path.parent if new else path) / f".{path.name}.{os.getpid()}"
    try:
        beside.mkdir(parents=True)
        for name, content in contents.items():
            (beside / name).parent.mkdir(parents=True, exist_ok=True)
            (beside / name).write_bytes(content)
        if new:
            beside.rename(path)
        else:
            _move(beside, path)
    except OSError as error:
        raise InputError(
            [f"DIR: cannot be written, got {shown(str(path))} ({error.strerror}); another folder"]
        ) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _move(beside: Path, path: Path) -> None:
    """Move what is in one folder to another that is empty, which stays the folder it is for whoever stands in it."""
    moved = []
    try:
        for item in sorted(beside.iterdir()):
            moved.append(item.rename(path / item.name))
    except BaseException:
        for item in moved:
            shutil.rmtree(item) if item.is_dir() else item.unlink()
        raise
