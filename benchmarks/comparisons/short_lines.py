"""1,000,000 lines of five words through `translate --beam 1 --jobs 2`, one layer of 64, beside 10,000 and 100,000 such
lines: the rate must stay, and so must the memory. The start of the process counts, which takes most from the rate of
the fewest. Needs no public data."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.harness import Measured, Row, Side
from benchmarks.options import RNNTEXT, Options
from rnntext.text.catalogue import DEFAULT_PAIRS, get

MORE = 50  # megabytes that many lines may need more


def rows(options: Options) -> Iterator[Row]:
    """One row, measured once: it is long enough."""
    shape = ["--layers", "1", "--units", "64", "--heads", "4", "--feedforward", "128", "--tokens", "word"]
    bundled = Options(None, options.quick, options.work)
    model = bundled.translator("small", shape, "60s")
    many, some, few = options.sized(1_000_000, 2000), options.sized(100_000, 1000), options.sized(10_000, 500)
    sides = [_side(options, model, count) for count in (many, some, few)]

    def check(found: Mapping[str, Sequence[Measured]]) -> Sequence[str]:
        most, least = (max(turn["megabytes"] for turn in found[side.name]) for side in (sides[0], sides[-1]))
        return [f"memory: {most:.0f} MB with many lines, {least:.0f} MB with few (goal: at most {MORE} MB more)"]

    what = f"translate, {many:,} lines of five words, 1 x 64, --jobs 2"
    yield Row(what, "lines", sides[:1], sides[1:], rounds=1, warm_up=False, check=check)


def _side(options: Options, model: Path, count: int) -> Side:
    words = sorted({word for line in get(DEFAULT_PAIRS).read().split("\n") for word in line.split("\t")[0].split()})
    rng = random.Random(1)
    lines = options.file(f"short-{count}.txt")
    with lines.open("w", encoding="utf-8") as file:
        file.writelines(" ".join(rng.choices(words, k=5)) + "\n" for _ in range(count))
    command = [*RNNTEXT, "translate", "--model", str(model), "--beam", "1", "--jobs", "2", str(lines)]
    return Side(f"{count:,} lines", "benchmarks.programs:Program", {"command": command, "units": count}, goal=0.95)
