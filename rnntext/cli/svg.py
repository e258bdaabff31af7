"""Drawings as inline SVG, whose colours are classes of the style sheet of a page."""

from __future__ import annotations

import dataclasses
import html
import math
import unicodedata
from collections.abc import Iterator, Sequence

from rnntext.cli.console import visible

WIDTH = 480  # of a chart, in its own units; letters stay readable where a phone shows it in 340 pixels
HEIGHT = 260
LEFT = 62  # margin for the labels of the axis
RIGHT = 24
TOP = 12
BOTTOM = 44
TICKS = 5  # labels of an axis, about
DIGIT = 10  # width of a digit of them, at the most
MAX_DECIMALS = 4  # of a label that has no exponent
MAX_WRITTEN = 1e7  # likewise
MAX_DRAWN = 1e100  # absolute value; larger ones are left out
ROUNDING = 1e-12  # a range that is smaller than this, relative to the values, is a rounding error
CELL = 22  # width and height of a cell of a heat map
LETTER = 8  # width of a letter beside a heat map, at the most


def text(value: object) -> str:
    """Text for a page: neither HTML nor control characters in it have an effect."""
    return html.escape(visible(str(value)))


@dataclasses.dataclass(frozen=True)
class Line:
    """A curve.

    Attributes:
        kind: its class in the style sheet.
        x, y: its points; where y is NaN, it has a gap.
    """

    kind: str
    x: Sequence[float]
    y: Sequence[float]


@dataclasses.dataclass(frozen=True)
class Band:
    """The area between two curves; see `Line`."""

    kind: str
    x: Sequence[float]
    lower: Sequence[float]
    upper: Sequence[float]


@dataclasses.dataclass(frozen=True)
class Dot:
    """A marked point; `title` is shown under the pointer."""

    kind: str
    x: float
    y: float
    title: str


