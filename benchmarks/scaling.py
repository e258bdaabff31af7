"""How cost grows: with units, with length, with the beam, with the corpus.

    .venv/bin/python -m benchmarks.scaling --output docs/scaling

Weights are random, and no translation ends before it is as long as its source, so that what is measured is work alone.
All points of a curve take turns in processes of their own, as in the comparisons; a point is the median of its rounds.
An exponent is the slope of a straight line through the upper half of a curve's points, both axes logarithmic: 1 means
that twice as much takes twice as long. Draws a picture for each question and prints a table. Needs matplotlib.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.comparisons.prepare_text import told_of_text
from benchmarks.comparisons.translate_transformer import SHAPE
from benchmarks.harness import Process, Side
from benchmarks.options import Options
from rnntext.cli import pictures

SENTENCE = 15  # tokens, about what a sentence of Multi30k has
MODELS: dict[str, dict[str, Any]] = {
    "Transformer 3+3 x 256": {"architecture": "transformer", "shape": SHAPE},
    "GRU 2 x 256": {"architecture": "gru", "shape": {"layers": 2, "units": 256, "embedding": 256}},
}


@dataclasses.dataclass(frozen=True)
class Curve:
    """A cost that grows.

    Attributes:
        name: what is done.
        grows: to what the work is put in relation, in ascending order.
        side: who does that much of it.
        unit: the cost is that of one of these; of the whole, if it is not given.
    """

    name: str
    grows: Sequence[int]
    side: Callable[[int], Side]
    unit: str = ""


@dataclasses.dataclass(frozen=True)
class Question:
    """What is asked, the name of its picture, the label of what grows, and curves, all with the same unit."""

    what: str
    picture: str
    axis: str
    curves: Sequence[Curve]


def questions(options: Options) -> Iterator[Question]:
    """All four."""
    units = (64, 128, 256, 512, 1024)
    yield Question(
        "What do more units cost?",
        "units",
        "units of each of two LSTM layers",
        [
            Curve("train-charlm, 64 x 100", units, lambda n: _training(options, n), "character"),
            Curve("generate, one stream", units, lambda n: _generating(n, 1), "character"),
            Curve("generate --count 32", units, lambda n: _generating(n, 32), "character"),
        ],
    )
    yield Question(
        "What do longer lines cost?",
        "length",
        "tokens of a line and of its translation",
        [
            Curve(f"{name}, beam {beam}", (8, 16, 32, 64, 128, 256), _searching(name, beam=beam), "line")
            for name in MODELS
            for beam in (1, 5)
        ],
    )
    yield Question(
        "What does a wider beam cost?",
        "beam",
        "hypotheses",
        [Curve(name, (1, 2, 4, 8, 16, 32), _searching(name, length=SENTENCE), "line") for name in MODELS],
    )
    sizes = (1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000)
    yield Question(
        "What does a larger corpus cost?",
        "corpus",
        "characters",
        [Curve("train-charlm, before its first step", sizes, lambda n: _preparing(options, n))],
    )


def _training(options: Options, units: int) -> Side:
    shape = {"cell": "lstm", "layers": 2, "units": units, "streams": 64, "window": 100, "precision": "float32"}
    return Side(f"{units}", "benchmarks.ours:CharlmTraining", {"text": options.text, **shape})


def _generating(units: int, streams: int) -> Side:
    told = {"layers": 2, "units": units, "streams": streams, "characters": 200, "threads": 1}
    return Side(f"{units}", "benchmarks.ours:Generation", told)


def _searching(name: str, **fixed: int) -> Callable[[int], Side]:
    (grows,) = {"beam", "length"} - fixed.keys()
    return lambda n: Side(f"{n}", "benchmarks.ours:Search", {**MODELS[name], **fixed, grows: n})


def _preparing(options: Options, size: int) -> Side:
    return Side(f"{size:,}", "benchmarks.comparisons.prepare_text:Preparing", told_of_text(options, size))


def measure(curve: Curve, rounds: int, seconds: float) -> list[float]:
    """Seconds that a unit takes, at each point."""
    sides = [curve.side(n) for n in curve.grows]
    found: list[list[float]] = [[] for _ in sides]
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(contextlib.closing(Process(side, {}))) for side in sides]
        for _ in range(rounds + 1):
            for process, costs in zip(running, found, strict=True):
                turn = process.turn(seconds if curve.unit else 0.0)  # without a unit: once
                costs.append(turn["seconds"] / (turn["units"] if curve.unit else 1))
    return [statistics.median(costs[1:]) for costs in found]  # the first round has warmed up


def exponent(grows: Sequence[int], costs: Sequence[float]) -> float:
    """The slope of the upper half of a curve, see above."""
    half = len(grows) // 2
    return float(np.polyfit(np.log(grows[half:]), np.log(costs[half:]), 1)[0])


def draw(question: Question, found: Mapping[str, Sequence[float]], path: Path) -> None:
    """A picture with both axes logarithmic."""
    pictures.check(path, "--output")
    figure = pictures.figure(7, 4)
    axes = figure.subplots()
    for curve in question.curves:
        costs = found[curve.name]
        label = f"{curve.name}: exponent {exponent(curve.grows, costs):.2f}"
        axes.plot(curve.grows, [1000 * cost for cost in costs], marker="o", markersize=4, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    grows = question.curves[0].grows
    axes.set_xticks(grows, [f"{n:,}" for n in grows])
    axes.minorticks_off()
    axes.set_xlabel(question.axis)
    unit = question.curves[0].unit
    axes.set_ylabel(f"milliseconds per {unit}" if unit else "milliseconds")
    axes.grid(alpha=0.3)
    axes.legend()
    pictures.save(figure, path, "--output")


def main() -> None:
    """Measures, prints and draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--only", nargs="*", help="names of pictures; all without")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a turn, at least")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    pictures.check(given.output / "any.svg", "--output")
    console = Console(width=140)
    for question in questions(Options(None, False, Path(__file__).parent / "work" / "scaling")):
        if given.only and question.picture not in given.only:
            continue
        console.print(f"\n{question.what} ({question.axis}; milliseconds)", highlight=False)
        found = {}
        for curve in question.curves:
            costs = found[curve.name] = measure(curve, given.rounds, given.seconds)
            points = " | ".join(f"{n:,}: {1000 * cost:.4g}" for n, cost in zip(curve.grows, costs, strict=True))
            per = f" per {curve.unit}" if curve.unit else ""
            slope = exponent(curve.grows, costs)
            console.print(f"{curve.name}{per} | {points} | exponent {slope:.2f}", highlight=False, soft_wrap=True)
        draw(question, found, given.output / f"{question.picture}.svg")


if __name__ == "__main__":
    main()
