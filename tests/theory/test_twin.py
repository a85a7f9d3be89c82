"""The spreadsheet twin against the simulation with queues, saturation, effects and noise taken away.

What is left between them is chance, and nights, weekends and whole months, which the twin does not know.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.metrics.periods import Calendar
from scenarios import compose, run
from scenarios.runs.derive import INPUTS, write_csv
from scenarios.runs.export import export
from scenarios.runs.exports.workbook.book import Book
from scenarios.runs.exports.workbook.twin.business import Builder
from scenarios.runs.exports.workbook.twin.gap import Job, measure
from scenarios.runs.exports.workbook.twin.means import inputs_sheet
from scenarios.runs.exports.workbook.twin.worlds import endless, even, steps, unlimited
from scenarios.runs.replicate import metrics_context
from scenarios.studies.settings import CONF
from scenarios.studies.study import Study
from tests.fixtures.office import NEEDS_OFFICE, calculated, differing

BUSINESSES = sorted(path.stem for path in (CONF / "business").glob("*.yaml"))

SIMPLIFIED = 0.06
"""Share by which nights, weekends and whole months may move a sum over three years."""

STEPS = {"lead_journeys": "registered", "qualified": "qualified"}
"""Metrics that count what many companies do, with the activity: they are known best, and held to half that share."""

ERRORS = 3.5
"""Standard errors of a mean that are chance."""


def figures(study: Study, folder: Path) -> dict[str, float]:
    """What the twin says of the compared metrics, and of two steps of the funnel."""
    inputs = folder / "inputs.csv"
    write_csv(inputs, INPUTS, [[row.get(column) for column in INPUTS] for row in study.inputs])
    book, horizon = Book(folder / "twin.xlsx", "test"), study.config["horizon"]
    builder = Builder(book, study, inputs_sheet(book, inputs, study), Calendar(horizon["start"], horizon["days"]))
    twin = builder.build()
    book.close()
    months = range(twin.months)
    steps = {metric: sum(line.value(m) for line in builder.route.activity(activity) for m in months)
             for metric, activity in STEPS.items()}  # fmt: skip
    sums = {name: sum(line.value(m) for m in months) for name, line in twin.flows.items()}
    return steps | sums | {name: line.value(twin.months - 1) for name, line in twin.stocks.items()}


def stripped(study: Study, names: tuple[str, ...], replications: int) -> np.ndarray:
    timeline = study.timeline
    for step in steps(timeline):
        timeline = step.change(timeline)
    context = metrics_context(study.config)
    jobs = [Job(timeline, study.seed, number, context, names) for number in range(replications)]
    return np.array([measure(job) for job in jobs])


def held(business: str, accounts: int, replications: int, folder: Path, *more: str) -> None:
    study = compose(business, [f"market.accounts={accounts}", *more])
    known = figures(study, folder)
    samples = stripped(study, tuple(known), replications)
    for place, (name, figure) in enumerate(known.items()):
        mean, error = samples[:, place].mean(), samples[:, place].std(ddof=1) / replications**0.5
        scale = known["revenue"] if name in ("operating_profit", "cash") else abs(mean)
        simplified = SIMPLIFIED / 2 if name in STEPS else SIMPLIFIED
        assert abs(figure - mean) <= ERRORS * error + simplified * scale, (name, figure, mean, error)


def test_the_twin_is_the_simulation_without_what_it_does_not_know(tmp_path: Path) -> None:
    held("service_outcome", 500, 3, tmp_path, "horizon.days=730")


@pytest.mark.slow
@pytest.mark.parametrize("business", BUSINESSES)
def test_the_twin_of_every_business(business: str, tmp_path: Path) -> None:
    held(business, 2000, 6, tmp_path)


@pytest.mark.slow
@NEEDS_OFFICE
@pytest.mark.parametrize("business", BUSINESSES)
def test_libreoffice_calculates_every_business(business: str, tmp_path: Path) -> None:
    small = [
        "market.accounts=200",
        "replications=2",
        "progress=false",
        "report.enabled=false",
        "forecast.enabled=false",
    ]
    folder = run(compose(business, small), tmp_path / "run").path
    (path,) = export(folder, "xlsx", again=1, progress=False).iterdir()
    assert differing(path, calculated(path, tmp_path)) == []


def test_people_without_end_cost_what_the_desk_costs() -> None:
    spec = compose("cloud").timeline.spec
    for name, desk in unlimited(spec).policy.desks.items():
        before = spec.policy.desks[name]
        assert desk.heads == spec.market.accounts
        assert desk.heads * desk.cost_year == pytest.approx(before.heads * before.cost_year)


def test_what_has_no_formulas_is_taken_away_by_a_run_of_its_own() -> None:
    timeline = compose(
        "tool", ["+policy.changes={dear: {key: policy.products.seats.price, date: 2025-06-01, value: 9}}"]
    )
    chain = steps(timeline.timeline, ("subscription",))
    assert [step.name for step in chain][:3] == ["Dated changes", "Other products", "Queues"]
    plain = chain[0].change(timeline.timeline)
    assert plain.later == ()
    assert dict(chain[1].change(plain).spec.business.revenue) == {}


def test_an_optional_desk_without_people_stays_without() -> None:
    spec = compose("cloud", ["policy.desks.presales.heads=0", "policy.desks.sales.heads=0"]).timeline.spec
    heads = {name: desk.heads for name, desk in unlimited(spec).policy.desks.items()}
    assert heads["presales"] == 0
    assert heads["sales"] == spec.market.accounts


def test_an_endless_market_is_reached_at_the_same_number_of_companies() -> None:
    spec = compose("platform").timeline.spec
    wide = endless(spec)
    factor = wide.market.accounts / spec.market.accounts
    for name, channel in wide.market.channels.items():
        before = spec.market.channels[name]
        assert channel.reference_spend * wide.market.accounts == pytest.approx(
            before.reference_spend * spec.market.accounts
        )
        rates = (each if isinstance(each, dict) else {"": each} for each in (channel.rate_month, before.rate_month))
        now, then = rates
        assert {key: rate * factor for key, rate in now.items()} == pytest.approx(then)
        assert channel.word_of_mouth == before.word_of_mouth


def test_what_is_alike_has_no_spread_and_the_same_means() -> None:
    spec = compose("hardware").timeline.spec
    calm = even(spec)
    assert {decision.frailty for decision in calm.business.decisions.values()} == {0.0}
    assert calm.market.noise == 0
    assert calm.business.revenue["machines"] == spec.business.revenue["machines"]
    delivery = calm.business.route["delivery"].delay_days
    assert delivery.value["small"] == pytest.approx(33 * np.exp(0.3**2 / 2))
