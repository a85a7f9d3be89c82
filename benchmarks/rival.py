"""Forecasts by statsforecast, for ``benchmarks.forecast``: run by the python of an environment that holds it.

Nothing of this project is imported: statsforecast needs an older pandas. Arguments: a CSV file (unique_id, y), the
horizon, the cycle, the file to write, and names of models. The first series is fitted once more before the clock
starts, as compiled parts are loaded then.
"""

import importlib
import sys
import time

import numpy as np
import pandas as pd

LEVELS = (80, 95)


def forecasts(series: pd.DataFrame, model: object, name: str, h: int) -> pd.DataFrame:
    """Mean, bounds and CPU seconds of every series, a row for each step."""
    parts = []
    for number, (unique_id, part) in enumerate(series.groupby("unique_id", sort=False)):
        y = part["y"].to_numpy(float)
        if number == 0:
            model.forecast(y, h, level=list(LEVELS))  # type: ignore[attr-defined]
        begin = time.process_time()
        found = model.forecast(y, h, level=list(LEVELS))  # type: ignore[attr-defined]
        seconds = time.process_time() - begin
        bounds = {f"{side}-{level}": found[f"{side}-{level}"] for level in LEVELS for side in ("lo", "hi")}
        held = {"unique_id": unique_id, "model": name, "step": np.arange(1, h + 1), "mean": found["mean"], **bounds}
        parts.append(pd.DataFrame({**held, "cpu": seconds}))
    return pd.concat(parts)


def main() -> None:
    """Read, forecast, write."""
    source, horizon, season, target, *names = sys.argv[1:]
    models = importlib.import_module("statsforecast.models")
    series = pd.read_csv(source)
    tables = [forecasts(series, getattr(models, n)(season_length=int(season)), n, int(horizon)) for n in names]
    pd.concat(tables).to_csv(target, index=False)


if __name__ == "__main__":
    main()
