"""`generate`: one stream, and 32 side by side, with one layer of 256, two of 512, two of 1024; 1,000 with one of 256.

Ours with one thread, as it is by default, with two, and with one of ONNX Runtime and 8-bit weights. NumPy's engine
multiplies the embedding by the first layer's weights once, when it is loaded, which is not timed. Peers: a loop over
PyTorch's `LSTMCell`, as it is or compiled; a whole loop of Keras's `LSTMCell` compiled by XLA; for one stream also
plain products of a matrix as large as the weights with a vector. All draw from 66 characters at temperature 0.8.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.comparisons.train_charlm import VOCABULARY, threads
from benchmarks.harness import Row, Side
from benchmarks.options import Options

# Goals beside PyTorch and beside XLA.
SHAPES = {(1, 256): (2.2, 0.5), (2, 512): (2.5, 0.75), (2, 1024): (2.5, 0.9)}


def rows(options: Options) -> Iterator[Row]:
    """One stream first."""
    for streams in (1, 32):
        for (layers, units), goals in SHAPES.items():
            yield _row(options, streams, layers, units, goals)
    yield _row(options, 1000, 1, 256, (2.0, 0.0))


def _row(options: Options, streams: int, layers: int, units: int, goals: tuple[float, float]) -> Row:
    characters = options.sized({1: 1000, 32: 200}.get(streams, 50), 20)
    told = {"layers": layers, "units": units, "streams": streams, "characters": characters}
    ours = [
        Side(f"rnntext --threads {number}", "benchmarks.ours:Generation", {**told, "threads": number})
        for number in reversed(threads())
    ]
    eight_bits = {**told, "threads": 1, "engine": "onnxruntime"}
    ours.append(Side("rnntext --engine onnxruntime", "benchmarks.ours:Generation", eight_bits))
    ways = ["eager"] if options.quick else ["eager", "compiled"]
    settings = [{"threads": number, "how": how} for number in threads() for how in ways]
    goal = goals[0] if streams == 1 else 2.0
    peers = [Side("torch LSTMCell", "benchmarks.peers.torch_generate:Generation", told, settings, goal)]
    settings = [{"threads": number} for number in threads()]
    wanted = (goals[1], 0.9) if streams == 1 else (None, None)
    peers.append(Side("tensorflow, XLA", "benchmarks.peers.tensorflow_generate:Generation", told, settings, *wanted))
    if streams == 1:
        peers.append(_limit(layers, units, 0.8 if units == 512 else None))
    what = f"generate, {layers}x{units}" + (f", --count {streams}" if streams > 1 else "")
    return Row(what, "characters", ours, peers)


def _limit(layers: int, units: int, goal: float | None) -> Side:
    """What reading the weights alone would allow; the embedding is a look-up."""
    rows, columns = 4 * units, (2 * layers - 1) * units
    told = {"rows": rows, "columns": columns, "bytes_read": 4.0 * (rows * columns + units * VOCABULARY)}
    settings = [{"threads": number} for number in threads()]
    return Side("matrix-vector products alone", "benchmarks.peers.limits:MatrixVector", told, settings, goal)
