"""A model as plain text: numbers, names, and a README with which somebody can write an engine in another language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from rnntext.export.model import ExportedModel, page
from rnntext.run.arrays import Array, Weights
from rnntext.storage.json_files import to_json

SMOOTHING = "smoothing.kernel"  # name of the matrices of exponential smoothing among a forecaster's weights
_DIGITS = 9  # significant ones, from which a float32 comes back to the bit
_EXACT_DIGITS = 17  # the same of a float64


def files(model: ExportedModel, check: dict[str, Any]) -> dict[str, bytes]:
    """The content of each file of the export, by name.

    Args:
        check: an input and what the engine must answer to it, in values of JSON.
    """
    arrays = dict(model.arrays)
    kernels = model.smoothing_kernels
    if kernels is not None:
        arrays[SMOOTHING] = kernels
    return {
        "README.md": _readme(model).encode(),
        "weights.txt": "".join(_lines(arrays)).encode(),
        "check.json": to_json(check),
    }


def _lines(arrays: Weights) -> Iterator[str]:
    """The lines of `weights.txt`: for each array its name and its shape, then its rows."""
    for name, array in arrays.items():
        shape = " ".join(map(str, array.shape))
        yield f"{name} {shape}\n"
        yield from _rows(array)


def _rows(array: Array) -> Iterator[str]:
    """The numbers of an array, a line for each step along all axes but the last one."""
    columns = array.shape[-1]
    digits = _DIGITS if array.dtype == np.float32 else _EXACT_DIGITS
    line = " ".join([f"%.{digits}g"] * columns) + "\n"
    for row in array.reshape(-1, columns):
        yield line % tuple(row.tolist())


def _readme(model: ExportedModel) -> str:
    """The README: the files, the equations of the architecture, and how its answers are used."""
    search = page("search.md") if model.kind == "translator" else ""
    cells = page("cells.md") if "recurrent_kernel" in "".join(model.arrays) else ""
    return page("text.md") + page(f"{model.architecture}.md") + search + cells
