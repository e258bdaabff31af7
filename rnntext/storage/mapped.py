"""Arrays that may be larger than memory: a safetensors file, written piece by piece and mapped where it is read.

The library reads and writes whole copies. Its format is a size of 8 bytes, a header of so many bytes in JSON, and the
arrays one after another.
"""

from __future__ import annotations

import json
import math
import mmap
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rnntext.errors import CheckpointError
from rnntext.storage.json_files import parse_json

_TYPES = {
    "U8": np.uint8,
    "U16": np.uint16,
    "U32": np.uint32,
    "U64": np.uint64,
    "I8": np.int8,
    "I16": np.int16,
    "I32": np.int32,
    "I64": np.int64,
    "F32": np.float32,
    "F64": np.float64,
    "BOOL": np.bool_,
}
_NAMES = {np.dtype(kind): name for name, kind in _TYPES.items()}
_ALIGNMENT = 8  # bytes, of the first array


def to_pieces(arrays: Mapping[str, np.ndarray]) -> list[memoryview]:
    """The content of the file, in order. The pieces share the memory of the arrays."""
    # 1. Put the largest numbers first, so that each array begins at a multiple of their size.
    names = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    contiguous = [np.ascontiguousarray(arrays[name]) for name in names]

    # 2. Make the header.
    header = {}
    end = 0
    for name, array in zip(names, contiguous, strict=True):
        begin = end
        end += array.nbytes
        header[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(arrays[name].shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    beginning = len(text).to_bytes(8, "little") + text
    return [memoryview(beginning), *(array.reshape(-1).view(np.uint8).data for array in contiguous)]


def mapped(path: Path) -> tuple[dict[str, np.ndarray], memoryview]:
    """The arrays of a file, by name, which cannot be written to; and all of its bytes. Both are read from the disk when
    they are looked at.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: it is damaged.
    """
    with open(path, "rb") as file:
        try:
            content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except ValueError:  # an empty file
            raise CheckpointError(f"{path.name}: empty") from None
    return parsed(content, path), content


def parsed(content: memoryview, path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file's bytes, by name; they share its memory.

    Args:
        content: all bytes.
        path: the file, for messages.

    Raises:
        CheckpointError: it is damaged.
    """
    size = int.from_bytes(content[:8], "little")
    begin = 8 + size
    if begin > len(content):
        raise CheckpointError(f"{path.name}: it ends within its header")
    header = parse_json(bytes(content[8:begin]), path)
    try:
        return {name: _array(content[begin:], **entry) for name, entry in header.items() if name != "__metadata__"}
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(f"{path.name}: not a safetensors file") from error


def _array(data: memoryview, dtype: str, shape: list[int], data_offsets: list[int]) -> np.ndarray:
    """One array of those that follow the header."""
    begin, end = data_offsets
    numbers: np.ndarray = np.frombuffer(data[begin:end], _TYPES[dtype])
    if not 0 <= begin <= end <= len(data) or math.prod(shape) != len(numbers):
        raise ValueError("the shape is not that of the data")
    return numbers.reshape(shape)
