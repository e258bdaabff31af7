"""Data that may be more than memory holds: on a disk without a name, for the time of a process."""

from __future__ import annotations

import mmap
import tempfile
from pathlib import Path
from typing import Self

import numpy as np

from rnntext.files.atomic import TEMPORARY, named


class Scratch:
    """A file without a name, which is written in a `with` block and then mapped. It is gone when nobody looks at it any
    more, or when the process ends, however it ends.

    Args:
        folder: where it takes room.

    Attributes:
        size: in bytes.

    Raises:
        OSError: the disk is full; the message names the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with named(folder, "temporary file in", "folder"):
            self._file = tempfile.TemporaryFile(dir=folder, prefix=TEMPORARY)
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        with named(self._folder, "temporary file in", "folder"):
            self._file.close()  # After an error this tries again to write what is left.

    def append(self, data: bytes) -> None:
        """Adds bytes."""
        with named(self._folder, "temporary file in", "folder"):
            self._file.write(data)
        self.size += len(data)

    def content(self) -> memoryview:
        """All bytes, mapped into memory; none may be added afterwards."""
        if not self.size:
            return memoryview(b"")  # Nothing cannot be mapped.
        with named(self._folder, "temporary file in", "folder"):
            self._file.flush()
        mapping = mmap.mmap(self._file.fileno(), self.size, access=mmap.ACCESS_READ)
        return memoryview(mapping)

    def array(self, dtype: np.dtype) -> np.ndarray:
        """All bytes as numbers, `[numbers]`."""
        return np.frombuffer(self.content(), dtype)
