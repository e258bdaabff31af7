"""Attention weights of a translation, as a picture and on a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnntext.cli import pictures
from rnntext.cli.console import visible

if TYPE_CHECKING:
    from rnntext.jobs.answers import Translation

INCHES = 0.35  # width and height of a token's cell in the picture
_SHADES = " ░▒▓█"  # from weight 0 to weight 1


def draw(path: Path, translation: Translation) -> None:
    """Writes a heat map of the weights: a row for each token of the translation, a column for each of the source."""
    weights = _weights(translation)  # [target, source]
    source_tokens = translation.source_tokens
    target_tokens = translation.answers[0].tokens
    width = 2 + INCHES * len(source_tokens)
    height = 1.5 + INCHES * len(target_tokens)
    figure = pictures.figure(width, height)
    axes = figure.subplots()
    axes.imshow(weights, cmap="Greys", vmin=0, vmax=1, aspect="equal")
    columns = range(len(source_tokens))
    axes.set_xticks(columns, source_tokens, rotation=60, ha="left", rotation_mode="anchor", parse_math=False)
    axes.set_yticks(range(len(target_tokens)), target_tokens, parse_math=False)
    axes.xaxis.tick_top()
    pictures.save(figure, path, "--alignment")


def show(translation: Translation) -> None:
    """Prints the weights on stderr, in shades of grey."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 1), pad_edge=False)
    table.add_column("")
    for token in translation.source_tokens:
        table.add_column(visible(token), justify="center", no_wrap=True)
    for token, weights in zip(translation.answers[0].tokens, _weights(translation), strict=True):
        cells = []
        for weight in weights:
            level = int(weight * len(_SHADES))
            shade = _SHADES[min(len(_SHADES) - 1, level)]
            cells.append(shade * 3)
        table.add_row(visible(token), *cells)
    Console(stderr=True, markup=False, emoji=False).print(table)


def _weights(translation: Translation) -> np.ndarray:
    """The attention weights of the best answer, `[target, source]`; zeros for a blank line."""
    answer = translation.answers[0]
    shape = (len(answer.tokens), len(translation.source_tokens))
    if answer.attention is None or answer.attention.shape != shape:
        return np.zeros(shape, np.float32)
    return answer.attention
