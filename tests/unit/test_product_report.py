"""The panel of several products in the report of a run, on made-up folders."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from analysis.report.blocks import Charts, Panel, Table
from analysis.report.folder import Folder
from analysis.report.products import products
from analysis.report.strings import catalogue
from analysis.report.wording import Wording
from tests.fixtures.fake_panels import SHARES, add_products
from tests.fixtures.fake_run import CHINESE, HOSTILE, write_fake_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_fake_run(tmp_path_factory.mktemp("runs") / "products")
    add_products(path)
    return path


@pytest.fixture(scope="module")
def panel(run: Path) -> Panel:
    found = products(Wording(Folder(run), catalogue()))
    assert found
    return found


def test_the_main_product_is_the_one_that_earns_most(panel: Panel) -> None:
    assert panel.headline == f"30\u00a0% of revenue comes from other products than {CHINESE}."


def test_a_row_for_each_product_and_nothing_where_it_has_no_figure(run: Path, panel: Panel) -> None:
    (table,) = (block for block in panel.blocks if isinstance(block, Table))
    assert [row[0].text for row in table.rows] == [CHINESE, HOSTILE, CHINESE]
    metrics = pd.read_parquet(run / "metrics.parquet")
    whole = metrics[(metrics["period"] == "horizon") & (metrics["level1"] == "archive")]
    mean = whole.loc[whole["metric"] == "revenue", "value"].mean()
    cells = dict(zip(("name", "revenue", "margin", "customers", "rate", "arr"), table.rows[1], strict=True))
    assert cells["revenue"].text == Wording(Folder(run), catalogue()).value(mean, "CNY")
    assert (cells["margin"].text, cells["rate"].text) == ("50\u00a0%", "20\u00a0%")
    assert table.rows[2][-1].text == "–"


def test_charts_draw_every_product_and_the_rate_of_the_further_ones(panel: Panel) -> None:
    (charts,) = (block for block in panel.blocks if isinstance(block, Charts))
    assert [chart.id for chart in charts.charts] == ["product-revenue", "product-attach_rate"]
    drawn = json.dumps([chart.figure for chart in charts.charts])
    assert HOSTILE not in drawn
    assert len(re.findall("window.pwned", drawn)) >= 2


def test_one_product_that_earns_everything_has_no_panel(run: Path, tmp_path: Path) -> None:
    metrics = pd.read_parquet(run / "metrics.parquet")
    metrics[~metrics["level1"].isin(list(SHARES)[1:])].to_parquet(tmp_path / "metrics.parquet", index=False)
    assert products(Wording(Folder(tmp_path), catalogue())) is None
