"""The model described by the items of STRESS-DES: what holds for every run, and what a run was made of.

Source: Monks, Currie, Onggo, Robinson, Kunc and Taylor (2019), Strengthening the reporting of empirical simulation
studies, Journal of Simulation 13(1). The texts are those of the language, group ``model``; `page` writes
``docs/model.md`` of the same texts: ``python -m analysis.report.stress > docs/model.md``.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from analysis.report.blocks import Facts
from analysis.report.folder import HORIZON
from analysis.report.strings import Catalogue, catalogue
from analysis.report.wording import Wording

CHAPTERS = {
    "objectives": ("purpose", "outputs", "aims"),
    "logic": ("overview", "logic", "scenarios", "algorithms", "components"),
    "data": ("sources", "processing", "inputs", "assumptions"),
    "experimentation": ("initialisation", "length", "estimation"),
    "implementation": ("software", "sampling", "execution", "system"),
    "access": ("sharing",),
}
"""The items by chapter, in the order of their numbers."""

PROGRAMS = ("python", "tobsim", "simpy", "numpy")
"""Programs that shape the tables."""

TARGETS = ("then", "otherwise", "win_back")
"""Settings of a stop that name the stops it leads to."""

ONE_SECOND = timedelta(seconds=1)
"""The horizon ends at the beginning of the day after its last."""

PART = "model"
"""Folder of the texts that the page has beside those of the report."""

WIDTH = 120


def numbered() -> Iterator[tuple[str, str]]:
    """Number and key of every item."""
    for chapter, keys in enumerate(CHAPTERS.values(), 1):
        for item, key in enumerate(keys, 1):
            yield f"{chapter}.{item}", key


def items(say: Wording) -> Facts:
    """The items with what this run was made of, folded behind their title."""
    text, made = say.text, dict(_made(say))
    pairs = []
    for number, key in numbered():
        name = text("model.item", number=number, title=text(f"model.titles.{key}"))
        pairs.append((name, _plain(str(text.raw(f"model.texts.{key}")))))
        if made.get(key):
            pairs.append((text("model.here"), _plain(text(f"model.made.{key}", **made[key]))))
    return Facts(pairs, title=text("model.title"), folded=True)


def _plain(words: str) -> str:
    return words.replace("`", "")


def _made(say: Wording) -> Iterator[tuple[str, dict[str, str]]]:
    """Fields of what a run was made of, by item; an item without them says nothing about the run."""
    if not say.folder.config or not say.folder.manifest:
        return
    yield from _of_plan(say)
    yield from _of_route(say)
    yield from _of_data(say)
    yield from _of_machine(say)


def _of_plan(say: Wording) -> Iterator[tuple[str, dict[str, str]]]:
    folder, text, what = say.folder, say.text, say.what()
    metrics = folder.summary.loc[folder.summary["period"].astype(str) == HORIZON, "metric"].nunique()
    tables = _listed(say, folder.manifest.get("tables") or ())
    yield "purpose", {"business": what["business"], "span": what["span"]}
    yield "outputs", {"count": text.count(metrics), "tables": tables}
    yield "aims", {"replications": what["replications"]}
    changes = [_change(say, told) for told in _mapping(say, "policy.changes").values()]
    overrides = text("model.separator").join(folder.overrides())
    nothing = text("model.nowhere")
    yield "scenarios", {"overrides": overrides or nothing, "changes": _listed(say, changes)}
    start, end = (str(day.date()) for day in (folder.start, folder.end - ONE_SECOND))
    unit = str((folder.figure("cash") or {}).get("unit", ""))
    yield "initialisation", {"start": start, "cash": say.value(folder.setting("policy.finance.opening_cash", 0), unit)}
    yield "length", {"days": text.count(folder.days), "start": start, "end": end}
    precision = _pairs(say, _mapping(say, "precision"))
    yield "estimation", {"replications": what["replications"], "precision": precision}


def _change(say: Wording, told: Any) -> str:
    """A dated change: what is set to what from when."""
    date, lever, value = (str(_entry(told, key)) for key in ("date", "key", "value"))
    return _pair(say, date, _pair(say, lever, value))


def _of_route(say: Wording) -> Iterator[tuple[str, dict[str, str]]]:
    folder, text, route = say.folder, say.text, _mapping(say, "business.route")
    yield "overview", {"stops": text("model.separator").join(_stop(say, *pair) for pair in route.items())}
    yield "logic", {"decisions": _listed(say, _mapping(say, "business.decisions"))}
    parts = [str(_entry(part, "kind")) for part in _mapping(say, "business.revenue").values()]
    contacts = str(folder.setting("market.first_contacts.kind", ""))
    yield "algorithms", {"parts": _listed(say, dict.fromkeys(parts)), "contacts": contacts}
    heads = {say.desks.get(name, name): _entry(desk, "heads") for name, desk in _mapping(say, "policy.desks").items()}
    shares = {name: _share(say, _entry(told, "share")) for name, told in _mapping(say, "market.segments").items()}
    labels = folder.labels("market.segments")
    told = [
        str(stop[key]) for stop in route.values() if isinstance(stop, dict) for key in stop if key.startswith("emits")
    ]
    tries = max((int(stop.get("tries", 0)) for stop in route.values() if isinstance(stop, dict)), default=0)
    yield (
        "components",
        {
            "accounts": say.what()["accounts"],
            "segments": _pairs(say, {labels.get(name, name): share for name, share in shares.items()}),
            "activities": _listed(say, dict.fromkeys(text.name("activities", name) for name in told)),
            "desks": _pairs(say, heads),
            "hours": str(folder.setting("policy.calendar.hours", "")),
            "workdays": str(folder.setting("policy.calendar.workdays", "")),
            "start": str(folder.setting("business.start", "")),
            "channels": _listed(say, folder.labels("market.channels").values()),
            "tries": text.count(tries),
        },
    )


def _stop(say: Wording, name: str, stop: Any) -> str:
    """A stop, its kind, and where it leads."""
    targets = [str(stop[key]) for key in TARGETS if isinstance(stop, dict) and stop.get(key) is not None]
    return f"{name} ({_entry(stop, 'kind')}) → {_listed(say, dict.fromkeys(targets))}"


def _of_data(say: Wording) -> Iterator[tuple[str, dict[str, str]]]:
    register, text = say.folder.inputs, say.text
    if register.empty:
        return
    counts = register["origin"].value_counts()
    yield "sources", {"origins": _pairs(say, {text.name("origins", name): text.count(n) for name, n in counts.items()})}
    yield (
        "inputs",
        {
            "count": text.count(len(register)),
            "units": text.count(register.loc[register["unit"] != "", "unit"].nunique()),
        },
    )
    yield "assumptions", {"assumed": text.count(int(counts.get("assumed", 0))), "count": text.count(len(register))}


def _of_machine(say: Wording) -> Iterator[tuple[str, dict[str, str]]]:
    manifest, text = say.folder.manifest, say.text
    versions, cpu = manifest.get("versions") or {}, manifest.get("cpu") or {}
    last = max((int(number) for number in manifest.get("parts") or {}), default=say.folder.replications - 1)
    if versions:
        yield "software", {"versions": _pairs(say, {name: versions[name] for name in PROGRAMS if name in versions})}
    yield "sampling", {"seed": say.what()["seed"], "last": str(last)}
    if manifest.get("steps"):
        yield "execution", {"steps": text.count(manifest["steps"])}
    seconds = text.number(float((manifest.get("times") or {}).get("simulated_seconds") or 0))
    named = {"platform": manifest.get("platform"), "cpu": cpu.get("model"), "count": cpu.get("count")}
    yield "system", {key: str(value or text("model.nowhere")) for key, value in named.items()} | {"seconds": seconds}
    command, digest = (str(manifest.get(key) or text("model.nowhere")) for key in ("command", "study_digest"))
    yield "sharing", {"command": command, "digest": digest}


def _mapping(say: Wording, key: str) -> Mapping[str, Any]:
    found = say.folder.setting(key, {})
    return found if isinstance(found, dict) else {}


def _entry(node: Any, key: str) -> Any:
    return node.get(key, "") if isinstance(node, dict) else ""


def _share(say: Wording, share: Any) -> str:
    return say.percent(share) if isinstance(share, int | float) else ""


def _listed(say: Wording, names: Iterable[str]) -> str:
    return say.text("words.list").join(map(str, names)) or say.text("model.nowhere")


def _pairs(say: Wording, values: Mapping[str, Any]) -> str:
    return _listed(say, [_pair(say, name, value) for name, value in values.items()])


def _pair(say: Wording, name: str, value: Any) -> str:
    return say.text("model.pair", name=name, value=value)


def page(text: Catalogue) -> str:
    """``docs/model.md``: the items of every run, in Markdown; ``text`` has the texts of `PART`."""
    numbers = {key: number for number, key in numbered()}
    lines = [f"# {text('model.title')}", "", *_wrapped(text("model_page.preface"))]
    for number, (chapter, keys) in enumerate(CHAPTERS.items(), 1):
        lines += ["", f"## {number}. {text(f'model_page.chapters.{chapter}')}"]
        for key in keys:
            head = text("model.item", number=numbers[key], title=text(f"model.titles.{key}"))
            lines += ["", *_wrapped(f"**{head}.** {text.raw(f'model.texts.{key}')}")]
    return "\n".join(lines) + "\n"


def _wrapped(paragraph: str) -> list[str]:
    return textwrap.wrap(paragraph, WIDTH, break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    print(page(catalogue(part=PART)), end="")
