"""Composing a study reads every file once, and what comes of it does not depend on that."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hydra._internal.config_repository import ConfigRepository

from scenarios.studies.compose import _compose
from scenarios.studies.read_once import ReadOnce
from scenarios.studies.settings import CONF

CHOICES = ("business=tool", "scenario=[more_sales,seat_price_up]")


def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a file is read, by path."""
    times: Counter[str] = Counter()
    load: Any = ConfigRepository.load_config

    def load_config(self: ConfigRepository, config_path: str) -> Any:
        times[config_path] += 1
        return load(self, config_path)

    monkeypatch.setattr(ConfigRepository, "load_config", load_config)
    return times


def test_a_file_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    times = counted(monkeypatch)
    _compose(CHOICES, None, ("read once",))
    found = {path: count for path, count in times.items() if (CONF / f"{path}.yaml").exists()}
    assert {"business/tool", "market/tool", "scenario/more_sales"} <= found.keys()
    assert set(found.values()) == {1}


def test_read_anew_for_every_pass_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    once = _compose(CHOICES, None, ("known",))
    times = counted(monkeypatch)
    monkeypatch.setattr(ReadOnce, "load_config", ConfigRepository.load_config)
    assert _compose(CHOICES, None, ("forgotten",)) == once
    assert times["business/tool"] == 2
