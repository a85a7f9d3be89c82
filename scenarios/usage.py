"""The verbs of ``tobsim``, how each is called, and what its exit code says."""

from __future__ import annotations

DONE, DEFECT, WRONG, FAILED, STOPPED = 0, 1, 2, 3, 130

VERBS = {
    "init": ("init DIR [business=tool]", "a study folder of your own, which runs as it is"),
    "run": ("run business=tool [key=value ...]", "simulate a business, store, forecast, report"),
    "compare": ("compare business=tool scenarios=[baseline,NAME]", "plans against the first: how much, how sure, why"),
    "sweep": (
        "sweep experiment=NAME business=tool [dry=true]",
        "all points of an experiment; goes on where it stopped",
    ),
    "optimise": (
        "optimise experiment=NAME [experiment.budget.trials=120]",
        "the best plan under limits, confirmed on fresh seeds; goes on where it stopped",
    ),
    "forecast": ("forecast source=RUN|FILE.csv [truth=true]", "forecast a run, several, or a file; how good, how sure"),
    "levers": ("levers [business=tool] [format=text|csv|json]", "every lever: key, unit, range, meaning"),
    "report": ("report RUN", "build the report of a run again"),
    "validate": (
        "validate RUN|BUNDLE|source=DIR [actual=FILE.csv]",
        "check files and books of whatever tobsim wrote, or score a study against what came",
    ),
    "reproduce": ("reproduce RUN|BUNDLE [points=20]", "make it again and say identical, or the first difference"),
    "export": (
        "export RUN format=csv|xlsx|figures|xes|nixtla|vidigi|opening|bundle",
        "hand a run to others: programs, people",
    ),
}
"""By verb: how it is called, and what it does."""

USAGE = """tobsim simulates business-to-business operations, from first contact to renewal.

{verbs}

tobsim VERB --help says more. Results go to stdout, everything else to stderr.
"""


def usage() -> str:
    """The list of verbs."""
    width = max(len(call) for call, _ in VERBS.values())
    lines = [f"  tobsim {call:{width}}  {what}" for call, what in VERBS.values()]
    return USAGE.format(verbs="\n".join(lines))
