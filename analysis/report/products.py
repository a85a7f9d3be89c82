"""The panel of a business that sells more than one product: what each earns, who has it, what cross-selling adds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.metrics.periods import HORIZON, MONTH
from analysis.metrics.view import PRODUCT
from analysis.replications import willink
from analysis.report import plots
from analysis.report.blocks import Block, Cell, Chart, Charts, Panel, Table
from analysis.report.figures import bands
from analysis.report.markers import marked
from analysis.report.scaling import scaled, words
from analysis.report.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("revenue", "gross_margin", "contract_customers", "attach_rate", "arr")
"""Figures of a product, those that are stocks at the end of the horizon."""


def products(say: Wording) -> Panel | None:
    """Revenue, margin, customers and attach rate by product; nothing where one product earns everything."""
    rows = _rows(say)
    earning = rows[(rows["metric"] == "revenue") & (rows["period"] == HORIZON) & (rows["value"] != 0)]
    names = list(dict.fromkeys(earning["level1"]))
    if len(names) < 2:
        return None
    text, labels = say.text, say.folder.labels("policy.products")
    whole = earning["value"].sum()
    main = earning.groupby("level1")["value"].sum().idxmax()
    others = say.percent(1 - float(earning.loc[earning["level1"] == main, "value"].sum()) / whole)
    head = text("products.headline", share=others, product=labels.get(main, main))
    drawn = {"revenue": names, "attach_rate": [name for name in names if name != main]}
    charts = [chart for metric, of in drawn.items() if (chart := _chart(say, rows, metric, of, labels))]
    blocks: list[Block] = [Charts(charts), _table(say, rows, names, labels)]
    return Panel("products", text("products.title"), head, text("products.lead"), blocks)


def _rows(say: Wording) -> pd.DataFrame:
    """Rows of metrics by product, months and the horizon."""
    columns = ["replication", "ds", "period", "metric", "level1", "value", "unit"]
    if "dim1" not in say.folder.table("metrics", ["dim1"]):
        return say.folder.table("metrics", columns).reindex(columns=columns).iloc[:0]
    wanted = [("dim1", "=", PRODUCT), ("period", "in", [MONTH, HORIZON])]
    frame = say.folder.table("metrics", columns, wanted)
    return frame.assign(**{name: frame[name].astype(str) for name in ("metric", "period", "level1", "unit")})


def _chart(say: Wording, rows: pd.DataFrame, metric: str, names: list[str], labels: dict[str, str]) -> Chart | None:
    import pandas as pd

    mine = rows[(rows["metric"] == metric) & (rows["period"] == MONTH)]
    found = {labels.get(n, n): bands(mine[mine["level1"] == n])["median"] for n in names if (mine["level1"] == n).any()}
    if not found:
        return None
    share = metric == "attach_rate"
    frame, unit = scaled(say, pd.DataFrame(found), str(mine["unit"].iloc[0]))
    shown = {str(name): frame[name].dropna() for name in frame}
    figure = marked(plots.lines(shown, words(say, share=share)), say.marks)
    return Chart(f"product-{metric}", say.metric(metric), "" if share else unit, say.text("products.note"), figure)


def _table(say: Wording, rows: pd.DataFrame, names: list[str], labels: dict[str, str]) -> Table:
    whole = rows[rows["period"] == HORIZON]
    lines = [
        [Cell(labels.get(name, name), name), *(_cell(say, whole, metric, name) for metric in COLUMNS)] for name in names
    ]
    head = [say.text("products.product"), *(say.metric(metric) for metric in COLUMNS)]
    return Table(head, lines, title=say.text("products.table"), note=say.text("products.table_note"))


def _cell(say: Wording, whole: pd.DataFrame, metric: str, name: str) -> Cell:
    mine: Any = whole[(whole["metric"] == metric) & (whole["level1"] == name)]
    found = willink(mine["value"].to_numpy(float)) if len(mine) else None
    if found is None or found.mean != found.mean:
        return Cell(say.text("format.undefined"), look="mute")
    unit = str(mine["unit"].iloc[0])
    return Cell(say.value(found.mean, unit), say.text.interval(found.low, found.high, unit))
