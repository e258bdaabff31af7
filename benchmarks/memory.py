"""How far back does a model remember? Bits per character when it has seen only the last k characters.

    .venv/bin/python benchmarks/memory.py --text FILE --output docs/memory.svg rnn=checkpoints/rnn lstm=checkpoints/lstm

For each k, positions are drawn from the text; the model starts from nothing, reads the k characters before a position
and predicts the one at it. Where the curve is flat, further characters are of no use to the model: its memory ends.
Needs matplotlib (extra `plot`).
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np

import rnntext
from rnntext.run.threads import blas_threads

LENGTHS = [1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128]
POSITIONS = 4096
BATCH = 512


def curve(path: str, text: str) -> list[float]:
    """Mean bits of a character for each context length in LENGTHS."""
    model = rnntext.load(path).engine
    ids = model.vocabulary.encode(text)
    positions = np.random.default_rng(0).choice(np.arange(max(LENGTHS), len(ids)), POSITIONS, replace=False)
    means = []
    with blas_threads():
        for length in LENGTHS:
            total = 0.0
            for at in np.split(positions, POSITIONS // BATCH):
                state = model.start(BATCH)
                for back in range(length, 0, -1):
                    logits = model.step(state, ids[at - back])
                shifted = logits - logits.max(axis=1, keepdims=True)
                chosen = shifted[np.arange(BATCH), ids[at]] - np.log(np.exp(shifted).sum(axis=1))
                total -= float(chosen.sum())
            means.append(total / POSITIONS / math.log(2))
    return means


def main() -> None:
    """Measures, prints and draws."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "rnntext"
    import matplotlib.pyplot as plt

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--text", type=Path, required=True, help="held-out text")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    text = options.text.read_text(encoding="utf-8")
    figure, axes = plt.subplots(figsize=(7, 4))
    for name, _, folder in (m.partition("=") for m in options.models):
        bits = curve(folder, text)
        print(name, " ".join(f"{k}:{b:.3f}" for k, b in zip(LENGTHS, bits, strict=True)), flush=True)
        axes.plot(LENGTHS, bits, marker="o", markersize=3, label=name)
    axes.set_xscale("log")
    axes.set_xticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
    axes.set_xlabel("characters of context")
    axes.set_ylabel("bits per character")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(options.output, metadata={"Date": None})


if __name__ == "__main__":
    main()
