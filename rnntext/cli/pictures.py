"""Pictures in files, drawn by matplotlib."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from rnntext.errors import UsageError
from rnntext.files.atomic import check_output, output_file

KINDS = (".png", ".svg", ".pdf")


def check(path: Path, option: str) -> None:
    """Says before any work is done that a picture which an option names cannot be drawn.

    Raises:
        UsageError: matplotlib is missing, or does not know the kind of file.
        OSError: the file cannot be written.
    """
    check_output(path, option)
    if path.suffix.lower() not in KINDS:
        raise UsageError(f"{option} {path}: give a name that ends with {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise UsageError(f"{option} needs matplotlib, which is not installed: pip install 'rnntext[plot]'") from error


def figure(width: float, height: float) -> Any:
    """A figure of so many inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save(drawn: Any, path: Path, option: str) -> None:
    """Writes a figure, whole or not at all."""
    with output_file(path, option) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a character that no font has becomes a box
        drawn.savefig(file, format=path.suffix[1:].lower(), dpi=150)
