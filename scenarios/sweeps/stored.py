"""What a sweep is made again from: its studies with references in place, and its points as they were drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError
from scenarios.runs.files import checksum, write_text
from scenarios.runs.manifest import read_entries
from scenarios.studies.digest import json_digest
from scenarios.studies.settings import NOT_IN_DIGEST
from scenarios.studies.study import restore
from scenarios.sweeps.points import SHORT, Asked, Design, planned

if TYPE_CHECKING:
    from scenarios.studies.study import Study
    from scenarios.sweeps.experiment import Experiment

DESIGN = "design.json"
"""File of a sweep's folder that holds its design."""


@dataclass(frozen=True)
class Drawn:
    """A point as it was drawn."""

    number: int
    scenario: str
    values: Mapping[str, Any]


def write_design(folder: Path, design: Design) -> dict[str, Any]:
    """Write the design of a sweep into its folder; its entry of the manifest.

    Parameters
    ----------
    folder : Path
    design : Design
    """
    content = {
        "base": _stored(design.base),
        "scenarios": {name: _stored(study) for name, study in design.bases.items()},
        "points": [[point.number, point.scenario, dict(point.values)] for point in design.points],
        "inputs": _inputs(design),
    }
    text = json.dumps(content, ensure_ascii=False, default=_plain)
    write_text(folder / DESIGN, text + "\n")
    return {"rows": None, "digest": design_digest(folder / DESIGN), "checksum": checksum(folder / DESIGN)}


def design_digest(path: Path) -> str:
    """Digest of the studies and points of a stored design, without what changes no figure.

    Parameters
    ----------
    path : Path
        The file.
    """
    content = _content(path)
    studies = {name: _shaping(told["source"]) for name, told in content["scenarios"].items()}
    return json_digest([_shaping(content["base"]["source"]), studies, content["points"]])


def _shaping(source: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in source.items() if key not in NOT_IN_DIGEST}


def _stored(study: Study) -> dict[str, Any]:
    return {"source": study.source, "overrides": list(study.overrides)}


def _inputs(design: Design) -> list[Any]:
    """What is known of the keys of the points: words, units and ranges, which stand in remarks of files."""
    studies = design.experiment.studies.values() if design.experiment else ()
    return [row for study in list(studies)[:1] for row in study.inputs if row["key"] in design.keys]


def _plain(value: Any) -> Any:
    """A number of numpy as one of Python."""
    return value.item()


def read_design(folder: Path, numbers: Sequence[int] | None = None, further: Mapping[str, Any] | None = None) -> Design:
    """The design of the folder of a sweep, or of some of its points.

    Parameters
    ----------
    folder : Path
    numbers : sequence of int, optional
        Points that are meant; all by default.
    further : mapping, optional
        Keys of the configuration that count instead of those of then and change no figure, such as ``execution``.

    Raises
    ------
    InputError
        If there is none, it is damaged, or a study cannot be built any more.
    """
    record, content = read_entries(folder), _content(folder / DESIGN)
    try:
        stored = content["base"], content["scenarios"], [Drawn(*point) for point in content["points"]]
        settings = record["settings"]
        asked = Asked(**{each.name: _tuple(settings[each.name]) for each in fields(Asked) if each.name in settings})
        base, *others = (_restored(told, further or {}) for told in (stored[0], *stored[1].values()))
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _damaged(folder / DESIGN) from None
    bases = dict(zip(stored[1], others, strict=True))
    chosen = [point for point in stored[2] if numbers is None or point.number in set(numbers)]
    detail = [period for period in asked.periods if period in SHORT]
    found = Design(record["experiment"], base, bases, planned(bases, chosen, detail), asked, settings["experiment"])
    if len(chosen) < len(stored[2]):
        return found
    try:
        return replace(found, experiment=_experiment(found, content))
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _damaged(folder / DESIGN) from None


def _experiment(design: Design, content: Mapping[str, Any]) -> Experiment | None:
    """What all the points were drawn from, which says how they are analysed; None for points that were handed in."""
    from scenarios.sweeps.experiment import experiment_of

    if not design.settings:
        return None
    stated = tuple(content.get("inputs", ()))
    studies = {name: replace(study, stated=stated) for name, study in design.bases.items()}
    return experiment_of(design.name, design.settings, studies)


def point_numbers(folder: Path) -> list[int]:
    """Numbers of the points of a sweep, in their order.

    Raises
    ------
    InputError
        If there is no design, or it is damaged.
    """
    points = _content(folder / DESIGN).get("points") or [None]
    try:
        return [int(number) for number, _, _ in points]
    except (TypeError, ValueError):
        raise _damaged(folder / DESIGN) from None


def _content(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError([f"{path}: cannot be read, got {error.strerror}; the sweep again, which writes it"]) from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _damaged(path)
    return found


def _damaged(path: Path) -> InputError:
    return InputError([f"{path}: is damaged or not ours, got no design; the file as the sweep wrote it"])


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _restored(told: Mapping[str, Any], further: Mapping[str, Any]) -> Study:
    source = dict(told["source"])
    for key, value in further.items():
        source[key] = {**source[key], **value} if isinstance(value, Mapping) else value
    return restore(source, told["overrides"])
