"""`score` of a text: the model reads parts of it side by side. The peer reads windows of as many streams, or more, by
PyTorch's `nn.LSTM`. Weights are chance, as speed does not depend on them."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.comparisons.train_charlm import threads
from benchmarks.harness import Row, Side
from benchmarks.options import Options

SHAPES = ((1, 256), (2, 512))


def rows(options: Options) -> Iterator[Row]:
    """The smaller model first."""
    for layers, units in SHAPES:
        told = {"layers": layers, "units": units, "characters": options.sized(100_000, 2000)}
        ours = [
            Side(f"rnntext --threads {number}", "benchmarks.ours:Scoring", {**told, "threads": number})
            for number in reversed(threads())
        ]
        settings = [{"threads": number, "streams": streams} for number in threads() for streams in (64, 256)]
        peer = Side("torch LSTM", "benchmarks.peers.torch_charlm:Scoring", told, settings, goal=1.0)
        yield Row(f"score, {layers}x{units}", "characters", ours, [peer])
