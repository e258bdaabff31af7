"""Arrays that are written piece by piece and mapped: the same file as safetensors' own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from rnntext.errors import CheckpointError
from rnntext.storage.mapped import mapped, to_pieces

ARRAYS = {
    "ids": np.arange(300, dtype=np.uint16).reshape(3, 100),
    "bytes": np.arange(7, dtype=np.uint8),
    "weights": np.linspace(0, 1, 10, dtype=np.float32)[::2],
    "nothing": np.zeros((0, 4), np.int64),
    "number": np.array(3.5),
    "seen": np.array([2**64 - 1], np.uint64),
}


def test_the_library_reads_what_is_written() -> None:
    read = safetensors.numpy.load(b"".join(to_pieces(ARRAYS)))
    assert read.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(read[name], array, strict=True)


@pytest.mark.parametrize("ours", [True, False])
def test_what_is_written_is_mapped(tmp_path: Path, ours: bool) -> None:
    path = tmp_path / "a.safetensors"
    contiguous = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in ARRAYS.items()}
    content = b"".join(to_pieces(ARRAYS)) if ours else safetensors.numpy.save(contiguous)
    path.write_bytes(content)
    arrays, all_bytes = mapped(path)
    assert bytes(all_bytes) == content
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array, strict=True)
        assert not arrays[name].flags.writeable


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x01",
        b"\xff" * 8,
        (3).to_bytes(8, "little") + b"{a}",
        (2).to_bytes(8, "little") + b"[]",
        *(
            len(header).to_bytes(8, "little") + header + bytes(16)
            for header in (
                b'{"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 20]}}',
                b'{"a": {"dtype": "F32", "shape": [4], "data_offsets": [-16, 16]}}',
                b'{"a": {"dtype": "F32", "shape": [-1, -4], "data_offsets": [0, 16]}}',
                b'{"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 16]}}',
                b'{"a": {"dtype": "F99", "shape": [4], "data_offsets": [0, 16]}}',
                b'{"a": {"dtype": "F32", "shape": [4], "data_offsets": [0]}}',
                b'{"a": {"dtype": "F32", "shape": 4, "data_offsets": [0, 16]}}',
                b'{"a": {"dtype": "F32", "shape": [4]}}',
                b'{"a": 1}',
            )
        ),
    ],
)
def test_what_is_damaged_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        mapped(path)
