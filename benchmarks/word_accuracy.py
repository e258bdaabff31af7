"""Next-word accuracy on Spanish-English pairs, on the terms of "Hands-On Machine Learning" (3rd edition, chapter 16).

    .venv/bin/python benchmarks/word_accuracy.py PATH/TO/spa.txt --architecture transformer

Small letters without punctuation, vocabularies of 1,000 words a side (four of them reserved), English to Spanish,
100,000 training pairs, 10 epochs. Accuracy: the share of held-out target words, the end of the sentence included and
padding excluded, that are the model's first choice, given the right words before them. The book reports .6829 (LSTM),
.7025 (bidirectional), .7111 (with attention), .7281 (Transformer), on pairs drawn at random, as here; with `--unseen`
no English sentence of a held-out pair is trained on, which is harder. A word outside the vocabulary counts as [UNK],
which can be right, too. The weights are the best ones by BLEU on 500 of the held-out pairs; training pairs with the
same English sentence as one of these are left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import string
import tempfile
import time
from pathlib import Path

import numpy as np

import rnntext
from rnntext.run.batching import batches, length_class
from rnntext.settings.translator import ARCHITECTURES, TranslatorTraining
from rnntext.text.tokens import END, PAD, START

TRAINING_PAIRS = 100_000
SCORED_EACH_TIME = 500  # held-out pairs whose BLEU is measured during training
MARKS = str.maketrans("", "", string.punctuation + "¡¿")


def prepare(path: str, unseen: bool) -> tuple[list[str], list[str]]:
    """Lines of training pairs and held-out pairs, split by a hash of the line, or of its English side."""
    lines = []
    for line in Path(path).read_bytes().decode().removesuffix("\n").split("\n"):
        english, spanish = (" ".join(side.lower().translate(MARKS).split()) for side in line.split("\t")[:2])
        if english and spanish:
            hashed = english if unseen else f"{english}\t{spanish}"
            lines.append((hashlib.sha256(hashed.encode()).digest(), f"{english}\t{spanish}\n"))
    lines.sort(key=lambda item: item[0])
    texts = [text for _, text in lines]
    held_out = texts[:-TRAINING_PAIRS]
    if not unseen:
        return texts[-TRAINING_PAIRS:], held_out
    known = {text.split("\t")[0] for text in held_out}
    return [text for text in texts[-TRAINING_PAIRS:] if text.split("\t")[0] not in known], held_out


def accuracy(model: rnntext.jobs.translation.TranslationModel, held_out: list[str]) -> float:  # type: ignore[name-defined]
    """The share of words that are the first choice."""
    pairs = [line.rstrip("\n").split("\t") for line in held_out]
    sources = [model.source.encode(source) for source, _ in pairs]
    targets = [model.target.encode(target) for _, target in pairs]
    right = count = 0
    for batch in batches([len(source) for source in sources], 2048):
        state = model.engine.start([sources[i] for i in batch], length_class(len(sources[batch[0]])))
        labels = np.full((len(batch), 1 + max(len(targets[i]) for i in batch)), PAD)
        for row, i in zip(labels, batch, strict=True):
            row[: len(targets[i]) + 1] = [*targets[i], END]
        ids = np.full(len(batch), START)
        for column in labels.T:
            chosen = model.engine.step(state, ids).argmax(axis=1)
            right += int(((chosen == column) & (column != PAD)).sum())
            count += int((column != PAD).sum())
            ids = column
    return right / count


def main() -> None:
    """Trains, measures, prints one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs")
    parser.add_argument("--architecture", choices=ARCHITECTURES, default="transformer")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--dropout", type=float, default=TranslatorTraining.dropout)
    parser.add_argument("--batch-tokens", type=int, default=TranslatorTraining.batch_tokens)
    parser.add_argument("--unseen", action="store_true")
    options = parser.parse_args()
    training_pairs, held_out = prepare(options.pairs, options.unseen)
    config = ARCHITECTURES[options.architecture](tokens="word", joint=False)
    chosen = {"epochs": options.epochs, "dropout": options.dropout, "batch_tokens": options.batch_tokens}
    training = TranslatorTraining(**chosen, vocabulary_size=996)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        train, scored = Path(folder, "train.tsv"), Path(folder, "scored.tsv")
        train.write_text("".join(training_pairs), encoding="utf-8")
        scored.write_text("".join(held_out[:SCORED_EACH_TIME]), encoding="utf-8")
        rnntext.train_translate(str(train), Path(folder, "model"), config, training, validation=str(scored))
        seconds = time.monotonic() - started
        found = accuracy(rnntext.load(Path(folder, "model")), held_out)  # type: ignore[arg-type]
    row = {
        "architecture": options.architecture,
        "training_pairs": len(training_pairs),
        "held_out_pairs": len(held_out),
        **chosen,
        "seconds": round(seconds),
        "accuracy": round(found, 4),
    }
    print(json.dumps(row))


if __name__ == "__main__":
    main()
