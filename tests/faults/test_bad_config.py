"""Wrong configurations: each is refused with one line that names the key, the value and what would be right."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scenarios.errors import InputError
from scenarios.studies.compose import compose
from scenarios.studies.raw import MAX_BYTES, scan_bytes, scan_text

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
LOOP = (
    "business.route.call.otherwise=ask",
    "business.route.ask={kind: gate, decision: sign, then: again, otherwise: pool}",
    "business.route.again={kind: gate, decision: sign, then: ask, otherwise: pool}",
)
ISLAND = "{kind: wait, delay_days: {kind: fixed, value: 3}, then: island}"
EFFECT = "{strength: 1, range: [0, 2], evidence: [assumption]}"


def problems_of(*overrides: str, folder: Path = MINI) -> list[str]:
    """What is wrong with the small study under these overrides."""
    with pytest.raises(InputError) as caught:
        compose("mini", ["effects=none", *overrides], config_dir=folder)
    return caught.value.problems


ONE_LINE = [
    # override, where, what must be in the line
    ("policy.desks.sales.head=3", "policy.desks.sales.head", "did you mean heads?"),
    ("buisness=mini", "buisness", "did you mean business?"),
    ("policy.desks.sales.heads=many", "policy.desks.sales.heads", 'a whole number (people), 0 or more, got "many"'),
    ("policy.desks.sales.heads=2.5", "policy.desks.sales.heads", "got 2.5"),
    ("policy.desks.sales.heads=-1", "policy.desks.sales.heads", "0 or more, got -1"),
    ("policy.desks.sales.heads='010'", "policy.desks.sales.heads", "without quotes and leading zeros"),
    ("market.noise=nan", "market.noise", "finite number, got nan"),
    ("policy.finance.fixed_month=inf", "policy.finance.fixed_month", "finite number, got Infinity"),
    ("horizon.days=1e999", "horizon.days", "finite number"),
    ("business.decisions.qualify.base=-0.1", "business.decisions.qualify.base", "from 0 to 1, got -0.1"),
    ("business.decisions.sign.base.small=1.2", "business.decisions.sign.base.small", "from 0 to 1, got 1.2"),
    ("business.decisions.renew.base='30%'", "business.decisions.renew.base", "0.3 for 30%"),
    ("business.decisions.renew.base=no", "business.decisions.renew.base", 'got "no"'),
    ("business.decisions.renew.base=false", "business.decisions.renew.base", "reads yes, no, on and off"),
    ("business.decisions.renew.base={small: 0.5}", "business.decisions.renew.base", "lacks segments, got no large"),
    ("business.decisions.sign.base.lrge=0.5", "business.decisions.sign.base.lrge", "did you mean large?"),
    ("market.segments.small.share=0.74", "market.segments", "must sum to 1, got 0.99"),
    ("market.channels.search.rate_month=-1", "market.channels.search.rate_month", "from 0 to 10, got -1"),
    ("horizon.days=0", "horizon.days", "above 0 and at most 36525, got 0"),
    ("horizon.start=2025-02-30", "horizon.start", "YYYY-MM-DD"),
    ("policy.calendar.holidays.x=1.5.2025", "policy.calendar.holidays.x", "YYYY-MM-DD"),
    ("replications=0", "replications", "from 1 to 100000, got 0"),
    ("seed=-1", "seed", "got -1"),
    (f"seed={2**129}", "seed", "from 0 to"),
    ("market.accounts=0", "market.accounts", "1 or more, got 0"),
    ("execution.budget.runs=0", "execution.budget.runs", "1 or more, got 0"),
    ("execution.budget.memory=-1", "execution.budget.memory", "above 0, got -1"),
    ("business.currency='<script>'", "business.currency", "three letters, for example CNY"),
    ("business.currency=''", "business.currency", "three letters, for example CNY"),
    ("business.name=../../etc", "business.name", "A-Z a-z 0-9"),
    ("policy.name=CON", "policy.name", "reserved name"),
    ("market.name=" + "x" * 300, "market.name", "1 to 64"),
    ("business.name=''", "business.name", "is no name"),
    ("policy.finance.discount_rate=-1", "policy.finance.discount_rate", "is an unknown key, got -1"),
    ("business.route.call.then=trail", "business.route.call.then", "did you mean trial?"),
    ("business.route.call.kind=dsk", "business.route.call", "did you mean desk?"),
    ("business.route.call.work_hours.kind=gauss", "business.route.call.work_hours", "kind: exponential"),
    ("business.route.call.work_hours.sigma=-1", "business.route.call.work_hours.sigma", "from 0 to 5, got -1"),
    ("business.route.visit.work_hours.low=3", "business.route.visit.work_hours", "low <= mode <= high, got [3, 2, 4]"),
    ("business.route.visit.work_hours.median=3", "business.route.visit.work_hours.median", "of kind triangular"),
    ("business.route.call.desks={salez: required}", "business.route.call.desks.salez", "did you mean sales?"),
    ("business.route.call.emits_then=qualifed", "business.route.call.emits_then", "did you mean qualified?"),
    ("business.route.offer.decision=sing", "business.route.offer.decision", "did you mean sign?"),
    ("business.route.customer.leave=leave", "business.route.customer.leave", "one of the two"),
    ("business.start=cal", "business.start", "did you mean call?"),
    ("business.milestones.lead=tuched", "business.milestones.lead", "did you mean touched?"),
    ("business.revenue.seats.product=seats", "business.revenue.seats.product", "did you mean seat?"),
    ("business.revenue.seats.kind=subscripton", "business.revenue.seats", "did you mean subscription?"),
    ("policy.channels.serch.spend_month=3", "policy.channels.serch", "did you mean search?"),
    ("~market.season.jan", "market.season", "got no jan"),
    ("market.weekday.mo=1", "market.weekday.mo", "is no weekday"),
    ("policy.conversion.trial_day=3", "policy.conversion.trial_day", "did you mean trial_days?"),
    ("policy.conversion.trial_days=many", "policy.conversion.trial_days", "business.route.trial.delay_days.value"),
    (f"effects.sing.fit={EFFECT}", "effects.sing", "did you mean sign?"),
    (f"effects.sign.fitt={EFFECT}", "effects.sign.fitt", "did you mean fit?"),
    ("effects.sign.fit={strength: 1, range: [2, 0], evidence: [C1]}", "effects.sign.fit.range", "[low, high]"),
    ("scenario=chepaer", "scenario", "did you mean cheaper?"),
    ("market=mimi", "market", "did you mean mini?"),
    ("scenario=../../etc", "scenario", "A-Z a-z 0-9"),
    ("scenario=CON", "scenario", "reserved name"),
    ("scenario=" + "x" * 300, "scenario", "1 to 64"),
    ("scenario=''", "scenario", "is no name"),
    ("scenario='<script>'", "scenario", "A-Z a-z 0-9"),
    ("market.segments.<b>.share=0", "override", "cannot be read"),
    ("market.label=市场", "override", 'without quotes, got "市场"; "market.label=\'市场\'"'),
    ("market.label=市场,上海", "override", "\"market.label='市场,上海'\""),
    ("forecast.decimal=,", "override", 'without quotes, got ","; "forecast.decimal=\',\'"'),
    ("forecast.hierarchy=[地区,店铺]", "override", "\"forecast.hierarchy=['地区','店铺']\""),
    ("forecast.columns={y: 销售额}", "override", "text in other than Latin letters in quotes"),
    ("a=[1,", "override", "lists as [a,b]"),
    ("a=" + "[" * 5000, "override", "nested too deep"),
    ("horizon.days", "override", "key=value"),
    ("policy.desks.sales.heads=1,2", "policy.desks.sales.heads", "-m for several runs"),
    ("policy._target_=os.system", "policy._target_", "run nothing"),
    ("business={_partial_: true}", "business", "name of an option"),
    ("market.label=${oc.env:HOME}", "market.label", "refers to what is not a key"),
    ("market.label='${policy.nme}'", "market.label", "did you mean name?"),
    ("market.label='${market.label}'", "market.label", "refers to itself"),
    ("hydra.callbacks.x=1", "hydra.callbacks.x", "settings of the study"),
    ("~policy.channels.serch", "policy.channels.serch", "did you mean search?"),
    ("~policy", "policy", "cannot be deleted"),
    ("policy@business=mini", "policy", "is no key"),
    ("execution.backend=cloud", "execution.backend", "one of local"),
    ("tables=[eventz]", "tables.0", "one of accounts"),
    ("business=tool", "business", "chosen twice"),
]


@pytest.mark.parametrize(("override", "where", "words"), ONE_LINE, ids=[case[0][:40] for case in ONE_LINE])
def test_one_mistake_is_one_line(override: str, where: str, words: str) -> None:
    """Where, what, got, and what would be right: one line for one mistake."""
    problems = problems_of(override)
    hits = [p for p in problems if p.startswith((where + ":", where + ' "')) and words in p]
    assert len(hits) == 1, problems
    assert len(problems) == 1, problems
    assert "\n" not in hits[0]
    assert "got" in hits[0]


def test_a_population_of_a_planet_is_refused() -> None:
    """Before anything is made of it: too many events, too much memory."""
    problems = problems_of("market.accounts=1000000000000")
    assert [p.split("=")[0].rpartition(" ")[2] for p in problems] == [
        "execution.budget.events",
        "execution.budget.memory",
    ]


def test_all_mistakes_are_reported_at_once() -> None:
    """Types, ranges, names, sums and unknown keys do not hide one another."""
    problems = problems_of(
        "policy.desks.sales.heads=many",
        "business.decisions.qualify.base=1.2",
        "business.route.offer.otherwise=pol",
        "market.segments.small.share=0.5",
        "market.nois=1",
        "horizon.start=soon",
        "policy.finance.fixed_month=nan",
    )
    wheres = {problem.split(":")[0] for problem in problems}
    assert wheres == {
        "policy.desks.sales.heads",
        "business.decisions.qualify.base",
        "business.route.offer.otherwise",
        "market.segments",
        "market.nois",
        "horizon.start",
        "policy.finance.fixed_month",
    }


def test_a_circle_without_delay_is_refused() -> None:
    """Gates that lead to one another would never end."""
    assert any("circle without delay, got again, ask" in p for p in problems_of(*LOOP))


def test_a_stop_out_of_reach_or_without_exit_is_refused() -> None:
    """A stop nobody comes to, and one that leads to itself only."""
    problems = problems_of(f"business.route.island={ISLAND}")
    assert [p.split(",")[0] for p in problems] == [
        "business.route.island: is out of reach",
        "business.route.island: has no exit",
    ]


def test_a_customer_who_can_never_leave_is_refused() -> None:
    """Neither a term nor a decision to leave."""
    problems = problems_of("business.route.customer.term_months=null", "business.route.customer.leave=null")
    assert any(p.startswith("business.route.customer: has no exit") for p in problems)


def test_a_reference_bomb_is_refused() -> None:
    """References that double at every level do not fill the memory."""
    bomb = ["policy.terms.a0={x: 1, y: 2}"]
    bomb += [
        f"policy.terms.a{n}={{x: '${{policy.terms.a{n - 1}}}', y: '${{policy.terms.a{n - 1}}}'}}" for n in range(1, 25)
    ]
    assert any("grows too large" in p for p in problems_of(*bomb))


def test_no_heads_at_a_required_desk_is_a_warning() -> None:
    """Possible, and said."""
    study = compose("mini", ["effects=none", "policy.desks.sales.heads=0"], config_dir=MINI)
    assert any("policy.desks.sales.heads: is 0 and stop call requires" in w for w in study.warnings)


def test_strength_outside_its_range_is_a_warning() -> None:
    """An effect may be stronger than its evidence."""
    effect = "effects.sign.fit={strength: 3, range: [0, 2], evidence: [C1]}"
    study = compose("mini", ["effects=none", effect], config_dir=MINI)
    assert any("effects.sign.fit.strength" in w for w in study.warnings)


def test_the_largest_seed_is_accepted() -> None:
    """Seeds have 128 bits."""
    assert compose("mini", ["effects=none", f"seed={2**128 - 1}"], config_dir=MINI).seed == 2**128 - 1


RAW = [
    ("a: 1\na: 2\n", "twice"),
    ("a:\n  b: 1\n  b: 2\n", "a.b: is given twice"),
    ("a: no\n", "true or false, got no"),
    ("a: Yes\n", "true or false, got Yes"),
    ("no: 1\n", "a key must be text"),
    ("2024: 1\n", "a key must be text"),
    ("a: 010\n", "begins with a zero (YAML reads an octal number), got 010; 10"),
    ("a: 12:30:45\n", "base 60, got 12:30:45"),
    ("a: .nan\n", "finite number, got .nan"),
    ("a: -.inf\n", "finite number, got -.inf"),
    ("", "is empty"),
    ("# only a comment\n", "is empty"),
    ("- 1\n- 2\n", "mapping at the top, got a list"),
    ("just text\n", "mapping at the top"),
    ("a:\n\tb: 1\n", "indented with a tab"),
    ("a: [1,\n", "is not YAML"),
    ("a: &x [1]\nb: *x\n", "anchor or alias, got"),
    ("a: !!python/object:os.system x\n", "has a tag"),
    ("a: !foo x\n", "has a tag"),
    ("a: {_target_: os.system}\n", "a._target_: is not allowed"),
    ("a: {_partial_: true}\n", "a._partial_: is not allowed"),
    ("hydra: {callbacks: {}}\n", "node of Hydra's own"),
    ("# @package hydra.callbacks\na: 1\n", "writes into another package"),
    ("defaults:\n  - override /hydra/launcher: x\n", "defaults: is not allowed"),
    ("defaults:\n  - business: ${oc.env:HOME}\n", "defaults: is not allowed"),
    ("defaults: 3\n", "defaults: must be a list"),
    ("a: ${oc.env:HOME}\n", "refers to what is not a key"),
    ("a: prefix ${policy.name}\n", "refers to what is not a key"),
    ("a: ${..b}\n", "refers to what is not a key"),
    ("'../../etc': 1\n", "is no name"),
    ("CON: 1\n", "reserved name"),
    ("<script>: 1\n", "is no name"),
    ("a: 1\n---\nb: 2\n", "several documents"),
    ("a: " + "[" * 40 + "]" * 40 + "\n", "nested too deep"),
    ("a: [" + "1," * 100_001 + "]\n", "too many values"),
]


@pytest.mark.parametrize(("text", "words"), RAW, ids=[repr(case[0][:24]) for case in RAW])
def test_the_raw_scan_sees_what_parsers_change(text: str, words: str) -> None:
    """One line with the file, the line and what would be right."""
    problems = scan_text(text, "x.yaml")
    assert any(words in p for p in problems), problems
    assert all(p.startswith("x.yaml") and "; " in p and "\n" not in p for p in problems)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("a: 1\n".encode("utf-16"), "got UTF-16"),
        (b"\x7fELF\x00\x01", "NUL bytes"),
        (b"a: \xe9\n", "not UTF-8"),
        (b"\xef\xbb\xbfa: 1\n", "byte order mark"),
    ],
)
def test_what_is_no_text_is_refused(raw: bytes, words: str) -> None:
    """Encodings are named."""
    assert any(words in p for p in scan_bytes(raw, "x.yaml"))


@pytest.mark.parametrize("text", ["a: 'no'\n", "a: '010'\n", "a: 0.1\nb: 1e3\nc: 2025-01-01\n", "a: ${b.c}\n", "{}\n"])
def test_the_raw_scan_passes_plain_data(text: str) -> None:
    """Quoted words, numbers, dates and references are fine."""
    assert scan_text(text, "x.yaml") == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's own configuration folder."""
    return Path(shutil.copytree(MINI, tmp_path / "my conf"))


