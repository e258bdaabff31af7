"""A character model in service: text in, text out."""

from __future__ import annotations

from collections.abc import Iterator

from rnntext.config import CharlmConfig, SamplingConfig, check_choice
from rnntext.errors import CheckpointError, DataError, UsageError
from rnntext.jobs.generate import StopFilter, fresh_seed, sample
from rnntext.run.charlm import Charlm, shapes
from rnntext.run.threads import blas_threads
from rnntext.storage.checkpoint import Checkpoint
from rnntext.text.normalize import normalize
from rnntext.text.vocabulary import CharVocabulary


class CharacterModel:
    """A character model in service, text in and text out.

    Attributes:
        engine: the NumPy model, for work on ids and logits.
        checkpoint: the version it came from, with its manifest and metrics.
        threads: how many matrix products may use.
    """

    def __init__(self, source: Checkpoint, threads: int = 1) -> None:
        if source.kind != "charlm":
            raise UsageError(f"{source.path}: this is a {source.kind} model; a character model (charlm) is needed here")
        self.checkpoint, self.threads = source, threads
        settings = source.json("config.json")
        config = CharlmConfig.from_json(settings.get("model") if isinstance(settings, dict) else None)
        vocabulary = CharVocabulary(source.strings("vocabulary.json"))
        if len(vocabulary) == 1:
            raise CheckpointError(f"{source.path}: the vocabulary is empty")
        self.engine = Charlm(config, vocabulary, source.arrays(shapes(config, len(vocabulary))))

    def encode(self, text: str, on_unknown: str = "error") -> list[int]:
        """Ids of a prompt, normalised.

        Raises:
            DataError: characters that the model has never seen, unless `on_unknown` is "skip".
        """
        check_choice("on_unknown", on_unknown, ("error", "skip"))
        vocabulary = self.engine.vocabulary
        text = normalize(text, self.engine.config.lowercase)
        unknown = vocabulary.unknown(text)
        if unknown and on_unknown == "error":
            named = " ".join(f"{c!r} (U+{ord(c):04X})" for c in unknown[:8]) + (" ..." if len(unknown) > 8 else "")
            raise DataError(f"the model has never seen {named}; leave out what it does not know with --on-unknown skip")
        return [i for i in vocabulary.encode(text).tolist() if i]

    def generate(
        self,
        prompt: str = "",
        *,
        length: int = 500,
        stop: tuple[str, ...] = (),
        seed: int | None = None,
        on_unknown: str = "error",
        sampling: SamplingConfig | None = None,
    ) -> Iterator[str]:
        """Continues a prompt, one character at a time, without the prompt itself.

        Args:
            length: most characters to draw.
            stop: texts that end the answer; they are not part of it.
            seed: the same seed gives the same answer; None: another one each time.
            on_unknown: "error", or "skip" to leave out of the prompt what the model does not know.
            sampling: temperature and filters.

        Raises:
            DataError: see `encode`.
        """
        ids = self.encode(prompt, on_unknown)
        seed = fresh_seed() if seed is None else seed
        return self._generate(ids, length, self._stop_filter(stop), seed, sampling or SamplingConfig())

    def _stop_filter(self, stop: tuple[str, ...]) -> StopFilter:
        return StopFilter([normalize(text, self.engine.config.lowercase) for text in stop])

    def _generate(
        self, ids: list[int], length: int, stop: StopFilter, seed: int, sampling: SamplingConfig
    ) -> Iterator[str]:
        characters = self.engine.vocabulary.characters
        for drawn in sample(self.engine, ids, length, 1, seed, sampling, self.threads):
            yield from stop.push(characters[drawn[0] - 1])
            if stop.done:
                return
        yield from stop.rest()

    def generate_many(
        self,
        prompt: str = "",
        *,
        count: int,
        length: int = 500,
        stop: tuple[str, ...] = (),
        seed: int | None = None,
        on_unknown: str = "error",
        sampling: SamplingConfig | None = None,
    ) -> list[str]:
        """Several continuations of one prompt, drawn side by side as one batch; arguments as for `generate`."""
        ids = self.encode(prompt, on_unknown)
        seed = fresh_seed() if seed is None else seed
        filters = [self._stop_filter(stop) for _ in range(count)]
        texts: list[list[str]] = [[] for _ in range(count)]
        characters = self.engine.vocabulary.characters
        sampling = sampling or SamplingConfig()
        for drawn in sample(self.engine, ids, length, count, seed, sampling, self.threads):
            for text, stopper, index in zip(texts, filters, drawn.tolist(), strict=True):
                text.extend(stopper.push(characters[index - 1]))
            if all(stopper.done for stopper in filters):
                break
        return ["".join(text) + "".join(stopper.rest()) for text, stopper in zip(texts, filters, strict=True)]

    def score(self, text: str) -> tuple[float, int]:
        """Information content of a text in bits, and its number of characters (after normalisation); their quotient is
        the bits per character. Unknown characters are counted as `run.charlm.Charlm.score` says."""
        text = normalize(text, self.engine.config.lowercase)
        with blas_threads(self.threads):
            return self.engine.score(self.engine.vocabulary.encode(text)), len(text)
