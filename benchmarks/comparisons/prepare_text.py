"""Preparing: 100 MB of text for `train-charlm` (reading, normalising, vocabulary, ids) beside TextVectorization alone;
SentencePiece-encoding 1,000,000 lines for `train-translate` beside SentencePiece alone. Of the former the memory
counts, too. The text is tinyshakespeare or the bundled one, again and again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.comparisons import translate_transformer
from benchmarks.comparisons.train_charlm import threads
from benchmarks.contender import Contender
from benchmarks.harness import Measured, Row, Side
from benchmarks.options import Options
from rnntext.__main__ import prepare_blas
from rnntext.text.lines import read_text

CHUNK = 1_000_000  # characters in a call of TextVectorization: what suits it best


class Preparing(Contender):
    """What `train-charlm` does before it trains; counts characters to learn from, not the held-out tenth, which it
    reads and normalises, too."""

    def __init__(self, path: str) -> None:
        prepare_blas()
        self.path = path

    def run(self) -> float:
        from rnntext.jobs.charlm_recipe import CharlmRecipe
        from rnntext.jobs.texts import TextSource
        from rnntext.settings.charlm import CharlmConfig, CharlmTraining

        recipe = CharlmRecipe(TextSource([self.path], "0.1"), CharlmConfig(), CharlmTraining())
        data = recipe.read(Path(self.path).parent)
        return float(len(recipe.begin(data, None).arrays["ids"]))


class TextVectorization(Contender):
    """Keras's layer learns a vocabulary from a text and looks all of it up; counts characters."""

    def __init__(self, path: str) -> None:
        self.text = read_text(path)

    def run(self) -> float:
        import keras
        import tensorflow as tf

        chunks = [self.text[begin : begin + CHUNK] for begin in range(0, len(self.text), CHUNK)]
        layer = keras.layers.TextVectorization(standardize=None, split="character")
        layer.adapt(tf.data.Dataset.from_tensor_slices(chunks).batch(1))
        for chunk in chunks:
            layer(tf.constant(chunk)).numpy()
        return float(len(self.text))


class Encoding(Contender):
    """What `train-translate` does with sentences whose subwords it knows; counts lines."""

    def __init__(self, model: str, lines: str) -> None:
        prepare_blas()
        from rnntext.jobs.load import load_translation
        from rnntext.train import tensorflow

        tensorflow.start(1)
        self.language = load_translation(model).source
        self.lines = read_text(lines).removesuffix("\n").split("\n")

    def run(self) -> float:
        from rnntext.jobs.pairs import LINES
        from rnntext.train.pipelines import Vectorizer

        vectorize = Vectorizer(self.language)
        for begin in range(0, len(self.lines), LINES):
            vectorize(self.lines[begin : begin + LINES])
        return float(len(self.lines))


class SentencePiece(Contender):
    """SentencePiece's own ids; counts lines."""

    def __init__(self, model: str, lines: str, threads: int, portion: int) -> None:
        import sentencepiece

        from rnntext.jobs.load import load_translation

        model_proto = load_translation(model).checkpoint.files["tokens.model"]
        self.processor = sentencepiece.SentencePieceProcessor(model_proto=model_proto)
        self.lines = read_text(lines).removesuffix("\n").split("\n")
        self.threads = threads
        self.portion = portion

    def run(self) -> float:
        for begin in range(0, len(self.lines), self.portion):
            self.processor.encode(self.lines[begin : begin + self.portion], num_threads=self.threads)
        return float(len(self.lines))


def told_of_text(options: Options, size: int) -> dict[str, str]:
    """A file with a text of so many characters."""
    read = read_text(options.text)
    return {"path": str(options.write(f"text-{size}.txt", (read * (size // len(read) + 1))[:size]))}


def rows(options: Options) -> Iterator[Row]:
    """Characters, then subwords."""
    size = options.sized(100_000_000, 500_000)
    told = told_of_text(options, size)
    most = 4 * size / 1e6 + 600

    def check(found: Mapping[str, Sequence[Measured]]) -> Sequence[str]:
        peak = max(turn["megabytes"] for turn in found["rnntext"])
        return [f"memory: {peak:.0f} MB (goal: at most {most:.0f} MB, 4 bytes a character and 600 MB)"]

    ours = Side("rnntext", f"{__name__}:Preparing", told)
    peer = Side("TextVectorization", f"{__name__}:TextVectorization", told, goal=0.8)
    what = f"preparing {size / 1e6:g} MB of {options.text_name}"
    yield Row(what, "characters", [ours], [peer], rounds=options.sized(3, 1), warm_up=False, check=check)
    count = options.sized(1_000_000, 5000)
    told = {"model": str(translate_transformer.model(options)), "lines": str(options.lines(count))}
    settings = [{"threads": number, "portion": portion} for number in threads() for portion in (600, 10_000)]
    ours = Side("rnntext", f"{__name__}:Encoding", told)
    peer = Side("sentencepiece", f"{__name__}:SentencePiece", told, settings, 0.8)
    yield Row(f"encoding {count:,} lines in subwords", "lines", [ours], [peer], rounds=options.sized(3, 1))