def test_every_file_of_the_user_is_scanned(folder: Path) -> None:
    """All mistakes of all files at once, each with its file and line; nothing is composed."""
    (folder / "scenario" / "a.yaml").write_text("# @package _global_\npolicy: {finance: {commission: 010}}\n")
    (folder / "scenario" / "b.yaml").write_text("# @package _global_\nhydra: {callbacks: {x: {_target_: os.system}}}\n")
    problems = problems_of(folder=folder)
    assert [p.split(" ")[0] for p in problems] == ["scenario/a.yaml:2:", "scenario/b.yaml:2:", "scenario/b.yaml:2:"]


def test_a_file_that_would_be_ignored_is_refused(folder: Path) -> None:
    """A shipped name, another ending, a shipped root."""
    shutil.copy(folder / "business" / "mini.yaml", folder / "business" / "tool.yaml")
    (folder / "scenario" / "x.yml").write_text("{}\n")
    (folder / "config.yaml").write_text("seed: 3\n")
    problems = problems_of(folder=folder)
    assert {p.split(":")[0] for p in problems} == {"business/tool.yaml", "scenario/x.yml", "config.yaml"}


def test_a_huge_file_is_refused(folder: Path) -> None:
    """Before it is read."""
    (folder / "scenario" / "big.yaml").write_text("a: " + "x" * MAX_BYTES + "\n")
    assert any("too large" in p for p in problems_of(folder=folder))


