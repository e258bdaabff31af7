"""`translate` and `generate` beside a running `train-charlm`, which takes all cores, compared with the same alone: a
reader may get less of the machine, but must not collapse."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.comparisons import translate_transformer
from benchmarks.harness import Row, Side
from benchmarks.options import Options

GOAL = 0.4


def rows(options: Options) -> Iterator[Row]:
    """Translating first."""
    path = translate_transformer.model(options)
    lines = options.lines(options.sized(300, 20))
    translating = {"model": str(path), "lines": str(lines), "answers": str(options.file("beside.txt")), "beam": 5}
    yield _row("translate, Transformer 3+3 x 256, beam 5", "lines", "benchmarks.ours:Translation", translating)
    generating = {"layers": 2, "units": 512, "streams": 1, "characters": options.sized(500, 20), "threads": 1}
    yield _row("generate, 2x512", "characters", "benchmarks.ours:Generation", generating)


def _row(what: str, unit: str, contender: str, given: dict[str, object]) -> Row:
    beside = Side("beside a training", "benchmarks.programs:Beside", {"contender": contender, "given": given})
    return Row(what, unit, [beside], [Side("alone", contender, given, goal=GOAL)])
