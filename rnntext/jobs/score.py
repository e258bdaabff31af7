"""Scores of texts by a character model, and of translations by a translation model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from rnntext.errors import DataError
from rnntext.jobs.characters import CharacterModel
from rnntext.jobs.translation import TranslationModel
from rnntext.text.lines import LineReader, Report, name_of, read_lines, read_pieces

PORTION = 1024  # pairs that are read ahead, so that pairs of similar length share a batch


@dataclasses.dataclass(frozen=True)
class Score:
    """The score of a text.

    Attributes:
        source: the name of the file, or the number of the line.
        characters: number of characters after normalisation.
        bits: information content.
    """

    source: str
    characters: int
    bits: float

    @property
    def bits_per_character(self) -> float:
        """The cross-entropy of text and model in bits; 0 for an empty text."""
        return self.bits / self.characters if self.characters else 0.0

    @property
    def perplexity(self) -> float:
        """The perplexity per character, 2 ** bits per character."""
        return float(2.0**self.bits_per_character)

    def numbers(self) -> dict[str, float]:
        """All numbers by name, for --json."""
        return {
            "characters": self.characters,
            "bits": self.bits,
            "bits_per_character": self.bits_per_character,
            "perplexity": self.perplexity,
        }


def score_sources(model: CharacterModel, sources: Sequence[str], report: Report | None = None) -> Iterator[Score]:
    """Yields the score of each file, or of stdin (`-`), read piece by piece.

    Args:
        report: is told how many characters are read as U+FFFD, if any.

    Raises:
        DataError: a text is empty or not UTF-8.
    """
    for source in sources:
        bits, characters = model.score_pieces(read_pieces(source, report=report))
        if not characters:
            raise DataError(f"{name_of(source)}: empty; there is nothing to score")
        yield Score(name_of(source), characters, bits)


def score_lines(model: CharacterModel, sources: Sequence[str]) -> Iterator[tuple[Score, bool]]:
    """Yields the score of each line as soon as the line arrives, and whether the line was valid UTF-8.

    Lines are independent: each is predicted as if after a line break, and its own line break is not counted.
    """
    for number, (line, valid) in enumerate(read_lines(sources), start=1):
        bits, characters = model.score(line)
        yield Score(str(number), characters, bits), valid


@dataclasses.dataclass(frozen=True)
class PairScore:
    """The score of a `source TAB target` line.

    Attributes:
        line: its number, from 1.
        log_probability: natural logarithm of the probability of the target given the source; nan if a side is too
            long to be scored.
        tokens: number of tokens of the target, the end included.
        valid: whether the line was valid UTF-8.
    """

    line: int
    log_probability: float
    tokens: int
    valid: bool


def score_pairs(model: TranslationModel, sources: Sequence[str]) -> Iterator[PairScore]:
    """Yields the score of each line.

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
            target, _, _ = target.partition("\t")  # further columns mean nothing
            pairs.append((source, target))
        scores = model.score(pairs)
        for line, (log_probability, tokens) in zip(lines, scores, strict=True):
            number += 1
            yield PairScore(number, log_probability, tokens, line.valid)
