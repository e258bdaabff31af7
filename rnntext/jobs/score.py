"""Scores of texts by a character model, and of translations by a translation model."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

from rnntext.errors import DataError
from rnntext.jobs.characters import CharacterModel
from rnntext.jobs.translation import TranslationModel
from rnntext.text.lines import LineReader, Report, name_of, read_lines, read_pieces

NO_PAIR = "without a source, a TAB and a target"
TOO_LONG = "too long to be scored"
PORTION = 1024  # pairs that are read ahead, so that pairs of similar length share a batch


@dataclasses.dataclass(frozen=True)
class Score:
    """The score of a text.

    Attributes:
        source: the name of the file.
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
        report: is told how many bytes become U+FFFD, if any.

    Raises:
        DataError: a text is empty or not UTF-8.
    """
    for source in sources:
        bits, characters = model.score_pieces(read_pieces(source, report=report))
        if not characters:
            raise DataError(f"{name_of(source)}: empty; there is nothing to score")
        yield Score(name_of(source), characters, bits)


def score_lines(model: CharacterModel, sources: Sequence[str]) -> Iterator[tuple[Score, int, bool]]:
    """Yields the score of each line as soon as the line arrives, its number in its file, from 1, and whether it was
    valid UTF-8.

    Lines are independent: each is predicted as if after a line break, and its own line break is not counted.
    """
    for source in sources:
        for number, (line, valid) in enumerate(read_lines([source]), start=1):
            bits, characters = model.score(line)
            yield Score(name_of(source), characters, bits), number, valid


@dataclasses.dataclass(frozen=True)
class PairScore:
    """The score of a `source TAB target` line.

    Attributes:
        source: the name of the file.
        line: its number in this file, from 1.
        log_probability: natural logarithm of the probability of the target given the source; nan if the line is no
            pair, or a side of it is too long.
        tokens: number of tokens of the target, the end included; 0 without a TAB.
        fault: why there is nothing to score, or None.
        valid: whether the line was valid UTF-8.
    """

    source: str
    line: int
    log_probability: float
    tokens: int
    fault: str | None
    valid: bool


def score_pairs(model: TranslationModel, sources: Sequence[str]) -> Iterator[PairScore]:
    """Yields the score of each line, also of one that is no pair."""
    for source in sources:
        reader = LineReader([source], PORTION)
        number = 0
        while lines := reader.read():
            pairs = [_pair(line.text) for line in lines]
            scores = model.score(pairs)
            for line, (text, _), (log_probability, tokens) in zip(lines, pairs, scores, strict=True):
                number += 1
                fault = None
                if math.isnan(log_probability):
                    fault = TOO_LONG if model.lines.parts(text) else NO_PAIR
                tokens = tokens if "\t" in line.text else 0
                yield PairScore(name_of(source), number, log_probability, tokens, fault, line.valid)


def _pair(line: str) -> tuple[str, str]:
    """Source and target of a line; further columns mean nothing. The source of a line without a TAB is empty."""
    source, tab, target = line.partition("\t")
    target, _, _ = target.partition("\t")
    return (source if tab else "", target)
