"""Scoring text with a character model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from rnntext.errors import DataError
from rnntext.jobs.characters import CharacterModel
from rnntext.jobs.translation import TranslationModel
from rnntext.text.lines import LineReader, name_of, read_lines, read_text

PORTION = 1024  # pairs that are scored side by side


@dataclasses.dataclass(frozen=True)
class Score:
    """What a text costs. `characters` is counted after normalisation."""

    source: str
    characters: int
    bits: float

    @property
    def bits_per_character(self) -> float:
        """0 for an empty text."""
        return self.bits / self.characters if self.characters else 0.0

    @property
    def perplexity(self) -> float:
        """2 to the power of the bits per character."""
        return float(2.0**self.bits_per_character)

    def numbers(self) -> dict[str, float]:
        """All figures, for --json."""
        return {
            "characters": self.characters,
            "bits": self.bits,
            "bits_per_character": self.bits_per_character,
            "perplexity": self.perplexity,
        }


def score_sources(model: CharacterModel, sources: Sequence[str]) -> Iterator[Score]:
    """Yields one score per file (or stdin, `-`).

    Raises:
        DataError: a text is empty or not UTF-8.
    """
    for source in sources:
        text = read_text(source)
        if not text:
            raise DataError(f"{name_of(source)}: empty; there is nothing to score")
        bits, characters = model.score(text)
        yield Score(name_of(source), characters, bits)


def score_lines(model: CharacterModel, sources: Sequence[str]) -> Iterator[tuple[Score, bool]]:
    """Yields one score per line, as soon as the line arrives, and whether the line was valid UTF-8. Every line stands
    for itself: it is read as if after a line break, without its own."""
    for number, (line, valid) in enumerate(read_lines(sources), start=1):
        bits, characters = model.score(line)
        yield Score(str(number), characters, bits), valid


@dataclasses.dataclass(frozen=True)
class PairScore:
    """What a translation model thinks of a `source TAB target` line: the target's natural log-probability, and its
    tokens, the end included; nan where a side is longer than any model can judge."""

    line: int
    log_probability: float
    tokens: int
    valid: bool


def score_pairs(model: TranslationModel, sources: Sequence[str]) -> Iterator[PairScore]:
    """Yields one score per line, portions of lines side by side.

    Raises:
        DataError: a line has no TAB, or a blank source.
    """
    reader = LineReader(sources, PORTION)
    number = 0
    while lines := reader.read():
        pairs = []
        for offset, line in enumerate(lines, start=number + 1):
            source, tab, target = line.text.partition("\t")
            if not tab or not source.strip():
                what = "no TAB between source and target" if not tab else "no source before the TAB"
                raise DataError(f"{', '.join(map(name_of, sources))}: line {offset}: {what}")
            pairs.append((source, target.partition("\t")[0]))
        for line, (log_probability, tokens) in zip(lines, model.score(pairs), strict=True):
            number += 1
            yield PairScore(number, log_probability, tokens, line.valid)