def test_a_link_out_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    """Files are the user's own folder, nothing behind it."""
    (tmp_path / "secret.yaml").write_text("a: 1\n")
    (folder / "scenario" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    assert any("leads out of the folder" in p for p in problems_of(folder=folder))


def test_a_scenario_that_chooses_what_does_not_exist(folder: Path) -> None:
    """Mistakes in defaults lists are worded like others."""
    text = "# @package _global_\ndefaults:\n  - override /policy: mimi\n{}\n"
    (folder / "scenario" / "a.yaml").write_text(text.replace("{}\n", "seed: 1\n"))
    problems = problems_of("scenario=a", folder=folder)
    assert problems == ['policy: is unknown, got "mimi"; did you mean mini?']


def test_a_business_that_names_no_policy(folder: Path) -> None:
    """The user is told to choose one."""
    text = (folder / "business" / "mini.yaml").read_text().replace("  - override /policy: mini\n", "")
    (folder / "business" / "mini.yaml").write_text(text)
    assert any("policy" in p for p in problems_of(folder=folder))


def test_a_missing_folder_is_refused() -> None:
    """Where the folder should be."""
    with pytest.raises(InputError, match="config_dir: is no folder"):
        compose("tool", config_dir="/nowhere/at/all")


def test_a_missing_value_is_named(folder: Path) -> None:
    """``???`` asks for a value."""
    text = (folder / "policy" / "mini.yaml").read_text().replace("heads: 3", "heads: '???'")
    (folder / "policy" / "mini.yaml").write_text(text)
    assert problems_of(folder=folder) == ["policy.desks.sales.heads: is missing, got ???; a value of your own"]
