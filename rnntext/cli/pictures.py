"""Pictures in files, drawn by matplotlib."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from rnntext.errors import UsageError
from rnntext.files.atomic import check_folder, output_file

KINDS = (".png", ".svg", ".pdf")


def check(path: Path, option: str) -> Any:
    """The class of matplotlib's figures.

    Raises:
        UsageError: matplotlib is missing, or does not know the kind of file.
        InputOutputError: there is no folder for it.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError(f"{option} needs matplotlib, which is not installed: pip install 'rnntext[plot]'") from error
    if path.suffix.lower() not in KINDS:
        raise UsageError(f"{option} {path}: give a name that ends with {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    check_folder(path, option)
    return Figure


def save(figure: Any, path: Path) -> None:
    """Writes a figure, whole or not at all."""
    with output_file(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a character that no font has becomes a box
        figure.savefig(file, format=path.suffix[1:].lower(), dpi=150)
