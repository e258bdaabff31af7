"""Our side of the comparisons: the code that the commands run, fed by hand."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contender import Contender
from rnntext.__main__ import prepare_blas

if TYPE_CHECKING:
    import numpy as np


class CharlmTraining(Contender):
    """Steps of `train-charlm`, input and all; counts characters. Without recurrent dropout, which peers lack."""

    def __init__(
        self, text: str, cell: str, layers: int, units: int, streams: int, window: int, precision: str
    ) -> None:
        prepare_blas()
        from rnntext.train import tensorflow

        tensorflow.start(1)
        from rnntext.settings.charlm import CharlmConfig
        from rnntext.settings.charlm import CharlmTraining as Training
        from rnntext.text.lines import read_text
        from rnntext.text.vocabulary import CharVocabulary, count_characters, most_frequent
        from rnntext.train.charlm_task import CharlmTask
        from rnntext.train.loop import Loop
        from rnntext.train.pipelines import vectorize
        from rnntext.watch.observer import Observer

        training = Training(
            batch_size=streams, window=window, precision=precision, recurrent_dropout=0.0, time_limit=1e9
        )
        shape = CharlmConfig(cell=cell, layers=layers, units=units)
        read = read_text(text)
        vocabulary = CharVocabulary(most_frequent(count_characters([read])))
        (ids,) = vectorize([read], vocabulary)
        task = CharlmTask(shape, training, vocabulary, ids, "")
        self.loop = Loop(task, training, Path(tempfile.gettempdir(), "no-state"), Observer(), time.monotonic())
        self.characters = float(streams * window)

    def run(self) -> float:
        self.loop.step()
        return self.characters


class TranslatorTraining(Contender):
    """Steps of `train-translate`, input and all, on ids that were prepared; counts target tokens, ends included."""

    def __init__(self, ids: str, architecture: str, shape: dict[str, int], batch_tokens: int, precision: str) -> None:
        prepare_blas()
        from rnntext.train import tensorflow

        tensorflow.start(1)
        import numpy as np

        from rnntext.settings.translator import ARCHITECTURES
        from rnntext.settings.translator import TranslatorTraining as Training
        from rnntext.text.tokenizers import Characters
        from rnntext.text.tokens import RESERVED, Language
        from rnntext.train.loop import Loop
        from rnntext.train.pipelines import SentenceIds
        from rnntext.train.translator_task import TranslatorTask
        from rnntext.watch.observer import Observer

        training = Training(batch_tokens=batch_tokens, precision=precision, time_limit=1e9)
        with np.load(ids) as file:
            pairs = tuple(SentenceIds(file[f"{side}.ids"], file[f"{side}.lengths"]) for side in ("source", "target"))
            language = Language(Characters(), map(str, range(int(file["vocabulary"]) - RESERVED)))
        model = ARCHITECTURES[architecture](**shape)
        self.task = TranslatorTask(model, training, (language, language), pairs, [])  # type: ignore[arg-type]
        self.loop = Loop(self.task, training, Path(tempfile.gettempdir(), "no-state"), Observer(), time.monotonic())

    def run(self) -> float:
        which = self.task.batches.pairs(self.loop.position.step)
        self.loop.step()
        return float((self.task.batches.target.lengths[which] + 1).sum())


def _random(rng: np.random.Generator, shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Weights of no use, as small as real ones."""
    return {name: rng.normal(0, 0.05, shape).astype("float32") for name, shape in shapes.items()}


class Generation(Contender):
    """What `generate` does, with random weights; counts characters of all streams together."""

    def __init__(
        self, layers: int, units: int, streams: int, characters: int, threads: int, engine: str = "numpy"
    ) -> None:
        prepare_blas()
        import numpy as np

        from rnntext.jobs.character_engines import predictor
        from rnntext.run.charlm import shapes
        from rnntext.settings.charlm import CharlmConfig
        from rnntext.text.vocabulary import CharVocabulary

        shape = CharlmConfig(layers=layers, units=units)
        vocabulary = CharVocabulary([chr(33 + i) for i in range(65)])
        rng = np.random.default_rng(0)
        arrays = _random(rng, shapes(shape, len(vocabulary)))
        self.model = predictor(engine, shape, vocabulary, arrays, threads)
        self.streams, self.characters, self.threads = streams, characters, threads

    def run(self) -> float:
        from rnntext.jobs.generate import sample
        from rnntext.settings.charlm import SamplingConfig

        for _ in sample(self.model, [1], self.characters, self.streams, 1, SamplingConfig(), self.threads):
            pass
        return float(self.streams * self.characters)


class Scoring(Contender):
    """What `score` does with a text of chance, with random weights; counts characters."""

    def __init__(self, layers: int, units: int, characters: int, threads: int) -> None:
        self.model = Generation(layers, units, 1, 0, threads).model
        import numpy as np

        self.threads = threads
        self.ids = np.random.default_rng(0).integers(1, len(self.model.vocabulary), characters)

    def run(self) -> float:
        from rnntext.run.threads import blas_threads

        with blas_threads(self.threads):
            self.model.score(self.ids)
        return float(len(self.ids))


class Search(Contender):
    """The search for translations with random weights, of sentences and translations of `length` tokens; counts lines.

    Batches are as large as `translate` makes them; no translation ends before its time.
    """

    def __init__(self, architecture: str, shape: dict[str, int], beam: int, length: int) -> None:
        prepare_blas()
        import numpy as np

        from rnntext.run import translators
        from rnntext.run.batching import length_class
        from rnntext.settings.search import SearchConfig
        from rnntext.settings.translator import ARCHITECTURES

        model, vocabulary, rng = ARCHITECTURES[architecture](**shape), 8000, np.random.default_rng(0)
        self.model = translators.build(model, _random(rng, translators.shapes(model, vocabulary, vocabulary)))
        self.config = SearchConfig(beam=beam, max_length=length)
        lines = max(1, self.config.batch_tokens // length_class(length))
        self.sentences = list(rng.integers(4, vocabulary, (lines, length)))

    def run(self) -> float:
        from rnntext.run.search import search_all
        from rnntext.run.threads import blas_threads
        from rnntext.text.tokens import END

        with blas_threads():
            found = list(search_all(self.model, self.sentences, self.config, [END]))
        return float(len(found))


class Translation(Contender):
    """What `translate` does with a file; counts lines, and leaves the answers in another file."""

    def __init__(
        self,
        model: str,
        lines: str,
        answers: str,
        beam: int,
        most: int | None = None,
        length_penalty: float = 1.0,
        jobs: int = 1,
        engine: str = "numpy",
    ) -> None:
        prepare_blas()
        from rnntext.jobs.load import load_translation
        from rnntext.settings.search import SearchConfig

        self.model, self.jobs = load_translation(model, engine=engine, jobs=jobs), jobs
        self.lines, self.answers = lines, Path(answers)
        self.search = SearchConfig(beam=beam, length_penalty=length_penalty, max_length=most, with_scores=False)
        self.found: list[str] = []

    def run(self) -> float:
        from rnntext.jobs.translate import translate_stream

        stream = translate_stream(self.model, [self.lines], self.search, jobs=self.jobs)
        self.found = [translation.text for _, translation in stream]
        return float(len(self.found))

    def after(self) -> None:
        self.answers.write_text("".join(f"{line}\n" for line in self.found), encoding="utf-8")
