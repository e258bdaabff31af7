"""A whole `train-charlm` on tinyshakespeare, from the start of the process to the first evaluation of 1.60 nats per
held-out character or less; defaults, planned for 700 steps, evaluated every hundred.

The peer is the same in PyTorch: model, streams, schedule, averaged weights; without recurrent dropout, which `nn.LSTM`
lacks. One round: it is long enough.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from benchmarks.comparisons.train_charlm import bfloat16
from benchmarks.harness import Row, Side
from benchmarks.options import RNNTEXT, Options

STEPS, TARGET = 700, 1.60


def rows(options: Options) -> Iterator[Row]:
    """One row."""
    steps, units = str(options.sized(STEPS, 100)), str(options.sized(512, 16))
    told = {"metric": "nats_per_character", "target": 5.0 if options.quick else TARGET}
    command = [*RNNTEXT, "train-charlm", options.text, "--model", "FOLDER/model", "--steps", steps, "--units", units]
    command += ["--size", "large"]
    reaching = "benchmarks.programs:Reaching"
    ours = Side("rnntext", reaching, {**told, "command": [*command, "--quiet"], "history": "model/history.jsonl"})
    cores = str(len(os.sched_getaffinity(0)))
    module = [sys.executable, "-m", "benchmarks.peers.torch_whole_run", options.text, "FOLDER/history.jsonl"]
    peers = [
        Side(
            f"torch {precision}",
            reaching,
            {**told, "command": [*module, steps, units, cores, precision], "history": "history.jsonl"},
            goal=1.2,
        )
        for precision in (["float32", "bfloat16"] if bfloat16() else ["float32"])
    ]
    what = f"train-charlm, {options.text_name}, whole run to {told['target']:.2f} nats"
    yield Row(what, "runs", [ours], peers, rounds=1, warm_up=False)
