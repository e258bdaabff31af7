"""Data on a disk without a name."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from rnntext.files.scratch import Scratch


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """No file can become larger inside the block, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_is_written_can_be_read_and_has_no_name(tmp_path: Path) -> None:
    with Scratch(tmp_path) as scratch:
        for number in range(5):
            scratch.append(np.int32(number).tobytes())
        numbers = scratch.array(np.dtype(np.int32))
    assert os.listdir(tmp_path) == []
    assert (scratch.size, numbers.tolist()) == (20, [0, 1, 2, 3, 4])
    with Scratch(tmp_path) as empty:
        assert bytes(empty.content()) == b""


def fill(folder: Path, piece: int) -> None:
    """Writes more than there is room for, in pieces of so many bytes."""
    with full_after(50_000), Scratch(folder) as scratch:
        for _ in range(200_000 // piece):
            scratch.append(b"x" * piece)
        scratch.content()


@pytest.mark.parametrize("piece", [10, 100_000])
def test_a_full_disk_is_told_with_the_folder(tmp_path: Path, piece: int) -> None:
    message = f"File too large; give a folder that can be written: 'temporary file in {tmp_path}'"
    with pytest.raises(OSError, match=message):
        fill(tmp_path, piece)
    assert os.listdir(tmp_path) == []
