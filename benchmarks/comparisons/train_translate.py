"""A step of `train-translate`, input pipeline included: GRU with attention (256, 512), Transformer (4+4 x 128, 3+3 x
256), vocabulary 8,000, batches of 2,048 tokens; without subword sampling, so that all sides read the same ids.

The peer is the same architecture in PyTorch, with a `DataLoader` that gets the same batches in the same order, padding
left out of the loss, fused Adam; float32 or bfloat16 autocast, as it is or compiled, with glibc's malloc as it is or as
ours has it, whatever is fastest. Ours also keeps the moving average of the weights.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.comparisons.train_charlm import bfloat16, threads
from benchmarks.contender import Contender
from benchmarks.harness import Row, Side, once
from benchmarks.options import Options

MODELS: dict[str, tuple[str, dict[str, int]]] = {
    "GRU + attention, 2 x 256": ("gru", {"layers": 2, "units": 256, "embedding": 256}),
    "GRU + attention, 2 x 512": ("gru", {"layers": 2, "units": 512, "embedding": 512}),
    "Transformer 4+4 x 128": ("transformer", {"layers": 4, "units": 128, "heads": 4, "feedforward": 256}),
    "Transformer 3+3 x 256": ("transformer", {"layers": 3, "units": 256, "heads": 4, "feedforward": 512}),
}
QUICK = {
    "gru": {"layers": 2, "units": 16, "embedding": 16},
    "transformer": {"layers": 2, "units": 16, "heads": 2, "feedforward": 16},
}
BATCH_TOKENS = 2048


class Preparation(Contender):
    """What `train-translate` does before it trains; leaves ids, and the batches of an epoch, in a file."""

    def __init__(self, pairs: Any, held_out: Any, path: str, batch_tokens: int) -> None:
        self.pairs, self.held_out, self.path, self.batch_tokens = _listed(pairs), _listed(held_out), path, batch_tokens

    def run(self) -> float:
        import numpy as np

        from rnntext.jobs.pairs import PairSource
        from rnntext.jobs.translator_recipe import TranslatorRecipe
        from rnntext.settings.translator import TransformerConfig
        from rnntext.settings.translator import TranslatorTraining as Training
        from rnntext.storage.json_files import parse_json
        from rnntext.text.tokens import RESERVED

        training = Training()
        shape = TransformerConfig()
        source = PairSource(self.pairs, self.held_out, False, "strict")
        recipe = TranslatorRecipe(source, shape, training, False, lambda message: None)
        snapshot = recipe.begin(recipe.read(Path(tempfile.gettempdir())), None)
        from rnntext.train.batches import PairBatches
        from rnntext.train.pipelines import SentenceIds

        sides = [
            SentenceIds(snapshot.arrays[f"{s}.ids"], snapshot.arrays[f"{s}.lengths"]) for s in ("source", "target")
        ]
        batches = PairBatches(*sides, self.batch_tokens, training.seed)
        order = [batches.pairs(index) for index in range(batches.steps_per_epoch)]
        np.savez(
            self.path,
            **snapshot.arrays,
            vocabulary=len(parse_json(snapshot.files["tokens.json"], Path("tokens.json"))) + RESERVED,
            batches=np.concatenate(order),
            cuts=np.cumsum([len(part) for part in order])[:-1],
        )
        return 1.0


def _listed(pairs: Any) -> Any:
    """JSON knows no tuples."""
    return tuple(pairs) if isinstance(pairs, list) else pairs


def rows(options: Options) -> Iterator[Row]:
    """One row for each model."""
    batch_tokens = options.sized(BATCH_TOKENS, 256)
    pairs, held_out = options.pairs
    ids = options.file("ids.npz")
    told = {"pairs": pairs, "held_out": held_out, "path": str(ids), "batch_tokens": batch_tokens}
    once(Side("preparation", f"{__name__}:Preparation", told))
    precisions = ["float32", "bfloat16"] if bfloat16() else ["float32"]
    ways = [(False, "keeps"), (False, "usual"), (True, "keeps")][: 1 if options.quick else None]
    settings = [
        {"threads": threads()[0], "precision": precision, "compiled": compiled, "malloc": malloc}
        for compiled, malloc in ways
        for precision in precisions
    ]
    for name, (architecture, shape) in MODELS.items():
        model = {
            "ids": str(ids),
            "architecture": architecture,
            "shape": QUICK[architecture] if options.quick else shape,
        }
        mine = {**model, "batch_tokens": batch_tokens}
        ours = [
            Side(f"rnntext {p}", "benchmarks.ours:TranslatorTraining", {**mine, "precision": p}) for p in precisions
        ]
        peer = Side("torch", "benchmarks.peers.torch_translator:Training", model, settings, aim=1.2)
        yield Row(f"train-translate step, {name}, {options.corpus}", "target tokens", ours, [peer])
