"""Scoring text with a character model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from rnntext.errors import DataError
from rnntext.jobs.load import CharacterModel
from rnntext.text.lines import name_of, read_lines, read_text


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
