"""Scores of texts by a character model, and of translations by a translation model."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

from rnntext.errors import DataError
from rnntext.jobs.characters import CharacterModel
from rnntext.jobs.translation import TranslationModel
from rnntext.text.bitext import check_file
from rnntext.text.columns import DEFAULT, Columns, check_pair
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


def score_sources(
    model: CharacterModel, sources: Sequence[str], adapt: bool = False, report: Report | None = None
) -> Iterator[Score]:
    """Yields the score of each file, or of stdin (`-`), read piece by piece.

    Args:
        adapt: whether the model learns from each file, and from no other, while it reads it.
        report: is told how many bytes become U+FFFD, if any.

    Raises:
        DataError: a text is empty or not UTF-8.
    """
    for source in sources:
        bits, characters = model.score_pieces(read_pieces(source, report=report), adapt)
        if not characters:
            raise DataError(f"{name_of(source)}: empty; there is nothing to score")
        yield Score(name_of(source), characters, bits)


def score_characters(
    model: CharacterModel, sources: Sequence[str], adapt: bool = False, report: Report | None = None
) -> Iterator[tuple[str, str, float]]:
    """Yields the name of the file, and a character with its bits, for each character of each file.

    For the arguments and errors see `score_sources`.
    """
    for source in sources:
        empty = True
        for character, bits in model.surprisal_of_pieces(read_pieces(source, report=report), adapt):
            empty = False
            yield name_of(source), character, bits
        if empty:
            raise DataError(f"{name_of(source)}: empty; there is nothing to score")


def score_lines(
    model: CharacterModel, sources: Sequence[str], report: Report | None = None
) -> Iterator[tuple[Score, int, bool]]:
    """Yields the score of each line as soon as the line arrives, its number in its file, from 1, and whether it was
    valid UTF-8.

    Lines are independent: each is predicted as if after a line break, and its own line break is not counted.

    Args:
        report: is told if standard input seems to have another format than UTF-8; its lines are scored all the same.
    """
    for source in sources:
        for number, (line, valid) in enumerate(read_lines([source], report), start=1):
            bits, characters = model.score(line)
            yield Score(name_of(source), characters, bits), number, valid


@dataclasses.dataclass(frozen=True)
class PairScore:
    """The score of a `source TAB target` line.

    Attributes:
        source: the name of the file.
        line: its number in this file, from 1.
        scored_tokens: the tokens of the target, the end included, each with the natural logarithm of its probability
            given the source and the tokens before it; nan if the line is no pair, or a side of it is too long. Empty
            without a target column.
        fault: why there is nothing to score, or None.
        valid: whether the line was valid UTF-8.
    """

    source: str
    line: int
    scored_tokens: list[tuple[str, float]]
    fault: str | None
    valid: bool

    @property
    def log_probability(self) -> float:
        """The natural logarithm of the probability of the target given the source; nan as above."""
        return math.nan if self.fault is not None else math.fsum(log_p for _, log_p in self.scored_tokens)


def score_pairs(
    model: TranslationModel, sources: Sequence[str], columns: Columns | None = None, report: Report | None = None
) -> Iterator[PairScore]:
    """Yields the score of each line, also of one that is no pair.

    Args:
        sources: files, or `-` for standard input.
        columns: the numbers of those of the source and of the target, from 1; None for the first two, if they seem to
            be sentences.
        report: as for `score_lines`.

    Raises:
        UsageError: there are more columns than two.
        InputOutputError: a file cannot be read.
        DataError: the first two columns of a file are no sentences, or it has another format.
    """
    if columns is not None:
        check_pair(columns)
    source_column, target_column = columns or DEFAULT
    last = max(source_column, target_column)
    for source in sources:
        if columns is None:
            check_file(source)
        reader = LineReader([source], PORTION, report)
        number = 0
        while lines := reader.read():
            # 1. Score the lines that have both columns; the others have empty ones.
            rows = [line.text.split("\t", last) for line in lines]
            complete = [row if len(row) >= last else [""] * last for row in rows]
            pairs = [(row[source_column - 1], row[target_column - 1]) for row in complete]
            scored = model.score_tokens(pairs)
            # 2. Hand them out.
            for line, row, (text, _), tokens in zip(lines, rows, pairs, scored, strict=True):
                number += 1
                fault = None
                if math.isnan(tokens[-1][1]):
                    fault = TOO_LONG if model.lines.parts(text) else NO_PAIR
                yield PairScore(name_of(source), number, tokens if len(row) >= last else [], fault, line.valid)
