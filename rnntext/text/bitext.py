"""Pairs of sentences that translate one another: reading them, and holding some out."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator

from rnntext.errors import DataError
from rnntext.sizes import MOST_PAIRS
from rnntext.text.catalogue import read_source
from rnntext.text.lines import name_of, read_text
from rnntext.text.normalize import normalize_line

Pair = tuple[str, str]
MOST_HELD_OUT = MOST_PAIRS  # however large the corpus is


@dataclasses.dataclass(frozen=True)
class Bitext:
    """Pairs of normalised sentences, no side of them empty; `empty` counts the pairs that were left out for that."""

    pairs: list[Pair]
    empty: int = 0


def read_pairs(source: str, errors: str = "strict", reverse: bool = False, lowercase: bool = False) -> Bitext:
    """Reads `source TAB target` lines of a file, of `-`, or of a corpus by name; further columns are ignored, as in
    Tatoeba's files.

    Raises:
        DataError: a line without a TAB, no pair at all, invalid UTF-8.
    """

    def split() -> Iterator[Pair]:
        for number, line in enumerate(_split(read_source(source, errors)), start=1):
            columns = line.split("\t")
            if len(columns) < 2:
                if not line.strip():
                    continue
                raise DataError(f"{name_of(source)}: line {number}: no TAB between source and target")
            yield columns[0], columns[1]

    return _bitext(split(), name_of(source), reverse, lowercase)


def read_aligned(
    source: str, target: str, errors: str = "strict", reverse: bool = False, lowercase: bool = False
) -> Bitext:
    """Reads two files of which line n of one translates line n of the other.

    Raises:
        DataError: they have different numbers of lines, no pair at all, invalid UTF-8.
    """
    left, right = _lines(source, errors), _lines(target, errors)
    if len(left) != len(right):
        raise DataError(
            f"{name_of(source)} has {len(left)} lines and {name_of(target)} {len(right)}: "
            "line n of one must translate line n of the other"
        )
    return _bitext(zip(left, right, strict=True), f"{name_of(source)}, {name_of(target)}", reverse, lowercase)


def _lines(source: str, errors: str) -> list[str]:
    return _split(read_text(source, errors, ", or read it with --encoding-errors replace"))


def _split(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _bitext(pairs: Iterable[Pair], where: str, reverse: bool, lowercase: bool) -> Bitext:
    clean = [(normalize_line(a, lowercase), normalize_line(b, lowercase)) for a, b in pairs]
    kept = [(b, a) if reverse else (a, b) for a, b in clean if a and b]
    if not kept:
        raise DataError(f"{where}: no pair of sentences; there is nothing to learn from")
    return Bitext(kept, len(clean) - len(kept))


def hold_out(pairs: list[Pair], fraction: float, scored: int = MOST_HELD_OUT) -> tuple[list[Pair], list[Pair]]:
    """Splits pairs into those for training and those held out, at most `MOST_HELD_OUT` or so; of the latter, `scored`
    or so are returned, and nobody learns from the rest.

    A hash of the source sentence decides: sentences that occur several times stay together, and when the corpus has
    grown, none is held out that was trained on before, as the share never rises.
    """
    share = min(fraction, MOST_HELD_OUT / len(pairs))
    hashed = [(_hash(pair[0]) / 2**64, pair) for pair in pairs]
    training = [pair for place, pair in hashed if place >= share]
    return training, [pair for place, pair in hashed if place < min(share, scored / len(pairs))]


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
