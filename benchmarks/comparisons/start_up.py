"""What a start costs in processor time: `--help`, one character, one line; files in the page cache.

Peers: an interpreter that imports what no such command can do without, and does nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.comparisons import translate_transformer
from benchmarks.comparisons.cold_start import random_charlm
from benchmarks.harness import Measured, Row, Side
from benchmarks.options import RNNTEXT, Options

PROGRAM = "benchmarks.programs:ProcessorTime"


def rows(options: Options) -> Iterator[Row]:
    """The lightest first."""
    yield _row("--help", ["--help"], "typer", 0.10)
    yield _row("train-translate --help", ["train-translate", "--help"], "typer", 0.10)
    charlm = str(random_charlm(options))
    yield _row("generate, one character, 2x512", ["generate", "-m", charlm, "-n", "1", "-q"], "typer, numpy", 0.20)
    translator = str(translate_transformer.model(options))
    line = options.lines(1).read_text(encoding="utf-8")
    arguments = ["translate", "-m", translator, "--beam", "1"]
    yield _row("translate, one line, Transformer 3+3 x 256", arguments, "typer, numpy, sentencepiece", 0.25, line)


def _row(what: str, arguments: Sequence[str], imports: str, goal: float, stdin: str = "") -> Row:
    """A row whose peer imports packages.

    Args:
        goal: seconds of processor time, on a processor such as Zen 5.
    """
    ours = Side("rnntext", PROGRAM, {"command": [*RNNTEXT, *arguments], "stdin": stdin})
    peer = Side(f"import {imports}", PROGRAM, {"command": [sys.executable, "-c", f"import {imports}"]})

    def check(found: Mapping[str, Sequence[Measured]]) -> Sequence[str]:
        each = sorted(turn["seconds"] / turn["units"] for turn in found[ours.name])
        return [f"{each[len(each) // 2]:.3f} s of processor time a start (goal on a processor such as Zen 5: {goal:g})"]

    return Row(f"start, {what}", "starts", [ours], [peer], check=check)