@dataclasses.dataclass(frozen=True)
class _Scale:
    """A linear map of values to places, from `low` at `start` to `high` at `end`."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def of(cls, values: Sequence[float], start: float, end: float) -> _Scale:
        low = min(values)
        high = max(values)
        size = max(abs(low), abs(high))
        if high - low <= ROUNDING * size or size * MAX_DRAWN < 1:  # values that are all the same lie in the middle
            room = size if size * MAX_DRAWN > 1 else 1.0
            low -= room
            high += room
        return cls(low, high, start, end)

    def __call__(self, value: float) -> str:
        place = self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)
        return f"{place:.1f}"

    def ticks(self, whole: bool = False) -> list[tuple[float, str]]:
        """Round numbers between `low` and `high`, with their labels: multiples of 1, 2 or 5 times a power of ten.

        Args:
            whole: only whole numbers.
        """
        raw = (self.high - self.low) / TICKS
        if whole:
            raw = max(raw, 1.0)
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
        first = math.ceil(self.low / step)
        last = math.floor(self.high / step)
        return [(number * step, _label(number * step, step)) for number in range(first, last + 1)]


def _label(number: float, step: float) -> str:
    """A number with as many digits as tell it from its neighbours, which are a step away."""
    if number == 0:
        return "0"
    last = math.floor(math.log10(step * 1.001))  # the power of ten of the last digit
    if last >= -MAX_DECIMALS and abs(number) < MAX_WRITTEN:
        return f"{number:,.{max(0, -last)}f}"
    first = math.floor(math.log10(abs(number) * 1.001))
    return f"{number:.{max(0, first - last)}e}"


def chart(
    lines: Sequence[Line], dots: Sequence[Dot] = (), bands: Sequence[Band] = (), *, title: str, across: str
) -> str:
    """A diagram of curves; empty if no point has a value.

    Args:
        title: what is drawn, for those who cannot see it.
        across: the name of the horizontal axis, which counts.
    """
    # 1. Find the range of all values.
    points = [point for line in lines for point in _drawn(line.x, line.y)]
    points += [(dot.x, dot.y) for dot in dots if abs(dot.y) < MAX_DRAWN]
    for band in bands:
        points += [*_drawn(band.x, band.lower), *_drawn(band.x, band.upper)]
    if not points:
        return ""
    y = _Scale.of([point[1] for point in points], HEIGHT - BOTTOM, TOP)
    longest = max(len(label) for _, label in y.ticks())
    x = _Scale.of([point[0] for point in points], max(LEFT, 8 + DIGIT * longest), WIDTH - RIGHT)
    # 2. Draw the axes, the bands, the curves, and the marked points on top of them.
    parts = [f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{text(title)}">']
    parts += _axes(x, y, across)
    for band in bands:
        edge = [*_drawn(band.x, band.upper), *reversed(list(_drawn(band.x, band.lower)))]
        places = " ".join(f"{x(a)},{y(b)}" for a, b in edge)
        parts.append(f'<polygon class="{band.kind}" points="{places}"/>')
    for line in lines:
        parts.append(f'<path class="{line.kind}" d="{_path(line, x, y)}"/>')
    for dot in dots:
        if abs(dot.y) < MAX_DRAWN:
            place = f'cx="{x(dot.x)}" cy="{y(dot.y)}"'
            parts.append(f'<circle class="{dot.kind}" {place} r="5"><title>{text(dot.title)}</title></circle>')
    return "".join([*parts, "</svg>"])


def _drawn(x: Sequence[float], y: Sequence[float]) -> Iterator[tuple[float, float]]:
    """The points that have a value; comparisons with NaN are false."""
    return ((a, b) for a, b in zip(x, y, strict=True) if abs(b) < MAX_DRAWN)


def _path(line: Line, x: _Scale, y: _Scale) -> str:
    """The path of a curve. A point alone between gaps is drawn as a dot by the round ends of lines."""
    parts: list[str] = []
    last = math.nan
    values = list(zip(line.x, line.y, strict=True))
    for index, (a, b) in enumerate(values):
        if abs(b) < MAX_DRAWN:
            begins = not abs(last) < MAX_DRAWN
            parts.append(f"{'M' if begins else 'L'}{x(a)},{y(b)}")
            if begins and (index + 1 == len(values) or not abs(values[index + 1][1]) < MAX_DRAWN):
                parts.append("h0")
        last = b
    return "".join(parts)


def _axes(x: _Scale, y: _Scale, across: str) -> list[str]:
    """The lines of a grid, and the labels of both axes; the horizontal one counts."""
    parts = []
    left = x.start
    for tick, label in y.ticks():
        parts.append(f'<path class="grid" d="M{left},{y(tick)}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{left - 6}" y="{y(tick)}" dy=".32em" text-anchor="end">{label}</text>')
    for tick, label in x.ticks(whole=True):
        parts.append(f'<text x="{x(tick)}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">{label}</text>')
    middle = (left + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle:g}" y="{HEIGHT - 6}" text-anchor="middle">{text(across)}</text>')
    return parts


def _width(name: str) -> int:
    """The room that a name takes at the most. Chinese letters and emoji are twice as wide as others."""
    return LETTER * sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in visible(name))


def heat_map(rows: Sequence[str], columns: Sequence[str], weights: Sequence[Sequence[float]], title: str) -> str:
    """A table of weights from 0 to 1 as a picture, which keeps its size where there is little room.

    Args:
        rows, columns: their names.
        weights: of each row.
        title: what is drawn, for those who cannot see it.
    """
    # 1. Leave room for the names.
    left = 8 + max(map(_width, rows), default=0)
    top = 8 + max(map(_width, columns), default=0)
    width = left + CELL * len(columns) + 4
    height = top + CELL * len(rows) + 4
    # 2. Write the names, those of the columns upwards.
    parts = [f'<svg class="heat" width="{width}" height="{height}" role="img" aria-label="{text(title)}">']
    for column, name in enumerate(columns):
        x = left + CELL * column + CELL / 2
        parts.append(f'<text transform="translate({x:g},{top - 5}) rotate(-90)" dy=".32em">{text(name)}</text>')
    for row, (name, values) in enumerate(zip(rows, weights, strict=True)):
        y = top + CELL * row
        parts.append(f'<text x="{left - 5}" y="{y + CELL / 2:g}" dy=".32em" text-anchor="end">{text(name)}</text>')
        # 3. Fill a cell for each weight.
        for column, weight in enumerate(values):
            place = f'x="{left + CELL * column}" y="{y}" width="{CELL}" height="{CELL}"'
            parts.append(f'<rect {place} fill-opacity="{weight:.2f}"><title>{weight:.2f}</title></rect>')
    return "".join([*parts, "</svg>"])
