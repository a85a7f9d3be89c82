"""The twin: a whole business in formulas, from first contacts to cash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.metrics.periods import Calendar
from scenarios.runs.exports.workbook.book import Book, Sheet
from scenarios.runs.exports.workbook.periods import month_names
from scenarios.runs.exports.workbook.twin.cells import Cells, Expr, Grid, called, of, total
from scenarios.runs.exports.workbook.twin.earning import KINDS, Bill, Earned, Part
from scenarios.runs.exports.workbook.twin.graph import MONTH_DAYS, Graph
from scenarios.runs.exports.workbook.twin.means import Inputs, Means
from scenarios.runs.exports.workbook.twin.route import Route
from sim.calendar import WorkCalendar

if TYPE_CHECKING:
    from scenarios.studies.study import Study
    from sim.spec import StudySpec

TWIN, FLOW = "Twin", "Twin flow"

SEASONS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

ABOUT = (
    "The same business by averages: formulas that follow the cells of Inputs. No queues: a desk always has someone "
    "free.",
    "No saturation: contacts a month are a rate times all companies, whoever was reached before. No signal moves a "
    "decision.",
    "No chance: a share of companies signs, parts of companies come and go. Delays are means; an inflow is even within "
    "its month.",
    "It starts from an empty company and keeps the plan of the first day. A stop in a circle keeps a company for a "
    "month at least.",
)


@dataclass(frozen=True)
class Twin:
    """Lines by which the twin is compared with the simulation: sums of flows, last figures of stocks."""

    flows: dict[str, Cells]
    stocks: dict[str, Cells]
    missing: tuple[str, ...]
    months: int


class Builder:
    """Makes the sheets of the twin.

    Parameters
    ----------
    book : Book
    study : Study
    inputs : Inputs
    calendar : Calendar
        Of the horizon; only months that are over have columns.
    """

    def __init__(self, book: Book, study: Study, inputs: Inputs, calendar: Calendar) -> None:
        self.spec: StudySpec = study.timeline.spec
        self.contacts, self.inputs, self.calendar = study.timeline.contacts, inputs, calendar
        self.months = calendar.complete
        self.book = book
        self.names = month_names(calendar)[: self.months]
        self.top = self._grid(book.sheet(TWIN, self.months), "Twin", *ABOUT)
        self.means = Means(book, self.spec.market.segments)
        self.flow = self._grid(
            book.sheet(FLOW, self.months), "Twin flow", "How the figures of the twin come about, by segment."
        )

    def _grid(self, sheet: Sheet, title: str, *notes: str) -> Grid:
        sheet.title(title, *notes)
        sheet.headings(self.names)
        sheet.page.freeze_panes(sheet.row + 1, Sheet.FIRST)
        return Grid(sheet, self.months)

    def build(self) -> Twin:
        """Write all sheets."""
        edges = self.calendar.edges[: self.months + 1]
        self.length = self.flow.constants(
            "Length of the month", np.diff(edges) / MONTH_DAYS, "average months", "factor"
        )
        self.years = self.flow.constants("Years since the start", edges[1:] / 365.25, "years", "factor")
        self.route = self._route()
        parts, missing = self._parts(self.route)
        twin = self._results(self.route, parts, missing)
        if missing:
            text = (
                f"There are no formulas for {', '.join(missing)}: not in these figures, a line of its own in the table."
            )
            self.top.sheet.text(self.top.sheet.row + 1, 0, text, "note")
        for grid in (self.top, self.flow):
            grid.evaluate()
        for grid in (self.top, self.flow):
            grid.write()
        return twin

    def _route(self) -> Route:
        terms = {
            activity: self.inputs.get(f"business.revenue.{name}.term_months")
            for name, part in self.spec.business.revenue.items()
            if part.kind == "subscription"
            for activity in (part.starts, "renewed")
        }
        route = Route(self.flow, Graph(self.spec, self.inputs, self.means, self._working_hours()), terms)
        self.customers = self.flow.declare("customers", "companies")
        joined, gone = route.activity("signed"), route.activity("churned")
        self.customers.define(self.customers.before() + total(joined) - total(gone))
        for place, line in enumerate(route.contacts):
            line.define(self._reached(place))
        return route

    def _working_hours(self) -> Expr:
        """Working hours of one person in an average month, holidays taken out."""
        horizon, policy = self.spec.horizon, self.spec.policy
        worked = WorkCalendar(policy.calendar, horizon.start, horizon.days).worked(np.array([horizon.days]))[0]
        days = float(worked) / policy.calendar.hours / horizon.days * MONTH_DAYS
        mean = self.means.given("working days in a month", "days", round(days, 4))
        return mean * self.inputs.get("policy.calendar.hours", "", policy.calendar.hours)

    def _reached(self, place: int) -> Expr:
        """First contacts of a segment in a month."""
        if self.contacts is not None:
            return self._read(place)
        segment, get = self.means.segments[place], self.inputs.get
        companies = get("market.accounts") * get(f"market.segments.{segment}.share")
        rates = [self._rate(name, segment) for name in self.spec.market.channels]
        mouth = total(get(f"market.channels.{name}.word_of_mouth", "", 0.0) for name in self.spec.market.channels)
        talk = mouth * self.customers.before() / get("market.accounts")
        return companies * self.length * (total(rates) * self._season() + talk)

    def _rate(self, channel: str, segment: str) -> Expr:
        spec, key = self.spec.market.channels[channel], f"market.channels.{channel}"
        rate = self.inputs.get(f"{key}.rate_month", segment)
        if not spec.reference_spend:
            return rate
        spend = self.inputs.get(f"policy.channels.{channel}.spend_month", "", 0.0)
        reference = self.inputs.get(f"{key}.reference_spend") * self.inputs.get("market.accounts")
        return rate * called("MAX", max, of(0.0), spend / reference) ** self.inputs.get(f"{key}.elasticity", "", 0.0)

    def _season(self) -> Expr:
        first = int(str(self.calendar.origin)[5:7]) - 1
        cells = [self.inputs.get(f"market.season.{name}") for name in SEASONS]
        return Expr(lambda m, home: cells[(first + m) % 12].text(m, home), lambda m: cells[(first + m) % 12].value(m))

    def _read(self, place: int) -> Expr:
        """First contacts of a file, by month; a segment that the file does not tell has its share."""
        contacts = self.contacts
        assert contacts is not None
        month = self.calendar.month_of(np.asarray(contacts.day, float) + 2.0**-20)
        inside = (month >= 0) & (month < self.months)
        if contacts.segment is not None:
            inside &= np.asarray(contacts.segment) == place
        counts = np.bincount(month[inside], minlength=self.months).astype(float).tolist()
        known = Expr(lambda m, home: repr(counts[m]), lambda m: counts[m])
        if contacts.segment is not None:
            return known
        return known * self.inputs.get(f"market.segments.{self.means.segments[place]}.share")

    def _parts(self, route: Route) -> tuple[list[Earned], tuple[str, ...]]:
        found, missing = [], []
        for name, spec in self.spec.business.revenue.items():
            self.flow.section(f"{name} ({spec.kind})")
            if spec.kind in KINDS:
                part = Part(name, spec, route, self.inputs, self.means, self.length, self.years)
                found.append(KINDS[spec.kind](part))
            else:
                missing.append(name)
        return found, tuple(missing)

    def _results(self, route: Route, parts: list[Earned], missing: tuple[str, ...]) -> Twin:
        line = self.top.line
        signed = line("Signed", total(route.activity("signed")), "companies")
        customers = line("Customers", self.customers, "at the end")
        arr = [cell for part in parts for cell in part.arr]
        stocks = {"active_customers": customers}
        if arr:
            stocks["arr"] = line("ARR", total(arr), "at the end", "money")
        revenue = line("Revenue", total(c for p in parts for c in p.revenue), "", "money", bold=True)
        served = total(c * s for p in parts for c, s in zip(p.revenue, p.cost_share, strict=True))
        costs = {"Cost of sales": line("Cost of sales", served, "", "money"), **self._costs()}
        commission = self.inputs.get("policy.finance.commission", "", 0.0) * total(a for p in parts for a in p.signed)
        costs["Commission"] = line("Commission", commission, "", "money")
        received, given_up = self._payments([bill for part in parts for bill in part.bills])
        costs["Bad debt"] = line("Bad debt", given_up, "", "money")
        profit = line("Operating profit", revenue - total(costs.values()), "", "money", bold=True)
        income = line("Received from customers", received, "", "money")
        paid = total(cost for name, cost in costs.items() if name not in ("Commission", "Bad debt"))
        spent = line("Paid", paid + costs["Commission"].before(), "commission a month later", "money")
        stocks["cash"] = self.top.declare("Cash", "at the end", "money", bold=True)
        opening = self.inputs.get("policy.finance.opening_cash", "", 0.0)
        before = stocks["cash"].before()
        start = Expr(lambda m, home: before.text(m, home) if m else opening.text(m, home),
                     lambda m: before.value(m) if m else opening.value(m))  # fmt: skip
        stocks["cash"].define(start + income - spent)
        flows = {"signed": signed, "revenue": revenue, "operating_profit": profit}
        return Twin(flows, stocks, missing, self.months)

    def _costs(self) -> dict[str, Cells]:
        get, policy = self.inputs.get, self.spec.policy
        people = total(
            get(f"policy.desks.{name}.heads", "", desk.heads) * get(f"policy.desks.{name}.cost_year") / 12.0
            for name, desk in policy.desks.items()
        )
        spend = total(get(f"policy.channels.{name}.spend_month") for name in policy.channels)
        subsidy = total(
            get(f"business.programmes.{name}.subsidy_month", "", getattr(each, "subsidy_month", 0.0))
            for name, each in self.spec.business.programmes.items()
        )
        fixed = get("policy.finance.fixed_month")
        made = {"Payroll": people, "Marketing": spend, "Subsidy": subsidy, "Fixed costs": fixed}
        return {name: self.top.line(name, content, "", "money") for name, content in made.items()}

    def _payments(self, bills: Sequence[Bill]) -> tuple[Expr, Expr]:
        """What is paid of the invoices after the mean delay, and what is given up when it is old."""
        segments, payment = self.means.segments, self.spec.market.payment
        mean = [self.inputs.mean("market.payment.delay_days", payment.delay_days, segment) for segment in segments]
        delay = self.means.add("payment, duration", "months", [days / MONTH_DAYS for days in mean], "factor")
        bad = [self.inputs.get("market.payment.bad_debt", segment) for segment in segments]
        age = self.inputs.get("market.payment.write_off_days") / MONTH_DAYS
        self.flow.section("Payments")
        paid, lost = [], []
        for s, segment in enumerate(segments):
            money = [bill.amounts[s].lag(delay[s] * bill.pace + bill.later) for bill in bills]
            paid.append(self.flow.line(f"paid: {segment}", total(money) * (of(1.0) - bad[s]), "", "money"))
            money = [bill.amounts[s].lag(age + bill.later) for bill in bills]
            lost.append(self.flow.line(f"given up: {segment}", total(money) * bad[s], "", "money"))
        return total(paid), total(lost)
