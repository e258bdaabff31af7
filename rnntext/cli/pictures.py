"""Pictures in files, drawn by matplotlib."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from rnntext.errors import UsageError
from rnntext.files.atomic import check_output, output_file

KINDS = (".png", ".svg", ".pdf")
DOTS_PER_INCH = 150


def check(path: Path, option: str) -> None:
    """Checks, before any work is done, that a picture can be drawn.

    Args:
        path: the file.
        option: the option that names it.

    Raises:
        UsageError: matplotlib is missing, or does not know the kind of file.
        OSError: the file cannot be written.
    """
    check_output(path, option)
    if path.suffix.lower() not in KINDS:
        *others, last = KINDS
        raise UsageError(f"{option} {path}: give a name that ends with {', '.join(others)} or {last}")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise UsageError(f"{option} needs matplotlib, which is not installed: pip install 'rnntext[plot]'") from error


def figure(width: float, height: float) -> Any:
    """An empty figure, its width and height in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Any, path: Path, option: str) -> None:
    """Writes a figure to the file that an option names; the file appears only when it is complete."""
    with output_file(path, option) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # matplotlib draws a box for a character that the font lacks
        figure.savefig(file, format=path.suffix[1:].lower(), dpi=DOTS_PER_INCH)
