"""Pairs of sentences that translate one another: reading them, and holding some of them out."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from rnntext import sizes
from rnntext.errors import DataError
from rnntext.text.columns import DEFAULT, MAX_ROWS, Columns, check
from rnntext.text.decoding import REPLACE_ADVICE
from rnntext.text.hold_out import hashed_position
from rnntext.text.lines import LineReader, Report, name_of, read_pieces
from rnntext.text.lookalikes import is_blank
from rnntext.text.normalize import normalize_line
from rnntext.text.stored_pairs import Pair
from rnntext.words import counted

Store = Callable[[Iterator[Pair]], Sequence[Pair]]
MAX_HELD_OUT = sizes.MAX_PAIRS  # The evaluation of a larger corpus needs no more pairs to be precise.
_BEGINNING = 2000  # characters of a text, in which a format shows
# The tags of translation memories, and where pairs, sources and targets are in them (XPath).
_MEMORIES = {
    "tmx": ("//tu", "tuv[1]/seg", "tuv[2]/seg"),
    "xliff": ("//_:trans-unit|//_:segment", "_:source", "_:target"),
}


@dataclasses.dataclass(frozen=True)
class Bitext:
    """A parallel corpus.

    Attributes:
        pairs: normalised source and target sentences; neither side of a pair is blank.
        empty: number of pairs that were left out because one side was blank.
    """

    pairs: Sequence[Pair]
    empty: int = 0


def read_pairs(
    source: str,
    errors: str = "strict",
    reverse: bool = False,
    lowercase: bool = False,
    columns: Columns | None = None,
    report: Report | None = None,
    store: Store = list,
) -> Bitext:
    """The pairs of a text with `source TAB target` lines. Further columns are ignored; Tatoeba's files have them.

    Args:
        source: a file, `-` for standard input, or the name of a corpus.
        errors: "strict", or "replace" to read U+FFFD in place of invalid UTF-8.
        reverse: whether the first column is the target.
        lowercase: whether to lower-case the text.
        columns: two of them; see `read_rows`.
        report: is told how many bytes become U+FFFD, if any.
        store: keeps the pairs, in memory or elsewhere.

    Raises:
        InputOutputError: the file cannot be read.
        DataError: as for `read_rows`; or there is no pair at all.
    """
    rows = read_rows(source, errors, columns, report)
    return _bitext(rows, name_of(source), reverse, lowercase, store)


def read_rows(
    source: str,
    errors: str = "strict",
    columns: Columns | None = None,
    report: Report | None = None,
    advice: str = REPLACE_ADVICE,
) -> Iterator[list[str]]:
    """Yields the chosen columns of each line of a table; those of a blank line are empty.

    Args:
        source, errors, report: as for `read_pairs`.
        columns: numbers of the columns, from 1; None for the first two, if they seem to be sentences.
        advice: as for `decoding.Decoder`.

    Raises:
        InputOutputError: the file cannot be read.
        DataError: a line has too few columns, the text is a translation memory (TMX, XLIFF), or not valid UTF-8; after
            the last line also if the first two columns are no sentences.
    """
    name = name_of(source)
    numbers = columns or DEFAULT
    last = max(numbers)
    looked_at: list[list[str]] = []  # rows from all over the table
    step = 1  # between them
    pieces = _without_memory(read_pieces(source, errors, advice, report), name)
    for number, line in enumerate(_lines(pieces), start=1):
        row = line.split("\t", last)
        if columns is None and (number - 1) % step == 0 and len(row) > 1:
            looked_at.append(line.split("\t"))
            if len(looked_at) == 2 * MAX_ROWS:
                looked_at = looked_at[::2]
                step *= 2
        if len(row) >= last:
            yield [row[column - 1] for column in numbers]
        elif is_blank(line):
            yield [""] * len(numbers)
        else:
            what = f"no column {last} after a TAB" if columns else f"no TAB between source and target; {_to_tabs(line)}"
            raise DataError(f"{name}: line {number}: {what}")
    if columns is None:
        check(looked_at, name)


def _to_tabs(line: str) -> str:
    """What makes pairs of a line without TAB, for the user."""
    if line.lstrip().startswith("{"):
        return "of JSON lines, this makes them: jq -r '[.SOURCE, .TARGET] | @tsv'"
    if " ||| " in line:
        return "this puts one there: sed 's/ ||| /\\t/g'"
    return "write each pair as source TAB target, or give two aligned files with --source and --target"


def _without_memory(pieces: Iterable[str], name: str) -> Iterator[str]:
    """The pieces of a text, of which the first is checked (`_check_no_memory`)."""
    for number, piece in enumerate(pieces):
        if number == 0:
            _check_no_memory(piece, name)
        yield piece


def _check_no_memory(text: str, name: str) -> None:
    """Raises DataError, which says how to read it, if a text is a translation memory in XML."""
    beginning = text[:_BEGINNING].lstrip()
    for tag, (pair, *sides) in _MEMORIES.items():
        if beginning.startswith("<") and re.search(rf"<{tag}\b", beginning):
            shown = " -o \"$(printf '\\t')\" ".join(f"-v 'normalize-space({side})'" for side in sides)
            file = "-" if name == "<stdin>" else shlex.quote(name)
            command = f"xmlstarlet sel -T -t -m '{pair}' {shown} -n {file}"
            raise DataError(
                f"{name}: {tag.upper()}, not lines of source TAB target; read it so: {command} | rnntext ... -"
            )


def check_file(source: str) -> None:
    """Checks the first two columns of a file by its first rows, as `read_rows` does; nothing of what is no plain file,
    since that could be read only once.

    Raises:
        InputOutputError: the file cannot be read.
        DataError: as for `columns.check`; or the file has another format, that of a translation memory included.
    """
    if os.path.isfile(source):
        lines = LineReader([source], MAX_ROWS).read()
        _check_no_memory("\n".join(line.text for line in lines[:20]), source)
        check([line.text.split("\t") for line in lines if "\t" in line.text], source)


def read_aligned(
    source: str,
    target: str,
    errors: str = "strict",
    reverse: bool = False,
    lowercase: bool = False,
    report: Report | None = None,
    store: Store = list,
) -> Bitext:
    """The pairs of two files of which line n of one translates line n of the other.

    Args:
        source: a file of source sentences, or `-` for standard input.
        target: a file of target sentences, likewise.
        errors, reverse, lowercase, report, store: as for `read_pairs`.

    Raises:
        InputOutputError: a file cannot be read.
        DataError: as for `read_aligned_rows`; or there is no pair at all.
    """
    rows = read_aligned_rows([source, target], errors, report)
    name = f"{name_of(source)}, {name_of(target)}"
    return _bitext(rows, name, reverse, lowercase, store)


def read_aligned_rows(
    sources: Sequence[str], errors: str = "strict", report: Report | None = None, advice: str = REPLACE_ADVICE
) -> Iterator[tuple[str, ...]]:
    """Yields line n of each of several files, for n = 1, 2, ...

    Args:
        sources: files, or `-` for standard input.
        errors, report: as for `read_pairs`.
        advice: as for `decoding.Decoder`.

    Raises:
        InputOutputError: a file cannot be read.
        DataError: a text is not valid UTF-8; after the last line of the shortest file also if the numbers of lines
            differ.
    """
    files = [_lines(read_pieces(source, errors, advice, report)) for source in sources]
    counts = [0] * len(sources)
    for row in itertools.zip_longest(*files):
        counts = [count + (line is not None) for count, line in zip(counts, row, strict=True)]
        if None not in row:
            yield row
    for source, count in zip(sources, counts, strict=True):
        if count != counts[0]:
            raise DataError(
                f"{name_of(sources[0])} has {counted(counts[0], 'line')} and {name_of(source)} {count:,}: "
                "line n of one must translate line n of the other"
            )


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """Yields the lines of a text, which may end with a line break or not."""
    rest: list[str] = []  # the beginning of a line that ends in another piece
    for piece in pieces:
        first, *others = piece.split("\n")
        rest.append(first)
        if others:
            yield "".join(rest)
            yield from others[:-1]
            rest = [others[-1]]
    if last := "".join(rest):
        yield last


def _bitext(rows: Iterable[Sequence[str]], name: str, reverse: bool, lowercase: bool, store: Store) -> Bitext:
    """Normalises pairs of source and target; leaves out those that have a blank side, and uncounted what is blank."""
    empty = 0

    def kept() -> Iterator[Pair]:
        nonlocal empty
        for source, target in rows:
            source = normalize_line(source, lowercase)
            target = normalize_line(target, lowercase)
            if is_blank(source) and is_blank(target):
                continue  # a blank line between pairs
            if is_blank(source) or is_blank(target):
                empty += 1
            else:
                yield (target, source) if reverse else (source, target)

    pairs = store(kept())
    if not pairs:
        raise DataError(f"{name}: no pair of sentences; there is nothing to learn from")
    return Bitext(pairs, empty)


def hold_out(pairs: Sequence[Pair], fraction: float, scored: int = MAX_HELD_OUT) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the pairs to train on, and of those to evaluate on, `[pairs]` each.

    A hash of the source sentence decides. So a sentence that occurs several times is on one side only, and none that a
    model was trained on is held out after the corpus has grown, because the share of held-out pairs never rises.

    Args:
        pairs: the whole corpus, with at least one pair.
        fraction: the share of pairs to be held out, 0 to 1; of a large corpus no more than about `MAX_HELD_OUT` pairs
            are.
        scored: about the number of held-out pairs to be returned. The others are in neither list.
    """
    count = len(pairs)
    held_out_share = min(fraction, MAX_HELD_OUT / count)
    scored_share = min(held_out_share, scored / count)
    positions = np.fromiter((hashed_position(source) for source, _ in pairs), np.float64, count)
    return np.flatnonzero(positions >= held_out_share), np.flatnonzero(positions < scored_share)
