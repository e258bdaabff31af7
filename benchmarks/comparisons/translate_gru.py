"""`translate --jobs 2` with a GRU encoder-decoder, 2 x 256, vocabulary 8,000, 3,000 lines, greedy and with a beam of 5.

The peer is the same model, with the same weights, stepped in PyTorch: in one process or in two, with batches of several
sizes, whatever is fastest. Its search is ours, length penalty and stop rule included, so answers should be equal.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from benchmarks.comparisons.translate_transformer import BUDGET, equal_share, ours, told_both
from benchmarks.harness import Row, Side
from benchmarks.options import Options


def rows(options: Options) -> Iterator[Row]:
    """Greedy first."""
    size = str(options.sized(256, 16))
    path = options.translator("gru", ["--architecture", "gru", "--units", size, "--embedding", size], BUDGET)
    cores = len(os.sched_getaffinity(0))
    settings = [
        {"jobs": jobs, "threads": max(1, cores // jobs), "batch": batch}
        for jobs in dict.fromkeys((cores, 1))
        for batch in (32, 64, 128)
    ]
    answers = options.file("torch.txt")
    for beam in (1, 5):
        told = told_both(options, path, beam)
        given = {**told, "answers": str(answers)}
        peer = Side("torch", "benchmarks.peers.torch_search:Translation", given, settings, 2.0)
        what = f"translate, GRU 2 x 256, {options.corpus}, beam {beam}"
        yield Row(
            what,
            "lines",
            [ours(options, told)],
            [peer],
            check=lambda found: [equal_share(options.file("ours.txt"), answers, "all but ties")],
        )
