"""`translate --jobs 2` with a Transformer, 3+3 x 256, vocabulary 8,000, 3,000 lines, greedy and with a beam of five.

The peer is CTranslate2, converted from the same weights, in float32; text in and text out on both sides. With
`--engine ctranslate2`, text in and text out, the peer is CTranslate2 itself in int8, fed with tokens that are ready.
Lines without an equal answer are counted. Both stop a sentence when `beam` hypotheses have ended; ours divides a
log-probability by (5 + length) / 6, CTranslate2 by the length, so answers of beams are compared once more without any
such penalty.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.harness import Measured, Row, Side, once
from benchmarks.options import Options

SHAPE = {"layers": 3, "units": 256, "heads": 4, "feedforward": 512}
QUICK = {"layers": 2, "units": 32, "heads": 2, "feedforward": 32}
BUDGET = "10m"  # of training, so that answers are real ones
GOALS = {1: (1.0, 1.2), 5: (0.7, 1.0)}
# Tokens of an answer, far more than a sentence here has; ours alone would stop after 2 n + 10 for a source of n, but
# CTranslate2 knows no limit that depends on the source, and a model so briefly trained repeats itself now and then.
MOST = 100
ENGINE_GOAL = 0.9  # of CTranslate2's own speed, with all that is around it
EQUAL = {1: 0.99, 5: 0.97}


def model(options: Options) -> Path:
    """The trained Transformer."""
    shape = QUICK if options.quick else SHAPE
    arguments = [part for name, size in shape.items() for part in (f"--{name}", str(size))]
    return options.translator("transformer", arguments, BUDGET)


def told_both(options: Options, path: Path, beam: int) -> dict[str, object]:
    """What both sides are told, but for the file of answers."""
    lines = options.lines(options.sized(3000, 20))
    return {"model": str(path), "lines": str(lines), "beam": beam, "most": MOST}


def ours(options: Options, told: Mapping[str, object], engine: str = "numpy") -> Side:
    """Us."""
    given = {**told, "answers": str(options.file("ours.txt")), "jobs": 2, "engine": engine}
    return Side(f"rnntext --jobs 2 --engine {engine}", "benchmarks.ours:Translation", given)


def rows(options: Options) -> Iterator[Row]:
    """Greedy first."""
    path = model(options)
    for beam, goals in GOALS.items():
        yield _row(options, told_both(options, path, beam), beam, goals)
        yield _engine_row(options, told_both(options, path, beam), beam)


def _settings() -> list[dict[str, int]]:
    cores = len(os.sched_getaffinity(0))
    return [
        {"workers": workers, "threads": max(1, cores // workers), "batch_tokens": tokens}
        for workers in dict.fromkeys((cores, 1))
        for tokens in (512, 1024, 2048, 4096)
    ]


def _peer(
    options: Options, told: Mapping[str, object], kind: str, goals: tuple[float | None, float | None], ready: bool
) -> Side:
    given = {**told, "answers": str(options.file(f"{kind}.txt")), "compute_type": kind, "ready": ready}
    what = "benchmarks.peers.ctranslate2_translator:Translation"
    return Side(f"ctranslate2 {kind}", what, given, _settings(), *goals)


def _engine_row(options: Options, told: Mapping[str, object], beam: int) -> Row:
    what = f"translate --engine ctranslate2, Transformer 3+3 x 256, {options.corpus}, beam {beam}"
    peer = _peer(options, told, "int8", (ENGINE_GOAL, None), ready=True)
    return Row(what, "lines", [ours(options, told, "ctranslate2")], [peer])


def _row(options: Options, told: Mapping[str, object], beam: int, goals: tuple[float, float]) -> Row:
    peers = [_peer(options, told, "float32", goals, ready=False)]
    mine = ours(options, told)

    def check(found: Mapping[str, Sequence[Measured]]) -> Sequence[str]:
        notes = [_equal(options, EQUAL[beam], "")]
        if beam > 1:
            for side in (mine, peers[0]):
                once(Side(side.name, side.contender, {**side.given, "length_penalty": 0.0}))
            notes.append(_equal(options, EQUAL[beam], " with --length-penalty 0"))
        return notes

    what = f"translate, Transformer 3+3 x 256, {options.corpus}, beam {beam}"
    return Row(what, "lines", [mine], peers, check=check)


def _equal(options: Options, goal: float, how: str) -> str:
    return equal_share(options.file("ours.txt"), options.file("float32.txt"), f"{goal:.0%}", how)


def equal_share(ours: Path, theirs: Path, goal: str, how: str = "") -> str:
    """In a sentence how many answers are the same."""
    both = [path.read_bytes().decode().split("\n")[:-1] for path in (ours, theirs)]
    same = sum(a == b for a, b in zip(*both, strict=True))
    return f"equal answers{how}: {same} of {len(both[0])}, {same / len(both[0]):.2%} (goal {goal})"
