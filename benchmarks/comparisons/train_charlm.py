"""A step of `train-charlm`: two LSTM layers of 512, 64 streams of 100 characters.

Peers: the same model of stock Keras layers, and in PyTorch (`nn.LSTM`, fused Adam); and the machine's own rate of
float32 products. All draw the same windows, clip gradients, and drop out half of what goes from layer to layer; ours
also keeps the moving average of the weights. Nobody has recurrent dropout here: the peers' layers lack it, or lose
their speed by it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from benchmarks.harness import Row, Side
from benchmarks.options import Options
from rnntext.train.processor import features

GATES = {"lstm": 4, "gru": 3}
MALLOCS = ("keeps", "usual")  # what is freed, for the next step; or as glibc does it
VOCABULARY, EMBEDDING = 66, 128  # for the number of operations; a few characters more or less are no matter


def threads() -> list[int]:
    """Numbers of threads worth trying: one for each core, and one."""
    return list(dict.fromkeys([len(os.sched_getaffinity(0)), 1]))


def bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 natively."""
    return bool(features() & {"avx512_bf16", "amx_bf16"})


def told_all(options: Options, cell: str, layers: int, units: int) -> dict[str, Any]:
    """What all sides are told."""
    shape = {"cell": cell, "layers": layers, "units": options.sized(units, 16)}
    return {
        **shape,
        "text": options.text,
        "streams": options.sized(64, 8),
        "window": options.sized(100, 10),
    }


def operations(cell: str, layers: int, units: int, **rest: Any) -> float:
    """Multiplications and additions in the products of a training step, per character: those of the forward pass
    once, and twice as many backwards."""
    inputs = EMBEDDING + (layers - 1) * units
    return 3 * 2.0 * (GATES[cell] * units * (inputs + layers * units) + units * VOCABULARY)


def ours(told: dict[str, Any], precision: str) -> Side:
    """Us."""
    return Side(f"rnntext {precision}", "benchmarks.ours:CharlmTraining", {**told, "precision": precision})


def torch(told: dict[str, Any], precision: str, goal: float | None = None, aim: float | None = None) -> Side:
    """PyTorch."""
    name = f"torch nn.{told['cell'].upper()} {precision}{' autocast' if precision == 'bfloat16' else ''}"
    settings = [{"threads": number, "malloc": malloc} for number in threads() for malloc in MALLOCS]
    return Side(name, "benchmarks.peers.torch_charlm:Training", {**told, "precision": precision}, settings, goal, aim)


def keras(told: dict[str, Any], goal: float | None = None) -> Side:
    """Stock Keras."""
    settings = [{"jit_compile": choice, "malloc": malloc} for malloc in MALLOCS for choice in (False, True)]
    return Side(f"keras {told['cell'].upper()}", "benchmarks.peers.keras_charlm:Training", told, settings, goal)


def limit(told: dict[str, Any], goal: float | None = None) -> Side:
    """The machine."""
    settings = [{"library": library} for library in ("numpy", "torch", "tensorflow")]
    return Side(
        "float32 products alone", "benchmarks.peers.limits:Matmul", {"operations": operations(**told)}, settings, goal
    )


def rows(options: Options) -> Iterator[Row]:
    """float32, and bfloat16 where the processor has it."""
    told = told_all(options, "lstm", 2, 512)
    what = f"train-charlm step, {options.text_name}, 2x512 LSTM, 64 x 100"
    peers = [keras(told, 2.0), torch(told, "float32", 1.05, 1.1), limit(told, 0.75)]
    yield Row(f"{what}, float32", "characters", [ours(told, "float32")], peers)
    if bfloat16():
        peers = [torch(told, "float32", 1.45, 1.6), torch(told, "bfloat16", aim=1.1)]
        yield Row(f"{what}, bfloat16", "characters", [ours(told, "bfloat16")], peers)
