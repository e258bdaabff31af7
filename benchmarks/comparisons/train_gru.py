"""A step of `train-charlm --cell gru`: one layer of 256, two of 512, 64 streams of 100 characters; see train_charlm."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.comparisons import train_charlm as charlm
from benchmarks.harness import Row
from benchmarks.options import Options


def rows(options: Options) -> Iterator[Row]:
    """Both sizes, in every precision of the processor."""
    for layers, units in [(1, 256), (2, 512)]:
        told = charlm.told_all(options, "gru", layers, units)
        for precision in ["float32", "bfloat16"] if charlm.bfloat16() else ["float32"]:
            what = f"train-charlm step, {options.text_name}, {layers}x{units} GRU, 64 x 100, {precision}"
            peers = [charlm.torch(told, precision, aim=1.1)]
            yield Row(what, "characters", [charlm.ours(told, precision)], peers)
