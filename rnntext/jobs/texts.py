"""The text that a character model learns from and the text that it is scored on: read and split."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from rnntext.errors import DataError, UsageError
from rnntext.jobs.progress import told
from rnntext.jobs.training import fraction
from rnntext.text.decoding import REPLACE_ADVICE
from rnntext.text.hold_out import LOOKED_AT, hold_out_lines, is_sorted
from rnntext.text.lines import Report, name_of, read_pieces, read_text
from rnntext.text.long_text import LongText
from rnntext.text.normalize import normalize
from rnntext.text.sources import expanded
from rnntext.words import counted

LINES = "lines:"  # what the value of --validation begins with if lines are held out
MAX_NAMED = 3  # sources that a message names


@dataclasses.dataclass(frozen=True)
class TextSource:
    """Where training text and held-out text come from.

    Attributes:
        files: of the text; folders, patterns, names of corpora or `-`, too.
        validation: the held-out text: a fraction of the end, a fraction of the lines after "lines:", or a file.
        errors: "strict" or "replace", for bytes that are no UTF-8.
    """

    files: list[str]
    validation: str
    errors: str = "strict"

    def __str__(self) -> str:
        """The files for a message."""
        names = ", ".join(name_of(file) for file in self.files[:MAX_NAMED])
        return f"{names} and {len(self.files) - MAX_NAMED} more" if len(self.files) > MAX_NAMED else names

    def split(self, lowercase: bool, window: int, scored: int, report: Report, folder: Path) -> tuple[LongText, str]:
        """Training text and held-out text, normalised.

        Args:
            window: number of characters that the training text must exceed.
            scored: about the number of characters to be returned of those that a fraction holds out; nobody learns
                from the others.
            report: is told what should be known of the text.
            folder: where the training text takes room, as it may be larger than memory.

        Raises:
            InputOutputError: a file cannot be read.
            DataError: a file is not UTF-8, there is too little text, or no held-out text.
        """
        # 1. Read.
        pieces = told(self._pieces(report), "characters read", report, len)
        text = LongText((normalize(piece, lowercase) for piece in pieces), folder)
        if not any(piece.strip() for piece in text.pieces()):
            raise DataError(f"{self}: empty; there is nothing to train on")

        # 2. Split.
        share = fraction(self.validation)
        where = str(self)
        if self.validation.startswith(LINES):
            training, held_out = hold_out_lines("".join(text.pieces()), self._share_of_lines(), scored)
            text = LongText([training], folder)
        elif share is not None:
            cut = int(len(text) * (1.0 - share))
            held_out = "".join(text.pieces(begin=max(cut, len(text) - scored)))
            self._tell_sorted(text, report)
            text.cut(cut)
        else:
            where = self.validation
            held_out = normalize(read_text(self.validation, self.errors, report=report), lowercase)

        # 3. Check that there is enough.
        if len(text) <= window:
            raise DataError(
                f"{self}: only {counted(len(text), 'character')} to train on, too few for --window {window}; "
                "give more text, or a smaller --window"
            )
        if not held_out:
            raise DataError(f"{where}: no held-out text; give more text, or another file with --validation FILE")
        return text, held_out

    def _pieces(self, report: Report) -> Iterator[str]:
        """The text of all files in pieces; each of several files ends with a line break."""
        sources = expanded(self.files)
        for source in sources:
            last = ""  # The line break must be in one piece with what precedes it, which may be a carriage return.
            for piece in read_pieces(source, self.errors, REPLACE_ADVICE, report):
                yield last
                last = piece
            if len(sources) > 1:
                last = last.removesuffix("\n") + "\n"
            yield last

    def _share_of_lines(self) -> float:
        """The fraction of lines that is held out."""
        share = fraction(self.validation, LINES)
        if share is None:
            raise UsageError(f"--validation {self.validation}: write {LINES}0.1 to hold out a tenth of the lines")
        return share

    def _tell_sorted(self, text: LongText, report: Report) -> None:
        if is_sorted("".join(text.pieces(end=LOOKED_AT))):
            report(
                "the lines are sorted, so that those at the end, which are held out, begin like no other; "
                f"--validation {LINES}{self.validation} shuffles the list and holds out lines from all over it"
            )
