"""How an answer looked at the source: as a picture, and on a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnntext.cli import pictures

if TYPE_CHECKING:
    from rnntext.jobs.translation import Translation

INCHES = 0.35  # of a token
_SHADES = " ░▒▓█"


def draw(path: Path, translation: Translation) -> None:
    """Writes a heat map: a row for each token of the answer, a column for each of the source."""
    answer = translation.answers[0]
    weights, columns, rows = _map(translation), translation.source_tokens, answer.tokens
    figure = pictures.figure(2 + INCHES * len(columns), 1.5 + INCHES * len(rows))
    axes = figure.subplots()
    axes.imshow(weights, cmap="Greys", vmin=0, vmax=1, aspect="equal")
    axes.set_xticks(range(len(columns)), columns, rotation=60, ha="left", rotation_mode="anchor", parse_math=False)
    axes.set_yticks(range(len(rows)), rows, parse_math=False)
    axes.xaxis.tick_top()
    pictures.save(figure, path, "--alignment")


def show(translation: Translation) -> None:
    """The same on stderr, in shades of grey."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 1), pad_edge=False)
    table.add_column("")
    for token in translation.source_tokens:
        table.add_column(token, justify="center", no_wrap=True)
    for token, row in zip(translation.answers[0].tokens, _map(translation), strict=True):
        cells = [_SHADES[min(len(_SHADES) - 1, int(weight * len(_SHADES)))] * 3 for weight in row]
        table.add_row(token, *cells)
    Console(stderr=True, markup=False, emoji=False).print(table)


def _map(translation: Translation) -> np.ndarray:
    """The weights `[answer, source]`; zeros for a blank line."""
    found = translation.answers[0].attention
    shape = (len(translation.answers[0].tokens), len(translation.source_tokens))
    return np.zeros(shape, np.float32) if found is None or found.shape != shape else found
