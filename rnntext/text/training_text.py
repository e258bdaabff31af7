"""What the source side of a training text was like: its characters, and the usual size and writing of its lines."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from rnntext.errors import CheckpointError
from rnntext.text.conventions import FINAL_MARKS, final_mark, first_letter
from rnntext.text.sentences import sentences

FILE = "training_text.json"  # of a checkpoint; those of rnntext before 0.3 have none
SAMPLE = 100_000  # lines that are looked at, spread evenly
MAX_CHARACTERS = 20_000  # that are counted, the commonest ones
# Shares of the lines that have no more sentences, or tokens, than is usual. A line can be split at a sentence's end
# without harm, a sentence cannot.
USUAL_SENTENCES = 0.95
USUAL_TOKENS = 0.99
CONVENTION = 0.9  # share of lines that makes a way of writing the usual one


@dataclasses.dataclass(frozen=True)
class TrainingText:
    """What the source side of a training text was like.

    Attributes:
        characters: how often each character occurs; None if nobody knows.
        sentences: the number of sentences that most lines did not exceed.
        tokens: the number of tokens that nearly all lines did not exceed.
        capital: whether nearly all lines began with a capital, where there are any.
        mark: the mark that most lines ended with, if nearly all had a final mark; otherwise empty.
    """

    characters: dict[str, int] | None
    sentences: int
    tokens: int
    capital: bool = False
    mark: str = ""

    def to_json(self) -> dict[str, Any]:
        """The content of the file."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> TrainingText:
        """What `to_json` gave.

        Raises:
            CheckpointError: it is something else.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        needed = {"characters", "sentences", "tokens"}  # the first versions have no others
        if not isinstance(values, dict) or not needed <= set(values) <= names:
            raise CheckpointError(f"{FILE}: not the properties of a training text")
        characters = values["characters"]
        if not isinstance(characters, dict) or len(characters) > MAX_CHARACTERS:
            raise CheckpointError(f"{FILE}: 'characters' are no counts, or too many")
        for character, count in characters.items():
            if len(character) != 1 or not _is_count(count):
                raise CheckpointError(f"{FILE}: 'characters' are no counts")
        for name in ("sentences", "tokens"):
            if not _is_count(values[name]):
                raise CheckpointError(f"{FILE}: {name!r} is no count")
        text = cls(**values)
        if type(text.capital) is not bool or text.mark not in ("", *FINAL_MARKS):
            raise CheckpointError(f"{FILE}: 'capital' or 'mark' says nothing")
        return text


def _is_count(value: Any) -> bool:
    return type(value) is int and 1 <= value <= 2**40


def describe(lines: Sequence[str], lengths: Sequence[int] | np.ndarray) -> TrainingText:
    """What a training text is like.

    Args:
        lines: its normalised source sentences.
        lengths: the number of tokens of each line that is learnt from.
    """
    step = math.ceil(len(lines) / SAMPLE)
    sample = [lines[number] for number in range(0, len(lines), step)]
    counts = Counter(chain.from_iterable(sample))
    numbers = [len(sentences(line)) for line in sample]
    letters = list(filter(None, map(first_letter, sample)))
    marks = Counter(map(final_mark, sample))
    unmarked = marks.pop("", 0)
    return TrainingText(
        characters=dict(counts.most_common(MAX_CHARACTERS)),
        sentences=_quantile(numbers, USUAL_SENTENCES),
        tokens=_quantile(lengths, USUAL_TOKENS),
        capital=sum(map(str.isupper, letters)) > CONVENTION * len(letters),
        mark=marks.most_common(1)[0][0] if unmarked < (1 - CONVENTION) * len(sample) else "",
    )


def _quantile(numbers: Sequence[int] | np.ndarray, share: float) -> int:
    """The smallest number that at least this share of all numbers do not exceed."""
    place = math.ceil(share * len(numbers)) - 1
    return int(np.partition(numbers, place)[place])
