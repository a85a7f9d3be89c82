"""Composing a study goes over every file once and comes to what Hydra itself comes to."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf

from scenarios.studies.compose import Composed, _compose, _layers
from scenarios.studies.one_pass import Files, quick_loader
from scenarios.studies.settings import CONF

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
CHOICES = ("business=tool", "scenario=[more_sales,seat_price_up]")


def by_hydra(choices: tuple[str, ...], folder: Path | None) -> Composed:
    """As Hydra's own entry point composes, with its own reading of files."""
    words = [*choices, *([f"hydra.searchpath=['file://{folder}']"] if folder else [])]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        loader: Any = GlobalHydra.instance().config_loader()
        order = loader.compute_defaults_list("config", words, RunMode.RUN).defaults
        tree: Any = OmegaConf.to_container(compose("config", words), resolve=False)
    return Composed(tree, tuple(_layers(order, folder)))


@pytest.mark.parametrize(
    ("choices", "folder"),
    [(CHOICES, None), (("business=hardware", "forecast=weekly", "effects=none"), None), (("business=mini",), MINI)],
)
def test_it_is_what_hydra_composes(choices: tuple[str, ...], folder: Path | None) -> None:
    """Keys in the same order, because tables follow it."""
    ours, theirs = _compose(choices, folder, ()), by_hydra(choices, folder)
    assert json.dumps(ours.tree) == json.dumps(theirs.tree)
    assert ours.layers == theirs.layers


def test_a_file_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    times: Counter[str] = Counter()
    load: Any = Files.load_config

    def load_config(self: Files, config_path: str) -> Any:
        times[config_path] += 1
        return load(self, config_path)

    monkeypatch.setattr(Files, "load_config", load_config)
    _compose(CHOICES, None, ("read once",))
    assert {"config", "business/tool", "market/tool", "scenario/more_sales"} <= times.keys()
    assert set(times.values()) == {1}


def test_values_are_read_as_omegaconf_reads_them() -> None:
    """Numbers with an exponent, dates as text; no key twice."""
    text = "a: 1e3\nb: 2025-01-01\nc: 1_000\nd: [on, 0x1F, ~, 'x', .inf]\ne: {f: 中文}\n"
    assert yaml.load(text, Loader=quick_loader()) == OmegaConf.to_container(OmegaConf.create(text))
    with pytest.raises(yaml.YAMLError, match="found duplicate key a"):
        yaml.load("a: 1\na: 2\n", Loader=quick_loader())
