"""The pairs of sentences that a translator learns from and is scored on: read, split, encoded and stored."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from rnntext import sizes
from rnntext.errors import DataError, UsageError
from rnntext.files.scratch import Scratch
from rnntext.jobs.progress import told
from rnntext.jobs.training import fraction
from rnntext.jobs.translation import TranslationModel
from rnntext.run.batching import in_order
from rnntext.run.threads import blas_threads
from rnntext.settings.base import as_texts
from rnntext.settings.search import SearchConfig
from rnntext.text import columns
from rnntext.text.bitext import Bitext, Store, hold_out, read_aligned, read_pairs
from rnntext.text.bleu import bleu
from rnntext.text.columns import Columns
from rnntext.text.stored_pairs import Pair, StoredPairs
from rnntext.text.tokens import Language
from rnntext.words import counted

if TYPE_CHECKING:
    from rnntext.train.pipelines import SentenceIds

CHUNK = 10_000  # pairs that are made JSON at once
LINES = 20_000  # pairs that are cut into tokens at once: a word that occurs several times in them is cut but once
Files = str | tuple[str, str]  # one file of pairs, or two aligned files


@dataclasses.dataclass(frozen=True)
class PairSource:
    """Where training pairs and held-out pairs come from.

    Attributes:
        files: of the pairs.
        validation: the held-out pairs: a fraction, or files.
        reverse: whether source and target are swapped, in all files.
        errors: "strict" or "replace", for bytes that are no UTF-8.
        columns: of source and target in files of pairs; None: the first two, if they seem to be sentences.

    Raises:
        UsageError: both are read from stdin, or columns are chosen of files that have none.
    """

    files: Files
    validation: Files
    reverse: bool
    errors: str
    columns: Columns | None = None

    def __post_init__(self) -> None:
        names = [*listed(self.files), *listed(self.validation)]
        if names.count("-") > 1:
            raise UsageError("-: standard input can be read only once")
        if self.columns is not None:
            columns.check_pair(self.columns)
            held_out_pairs = isinstance(self.validation, str) and fraction(self.validation) is None
            if not isinstance(self.files, str) and not held_out_pairs:
                shown = ",".join(map(str, self.columns))
                raise UsageError(f"--columns {shown}: goes with a file of pairs; aligned files have one column each")

    def split(
        self, lowercase: bool, time_limit: float | None, report: Callable[[str], None], folder: Path
    ) -> tuple[StoredPairs, Sequence[Pair]]:
        """Training pairs and held-out pairs; no source sentence is among both.

        Args:
            time_limit: of the run, in seconds; decides how many pairs of a fraction are scored.
            report: is told what is left out.
            folder: where the training pairs take room, as they may be more than memory holds.

        Raises:
            DataError: nothing can be learnt from the pairs.
        """

        # 1. Read.
        def store(pairs: Iterator[Pair]) -> StoredPairs:
            return StoredPairs(told(pairs, "pairs read", report), folder)

        bitext = self._read(self.files, lowercase, report, store)
        pairs = cast(StoredPairs, bitext.pairs)
        share = fraction(self.validation) if isinstance(self.validation, str) else None
        if share is None:
            held_out = self._read(self.validation, lowercase, report).pairs
        else:
            training, evaluation = hold_out(pairs, share, sizes.scored_pairs(time_limit))
            held_out = list(pairs.take(evaluation))
            pairs = pairs.take(training)

        # 2. Check that something can be learnt.
        where = " and ".join(listed(self.files))
        if bitext.empty:
            report(f"left out: {counted(bitext.empty, 'pair')} with an empty side")
        if not pairs or not held_out:
            raise DataError(
                f"{where}: {counted(len(bitext.pairs), 'pair')}, too few to hold some out; "
                "give more, or a file with --validation"
            )
        _, first_target = pairs[0]
        if all(target == first_target for _, target in pairs):
            raise DataError(f"{where}: all targets are the same sentence; there is nothing to learn")

        # 3. Leave out what is held out, too.
        held_out_sources = {source for source, _ in held_out}
        is_kept = np.fromiter((source not in held_out_sources for source, _ in pairs), bool, len(pairs))
        kept = pairs.take(np.flatnonzero(is_kept))
        if not kept:
            raise DataError(f"{where}: every source sentence is held out, too; there is nothing left to learn from")
        if len(kept) < len(pairs):
            report(f"left out: {counted(len(pairs) - len(kept), 'pair')} whose source is held out")
        return kept, held_out

    def _read(self, files: Files, lowercase: bool, report: Callable[[str], None], store: Store = list) -> Bitext:
        if isinstance(files, str):
            return read_pairs(files, self.errors, self.reverse, lowercase, self.columns, report, store)
        source, target = files
        return read_aligned(source, target, self.errors, self.reverse, lowercase, report, store)


def encode(
    training: Sequence[Pair],
    held_out: Sequence[Pair],
    languages: tuple[Language, Language],
    longest: int,
    report: Callable[[str], None],
    folder: Path,
) -> tuple[SentenceIds, SentenceIds, list[Pair]]:
    """Ids of the sources and targets of the training pairs, and the held-out pairs, without pairs that are too long.

    Args:
        languages: of source and target.
        longest: the maximum number of tokens on either side.
        report: is told how many pairs are left out.
        folder: where the ids take room, as they may be more than memory holds.

    Raises:
        DataError: all pairs are too long, or empty.
    """
    # 1. Encode.
    sides = _encoded(training, languages, longest, report, folder)
    source_language, target_language = languages
    lengths = [
        [len(source_language.encode(source)), len(target_language.encode(target))] for source, target in held_out
    ]
    held_out_lengths = np.array(lengths)  # [pairs, 2]

    # 2. Look at what is too long.
    source, target = sides
    usable_held_out = _usable(held_out_lengths[:, 0], held_out_lengths[:, 1], longest)
    if len(source) == 0 or not usable_held_out.any():
        raise DataError(f"every pair has a side of no token or of more than {longest}; raise --longest")
    kept_held_out = list(itertools.compress(held_out, usable_held_out))
    left_out = len(training) - len(source) + len(held_out) - len(kept_held_out)
    if left_out:
        report(f"left out: {counted(left_out, 'pair')} with no token or more than {longest} on a side")
    return source, target, kept_held_out


def _encoded(
    pairs: Sequence[Pair],
    languages: tuple[Language, Language],
    longest: int,
    report: Callable[[str], None],
    folder: Path,
) -> tuple[SentenceIds, SentenceIds]:
    """Ids of the sources and targets of all pairs that are not too long; for the arguments see `encode`."""
    from rnntext.train.pipelines import SentenceIds, Vectorizer

    vectorize_source, vectorize_target = map(Vectorizer, languages)
    kept_lengths = []
    with Scratch(folder) as sources, Scratch(folder) as targets:
        chunks = (pairs[begin : begin + LINES] for begin in range(0, len(pairs), LINES))
        for chunk in told(chunks, "pairs cut into tokens", report, len):
            source_ids, source_lengths = vectorize_source([source for source, _ in chunk])  # [tokens], [pairs]
            target_ids, target_lengths = vectorize_target([target for _, target in chunk])
            usable = _usable(source_lengths, target_lengths, longest)  # [pairs]
            sources.append(source_ids[np.repeat(usable, source_lengths)].tobytes())
            targets.append(target_ids[np.repeat(usable, target_lengths)].tobytes())
            kept_lengths.append(np.array([source_lengths[usable], target_lengths[usable]], np.int32))
        source_ids = sources.array(vectorize_source.dtype)
        target_ids = targets.array(vectorize_target.dtype)
    source_lengths, target_lengths = np.concatenate(kept_lengths, axis=1)  # [pairs] each
    return SentenceIds(source_ids, source_lengths), SentenceIds(target_ids, target_lengths)


def _usable(source: np.ndarray, target: np.ndarray, longest: int) -> np.ndarray:
    """Whether pairs have at least one token and at most `longest` tokens on both sides, `[pairs]`.

    Args:
        source, target: numbers of tokens, `[pairs]`.
    """
    shorter = np.minimum(source, target)
    longer = np.maximum(source, target)
    usable: np.ndarray = (shorter > 0) & (longer <= longest)
    return usable


def given_files(name: str, value: str | Sequence[str]) -> Files:
    """The files of a parameter: one file of pairs, or two aligned ones.

    Raises:
        UsageError: it is something else.
    """
    names = as_texts(name, value)
    if not isinstance(value, list | tuple):
        return names[0]
    if len(names) != 2:
        raise UsageError(f"{name} {value!r}: give one file of pairs, or two aligned files")
    source, target = names
    return source, target


def listed(files: str | Sequence[str]) -> list[str]:
    """One file or several as a list."""
    return [files] if isinstance(files, str) else list(files)


def digest(training: Sequence[Pair], held_out: Sequence[Pair]) -> str:
    """SHA-256 of all pairs."""
    sha = hashlib.sha256()
    for chunk in itertools.chain(_chunks(training), [b"\0"], _chunks(held_out)):
        sha.update(chunk)
    return sha.hexdigest()


def to_bytes(pairs: Sequence[Pair]) -> bytes:
    """The content of a JSON file that stores pairs."""
    return b"".join(_chunks(pairs))


def _chunks(pairs: Sequence[Pair]) -> Iterator[bytes]:
    """Yields the parts of the JSON list of all pairs, so that it need not be in memory as a whole."""
    yield b"["
    for begin in range(0, len(pairs), CHUNK):
        end = begin + CHUNK
        comma = ", " if begin else ""
        members = json.dumps(pairs[begin:end], ensure_ascii=True)[1:-1]
        yield f"{comma}{members}".encode()
    yield b"]"


def from_bytes(content: bytes) -> list[Pair]:
    """The pairs that `to_bytes` wrote."""
    return [(source, target) for source, target in json.loads(content)]


def greedy_bleu(model: TranslationModel, sources: Sequence[str], targets: Sequence[str]) -> float:
    """BLEU of the greedy translations of whole lines, without anything that `TranslationModel.translations` does beside
    the search: as a training scores the weights that it finds."""
    greedy = SearchConfig(beam=1, with_scores=False)
    ids = [model.source.encode(source) for source in sources]
    with blas_threads(model.threads):
        hypotheses = in_order(model.search_all(ids, greedy, model.target.forbidden))
        translations = [model.target.decode(best.ids) for (best,) in hypotheses]
    return bleu(translations, targets)
