"""Charts of series with their forecasts, gaps or alarms, as a picture and on a terminal."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnntext.cli import pictures

if TYPE_CHECKING:
    from rnntext.jobs.forecast_report import Report
    from rnntext.jobs.ladder import Result

PAST_SHARE = 4  # a chart of a forecast shows a past of this many times its length ...
MIN_PAST = 100  # ... but at least this many values
MAX_ROWS = 16  # of a chart on a terminal
MAX_COLUMNS = 100
MIN_COLUMNS = 20
MARGIN = 12  # columns of the terminal for the labels of the axis
TICKS = 8  # labels on the time axis of a picture

Layer = tuple[str, np.ndarray]  # a sign, and the values `[time]` that it is drawn at; NaN where there is none
Band = tuple[np.ndarray, np.ndarray]  # lower and upper edge, each `[time]`


def _first_drawn(report: Report) -> int:
    """The index of the first value in the chart. Only a long past before a forecast is cut off."""
    if report.after is None:
        return 0
    shown = max(MIN_PAST, PAST_SHARE * len(report.after))
    return max(0, len(report.series.values) - shown)


def draw(path: Path, report: Report) -> None:
    """Writes a picture with a diagram for each target: history, forecast and band, or marked values."""
    count = len(report.series.targets)
    figure = pictures.figure(10, 3.5 * count)
    diagrams = figure.subplots(count, squeeze=False)[:, 0]
    for column, axes in enumerate(diagrams):
        _draw_column(axes, report, column)
    pictures.save(figure, path, "--plot")


def _draw_column(axes: Any, report: Report, column: int) -> None:
    """Draws the diagram of one target."""
    # 1. The history.
    series = report.series
    history = series.values[:, column]  # [time]
    begin = _first_drawn(report)
    end = len(history)
    axes.plot(np.arange(begin, end), history[begin:], color="black", linewidth=1, label=series.targets[column])
    # 2. The forecast with its bands.
    last = end - 1
    if report.after is not None:
        future = np.arange(end, end + len(report.after))
        for level, (lower, upper) in report.bands.items():
            axes.fill_between(future, lower[:, column], upper[:, column], alpha=0.25, label=f"{level:g} % band")
        axes.plot(future, report.after[:, column], linewidth=1.5, label="forecast")
        last = end + len(report.after) - 1
    # 3. The marked values.
    if report.over is not None and report.marks is not None:
        marked = np.flatnonzero(report.marks[begin:, column]) + begin
        values = report.over[:, column] if report.mark == "imputed" else history
        axes.plot(marked, values[marked], "o", color="tab:red", markersize=4, label=report.mark)
    # 4. The time axis.
    ticks = np.unique(np.linspace(begin, last, TICKS).round().astype(int))
    labels = [series.axis.label(int(tick)) for tick in ticks]
    axes.set_xticks(ticks, labels, parse_math=False)
    axes.legend(loc="upper left")


def draw_ladder(path: Path, results: list[Result]) -> None:
    """Writes a picture with a bar for the mean squared error of each rung."""
    figure = pictures.figure(9, 1 + 0.3 * len(results))
    axes = figure.subplots()
    names = [f"{result.rung} {result.strategy} ({result.horizon} ahead)" for result in results]
    errors = [result.mse for result in results]
    axes.barh(range(len(results)), errors)
    axes.set_yticks(range(len(results)), names)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("mean squared error on held-out data")
    pictures.save(figure, path, "--plot")


# On a terminal --------------------------------------------------------------------------------------------------------


def show(report: Report) -> None:
    """Prints a diagram for each target on stderr; a column of the terminal stands for one value or for several."""
    from rnntext.cli.console import note

    room = shutil.get_terminal_size().columns - MARGIN
    width = max(MIN_COLUMNS, min(MAX_COLUMNS, room))
    for column, name in enumerate(report.series.targets):
        note(name)
        for line in lines(report, column, width):
            note(line)


def lines(report: Report, column: int, width: int) -> list[str]:
    """The lines of a diagram in characters: * history, o forecast, : band, ! marked values."""
    history = report.series.values[_first_drawn(report) :, column]  # [time]
    layers = [("*", history)]
    if report.marks is not None and report.over is not None:
        values = report.over[:, column] if report.mark == "imputed" else history
        marked = np.where(report.marks[:, column], values, np.nan)
        layers.append(("!", marked))
    bands: list[Band] = []
    if report.after is not None:
        past = np.full(len(history), np.nan)
        forecast = np.concatenate([past, report.after[:, column]])
        layers.append(("o", forecast))
        for edges in report.bands.values():
            lower, upper = (np.concatenate([past, edge[:, column]]) for edge in edges)  # each [time]
            bands.append((lower, upper))
    return _grid(layers, bands, width)


def _grid(layers: list[Layer], bands: list[Band], width: int) -> list[str]:
    """The lines of a diagram; a later layer covers the earlier ones, and all cover the bands."""
    # 1. Find the range of the values, and the size of the grid.
    curves = [values for _, values in layers]
    edges = [edge for band in bands for edge in band]
    everything = np.concatenate(curves + edges)
    low = float(np.nanmin(everything))
    high = float(np.nanmax(everything))
    span = high - low or 1.0
    time = max(len(values) for values in curves)
    width = min(width, time)
    last_row = MAX_ROWS - 1
    cells = np.full((MAX_ROWS, width), " ")  # [rows, columns]

    def row_of(value: float) -> int:
        return last_row - round((value - low) / span * last_row)

    def column_of(index: Any) -> int:
        return int(index) * width // time

    # 2. Draw the bands, then the curves.
    for lower, upper in bands:
        for index in np.flatnonzero(np.isfinite(lower)):
            top = row_of(upper[index])
            bottom = row_of(lower[index])
            cells[top : bottom + 1, column_of(index)] = ":"
    for sign, values in layers:
        for index in np.flatnonzero(np.isfinite(values)):
            cells[row_of(values[index]), column_of(index)] = sign
    # 3. Write the range at the first and the last line.
    labels = {0: f"{high:.4g}", last_row: f"{low:.4g}"}
    return [f"{labels.get(row, ''):>10} {''.join(line)}".rstrip() for row, line in enumerate(cells)]
