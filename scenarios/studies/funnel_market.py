"""From a fitted funnel to a market: channel qualities and buyers' time, given the route that leads take.

A route decides more than once, takes its own time and has effects of its own. So a study with this market is
simulated, the decision to sign is read from its log with every other influence in it, and the qualities are
solved for that make simulated leads sign as often as the real ones. The buyer's own time is what the fitted
time to signature leaves after the handling by desks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.studies.funnel_fit import FunnelFit, Source, Window, fit_funnel, read_funnel
from sim.streams import ATTEMPTS

if TYPE_CHECKING:
    from scenarios.studies.study import Study
    from sim.recorder import Coded


@dataclass(frozen=True, eq=False)
class Passage:
    """What simulated leads of a window meet on their first way to the decision to sign.

    Attributes
    ----------
    leads : int
        Leads of the window, over all replications.
    handling_days : float
        Mean days from the beginning of the day of first contact to the buyer's own deliberation.
    logit : float array
        Of the decision to sign, an element each time it was made, without the quality of the channel.
    """

    leads: int
    handling_days: float
    logit: np.ndarray = field(repr=False)


def passage(study: Study, window: Window, replications: int = 4, decision: str = "sign") -> Passage:
    """Simulate a study with contacts from a file and read off what its route does besides channel quality.

    Parameters
    ----------
    study : Study
        Its route logs ``proposed`` where the buyer begins to deliberate.
    window : Window
        Which leads are looked at.
    replications : int
        How many times they are simulated.
    decision : str
        Name of the decision to sign; the effect ``channel_quality`` moves it.
    """
    from sim.simulate import simulate

    strength = study.config["effects"][decision]["channel_quality"]["strength"]
    channels = study.config["market"]["channels"]
    quality = {name: strength * channel.get("quality", 0.0) for name, channel in channels.items()}
    runs = [simulate(study.timeline, study.seed, r).tables for r in range(replications)]
    parts = [_passage(run, window, decision, quality) for run in runs]
    handling = np.concatenate([part[1] for part in parts])
    return Passage(sum(part[0] for part in parts), float(handling.mean()), np.concatenate([p[2] for p in parts]))


def _passage(
    run: dict[str, Any], window: Window, decision: str, quality: Mapping[str, float]
) -> tuple[int, np.ndarray, np.ndarray]:
    """Leads of one replication, their days of handling, their logits to sign."""
    accounts, events, log = run["accounts"], run["events"], run["decisions"]
    touched, channel = accounts["touched_at"], accounts["channel"]
    inside = (touched >= np.datetime64(window.since)) & (touched < np.datetime64(window.before))
    made = is_named(log["decision"], decision) & (log["occurrence"] < ATTEMPTS) & inside[log["account"]]
    who, chance = log["account"][made], log["probability"][made]
    own = np.array([quality[name] for name in channel.names])[channel.codes[who]]
    proposed = is_named(events["activity"], "proposed")
    first, rows = np.unique(events["account"][proposed], return_index=True)
    started = events["timestamp"][proposed][rows[np.isin(first, who)]]
    handling = (started - touched[np.sort(who)].astype("datetime64[D]")) / np.timedelta64(1, "D")
    return int(inside.sum()), handling, np.log(chance) - np.log1p(-chance) - own


def is_named(column: Coded, name: str) -> np.ndarray:
    """Rows of a column of categories that hold ``name``."""
    return column.codes == (column.names.index(name) if name in column.names else len(column.names))


def channel_quality(targets: Mapping[str, float], met: Passage) -> dict[str, float]:
    """Qualities (logit) with which leads of each channel sign on their first way as often as in the data.

    The mean over the logged logits averages over everything else that moves the decision: segments, lasting
    differences between accounts, effects. Channels differ in nothing but quality, so all leads serve each.

    Raises
    ------
    ValueError
        If so few leads reach the decision that a target cannot be met.
    """
    from scipy.optimize import brentq
    from scipy.special import expit

    reached = len(met.logit) / met.leads
    low = {name: target for name, target in targets.items() if target >= reached}
    if low:
        raise ValueError(f"{reached:.1%} of the leads reach the decision to sign; {low} cannot be met")
    return {
        name: float(brentq(lambda q, t=target: reached * expit(met.logit + q).mean() - t, -20, 20))
        for name, target in targets.items()
    }


def buying_days(fit: FunnelFit, met: Passage) -> tuple[float, float]:
    """Median and sigma of the buyer's own time: with the handling before it, the quartiles of the fit."""
    from scipy.special import ndtri

    spread = ndtri(0.75)
    logs = [np.log(fit.median_days * np.exp(z * fit.sigma) - met.handling_days) for z in (-spread, spread)]
    return float(np.exp(np.mean(logs))), float((logs[1] - logs[0]) / (2 * spread))


def market_text(fit: FunnelFit, met: Passage, accounts: int, source: str) -> str:
    """The fitted part of a market as YAML, to stand under its key ``market``.

    Parameters
    ----------
    fit : FunnelFit
    met : Passage
        Of a study with the business that the market is for.
    accounts : int
        Addressable companies, to which the monthly rates of contact refer.
    source : str
        Where the numbers come from, for the comment that every number carries.
    """
    (median, sigma), quality = buying_days(fit, met), channel_quality(fit.channels, met)
    origin = f"calibrated: {source};"
    lines = [f"channels:  # 1/month and logit; {origin} leads a month per company; how much better they decide"]
    for name in sorted(quality, key=lambda n: -fit.contacts[n]):
        rate = fit.contacts[name] / accounts
        lines.append(f"  {name}: {{rate_month: {rate:.5f}, quality: {quality[name]:.2f}}}")
    week = ", ".join(f"{day}: {factor:.2f}" for day, factor in fit.weekday.items())
    lines += [f"weekday: {{{week}}}  # 1; {origin} leads by weekday over their mean"]
    lines += ["figures:", "  buying_days:", "    kind: lognormal"]
    lines += [f"    median: {median:.1f}  # days; {origin} from handling by our desks to the signature"]
    lines += [f"    sigma: {sigma:.2f}  # 1; {origin} spread of the logarithm"]
    return "\n".join(lines) + "\n"


OLIST = Window(since="2018-01-01", before="2018-03-01", until="2018-03-01")
"""Leads before 2018 look left-truncated; what happened from March on is kept for comparison."""

OLIST_SOURCE = "Olist 2018 (CC BY-NC-SA 4.0), fitted on leads 2018-01-01..2018-02-28"
OLIST_ACCOUNTS = 10000


def refit_olist(leads: str, deals: str, replications: int = 20) -> str:
    """The fitted part of ``conf/market/olist.yaml``, anew from the two files.

    To be repeated when the platform's decisions before the signature, or what moves them, have changed.
    """
    from scenarios.studies.compose import compose

    fit = fit_funnel(read_funnel(Source(leads=leads, deals=deals)), OLIST)
    study = compose("platform", ["market=olist", f"market.first_contacts.path={leads}"])
    return market_text(fit, passage(study, OLIST, replications), OLIST_ACCOUNTS, OLIST_SOURCE)


if __name__ == "__main__":
    import sys

    print(refit_olist(sys.argv[1], sys.argv[2]), end="")
