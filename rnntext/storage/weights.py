"""The weights of a model as a safetensors file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rnntext.errors import CheckpointError
from rnntext.storage.json_files import parse_json

WEIGHTS = "weights.safetensors"  # name of the file
HONEST = "honest.safetensors"  # weights before a last fit on all data, which have not seen the held-out data
MAX_WEIGHT = 1e6  # absolute value; what is computed from smaller weights stays within float32
_MAX_HEADER_SIZE = 2**20  # bytes

Shape = tuple[int, ...]
Arrays = dict[str, np.ndarray]  # by name


def to_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The content of the file that stores these arrays as float32."""
    import safetensors.numpy

    contiguous: Arrays = {}
    for name, array in arrays.items():
        contiguous[name] = np.ascontiguousarray(array, np.float32)
    return safetensors.numpy.save(contiguous)


def from_bytes(data: bytes, expected: Mapping[str, Shape], path: Path) -> Arrays:
    """The arrays in a file, float32, by name.

    Args:
        data: the content of the file.
        expected: the shape of each array that the model has.
        path: the file, for messages.

    Raises:
        CheckpointError: the names, types or shapes are not exactly the expected ones (nothing is allocated then), or a
            weight is not a number or larger than `MAX_WEIGHT`.
    """
    # 1. Compare the header with what the model needs.
    entries = {name: ("F32", tuple(shape)) for name, shape in expected.items()}
    header = _header(data, path)
    if header != entries:
        raise CheckpointError(f"{path}: the arrays are not those of the model in config.json")
    # 2. Read the arrays.
    import safetensors.numpy

    try:
        arrays: Arrays = safetensors.numpy.load(data)
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"{path}: {error}") from error
    # 3. Check their values. Minimum and maximum need no memory; of an array with NaN both are NaN.
    for array in arrays.values():
        smallest = array.min(initial=0)
        largest = array.max(initial=0)
        if not (smallest >= -MAX_WEIGHT and largest <= MAX_WEIGHT):
            raise CheckpointError(f"{path}: some weights are not numbers, or far too large")
    return arrays


def parameters(data: bytes, path: Path) -> int:
    """The number of weights in a file that `from_bytes` has read."""
    return sum(math.prod(shape) for _, shape in _header(data, path).values())


def _header(data: bytes, path: Path) -> dict[str, tuple[str, Shape]]:
    """Data type and shape of each array, as the file says before the arrays themselves."""
    size = int.from_bytes(data[:8], "little")
    if size > _MAX_HEADER_SIZE:
        raise CheckpointError(f"{path}: a header of {size} bytes is too long")
    end = 8 + size
    header = parse_json(data[8:end], path)
    entries: dict[str, tuple[str, Shape]] = {}
    try:
        for name, entry in header.items():
            if name != "__metadata__":
                dtype = entry["dtype"]
                shape = tuple(entry["shape"])
                entries[name] = (dtype, shape)
    except (AttributeError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: not a safetensors file") from error
    return entries
