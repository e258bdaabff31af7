"""Cold starts: `translate` of one line, and `generate` of 100 characters, whole processes, files in the page cache.

Peers: a TensorFlow process and a PyTorch process that do the same with the same weights, each with its graph or eagerly
where there is a choice.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.comparisons import translate_transformer
from benchmarks.harness import Row, Side
from benchmarks.options import RNNTEXT, Options

GOALS = {"tensorflow": 8.0, "torch": 4.0}


def rows(options: Options) -> Iterator[Row]:
    """Translating first."""
    translator = translate_transformer.model(options)
    line = options.lines(1).read_text(encoding="utf-8")
    command = [*RNNTEXT, "translate", "--model", str(translator), "--beam", "1"]
    yield _row("translate, one line, Transformer 3+3 x 256", command, "translate", translator, line)
    charlm = random_charlm(options)
    command = [*RNNTEXT, "generate", "--model", str(charlm), "--length", "100", "--quiet"]
    yield _row("generate, 100 characters, 2x512", command, "generate", charlm, "")


def _row(what: str, command: list[str], task: str, model: Path, stdin: str) -> Row:
    program = "benchmarks.programs:Program"
    peers = []
    for library, goal in GOALS.items():
        start = [sys.executable, "-m", "benchmarks.peers.cold", library, task, str(model)]
        settings = [{"how": "graph"}, {"how": "eager"}] if library == "tensorflow" else [{}]
        peers.append(Side(library, program, {"command": start, "stdin": stdin}, settings, goal))
    return Row(f"cold {what}", "starts", [Side("rnntext", program, {"command": command, "stdin": stdin})], peers)


def random_charlm(options: Options) -> Path:
    """A character model, two layers of 512, whose weights are chance: speed does not depend on them."""
    import numpy as np

    from rnntext.run.charlm import shapes
    from rnntext.settings.charlm import CharlmConfig
    from rnntext.storage import checkpoint, models
    from rnntext.storage.json_files import to_json

    path = options.file("random-charlm")
    if not models.in_service(path):
        config = CharlmConfig(units=options.sized(512, 16))
        characters = ["\n", *(chr(code) for code in range(32, 96))]
        rng = np.random.default_rng(0)
        arrays = {n: rng.normal(0, 0.05, s).astype(np.float32) for n, s in shapes(config, len(characters) + 1).items()}
        files = {
            "config.json": to_json({"model": config.to_json()}),
            "vocabulary.json": to_json(characters),
        }
        checkpoint.promote(path, checkpoint.write_version(path, "charlm", files, arrays, {}))
    return path
