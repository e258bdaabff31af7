"""Series and what was found out about them: as a picture, and on a terminal."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnntext.cli import pictures

if TYPE_CHECKING:
    from rnntext.jobs.ladder import Result
    from rnntext.text.series import Series

SHOWN = 4  # times as much of the past as of the future is drawn ...
LEAST = 100  # ... but at least so many values
ROWS, COLUMNS = 16, 100  # most of a terminal that is used


@dataclasses.dataclass(frozen=True)
class Picture:
    """What there is to be drawn and written.

    Attributes:
        records: the results.
        series: the past.
        after: a forecast `[steps, targets]`, with its `band`, lower and upper.
        over: another series for the time of the past, `[time, targets]`.
        marks: values of it to be marked, called `mark`.
    """

    records: list[dict[str, Any]]
    series: Series
    after: np.ndarray | None = None
    band: tuple[np.ndarray, np.ndarray] | None = None
    over: np.ndarray | None = None
    marks: np.ndarray | None = None
    mark: str = ""

    def begin(self) -> int:
        """The first value that is drawn: all of them, but for a long past before a forecast."""
        if self.after is None:
            return 0
        return max(0, len(self.series.values) - max(LEAST, SHOWN * len(self.after)))


def draw(path: Path, picture: Picture) -> None:
    """Writes one diagram for each column: history, forecast and band, or what was marked."""
    series, begin = picture.series, picture.begin()
    count = len(series.targets)
    figure = pictures.figure(10, 3.5 * count)
    past, end = np.arange(begin, len(series.values)), len(series.values)
    for n, (axes, name) in enumerate(zip(figure.subplots(count, squeeze=False)[:, 0], series.targets, strict=True)):
        axes.plot(past, series.values[begin:, n], color="black", linewidth=1, label=name)
        if picture.after is not None and picture.band is not None:
            after = np.arange(end, end + len(picture.after))
            axes.fill_between(after, picture.band[0][:, n], picture.band[1][:, n], alpha=0.25, label="80 % band")
            axes.plot(after, picture.after[:, n], linewidth=1.5, label="forecast")
        if picture.over is not None and picture.marks is not None:
            marked = np.flatnonzero(picture.marks[begin:, n]) + begin
            values = picture.over[:, n] if picture.mark == "imputed" else series.values[:, n]
            axes.plot(marked, values[marked], "o", color="tab:red", markersize=4, label=picture.mark)
        last = end - 1 if picture.after is None else end + len(picture.after) - 1
        places = np.unique(np.linspace(begin, last, 8).round().astype(int))
        axes.set_xticks(places, [series.axis.label(int(place)) for place in places], parse_math=False)
        axes.legend(loc="upper left")
    pictures.save(figure, path, "--plot")


def draw_ladder(path: Path, found: list[Result]) -> None:
    """Writes a bar for each rung: its mean squared error."""
    figure = pictures.figure(9, 1 + 0.3 * len(found))
    axes = figure.subplots()
    names = [f"{result.rung} {result.strategy} ({result.horizon} ahead)" for result in found]
    axes.barh(range(len(found)), [result.mse for result in found])
    axes.set_yticks(range(len(found)), names)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("mean squared error on held-out data")
    pictures.save(figure, path, "--plot")


# On a terminal --------------------------------------------------------------------------------------------------------


def show(picture: Picture) -> None:
    """The same on stderr, in characters: one column of the terminal for one value or for several."""
    from rnntext.cli.console import note

    width = max(20, min(COLUMNS, shutil.get_terminal_size().columns - 12))
    for n, name in enumerate(picture.series.targets):
        note(name)
        for line in lines(picture, n, width):
            note(line)


def lines(picture: Picture, column: int, width: int) -> list[str]:
    """A diagram in characters: * history, o forecast, : its band, ! what was marked."""
    history = picture.series.values[picture.begin() :, column]
    layers = [("*", history)]
    if picture.marks is not None and picture.over is not None:
        values = picture.over[:, column] if picture.mark == "imputed" else history
        layers.append(("!", np.where(picture.marks[:, column], values, np.nan)))
    bands: list[tuple[np.ndarray, np.ndarray]] = []
    if picture.after is not None and picture.band is not None:
        gap = np.full(len(history), np.nan)
        layers.append(("o", np.concatenate([gap, picture.after[:, column]])))
        bands.append(tuple(np.concatenate([gap, edge[:, column]]) for edge in picture.band))  # type: ignore[arg-type]
    return _grid(layers, bands, width)


def _grid(layers: list[tuple[str, np.ndarray]], bands: list[tuple[np.ndarray, np.ndarray]], width: int) -> list[str]:
    everything = np.concatenate([values for _, values in layers] + [edge for band in bands for edge in band])
    low, high = float(np.nanmin(everything)), float(np.nanmax(everything))
    span = high - low or 1.0
    time = max(len(values) for _, values in layers)
    width = min(width, time)
    cells = np.full((ROWS, width), " ")

    def row(value: float) -> int:
        return ROWS - 1 - round((value - low) / span * (ROWS - 1))

    def place(index: Any) -> int:
        return int(index) * width // time

    for lower, upper in bands:
        for index in np.flatnonzero(np.isfinite(lower)):
            cells[row(upper[index]) : row(lower[index]) + 1, place(index)] = ":"
    for sign, values in layers:
        for index in np.flatnonzero(np.isfinite(values)):
            cells[row(values[index]), place(index)] = sign
    edges = {0: f"{high:.4g}", ROWS - 1: f"{low:.4g}"}
    return [f"{edges.get(n, ''):>10} {''.join(line)}".rstrip() for n, line in enumerate(cells)]
