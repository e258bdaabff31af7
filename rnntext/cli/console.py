"""What a terminal or a pipe gets to see: results on stdout, everything else on stderr."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rnntext.errors import ClosedPipeError, InputOutputError
from rnntext.files.atomic import output_file, standard_output

INVALID = "not valid UTF-8; invalid bytes were read as U+FFFD"
FLUSH_SECONDS = 0.05  # how long a result may wait in the buffer when stdout is a pipe


class Results:
    """Where results go. Text is UTF-8 whatever the locale says; a closed pipe or a full disk becomes our own error."""

    def __init__(self, stream: IO[bytes], name: str, live: bool, asked: Sequence[int] = ()) -> None:
        self._stream, self._name, self._live, self._asked = stream, name, live, asked
        self._flushed = time.monotonic()

    def write(self, text: str) -> None:
        """Writes text; a terminal sees it at once, a pipe soon."""
        if self._asked:
            raise SystemExit(128 + self._asked[0])
        try:
            self._stream.write(text.encode("utf-8", "replace"))
            if self._live or time.monotonic() - self._flushed > FLUSH_SECONDS:
                self.flush()
        except OSError as error:
            raise self._error(error) from error

    def flush(self) -> None:
        """Hands on everything that was written."""
        try:
            self._stream.flush()
        except OSError as error:
            raise self._error(error) from error
        self._flushed = time.monotonic()

    def _error(self, error: OSError) -> ClosedPipeError | InputOutputError:
        if isinstance(error, BrokenPipeError):
            return ClosedPipeError("the reader of the output has gone")
        return InputOutputError(f"{self._name}: {error.strerror or error}; the output is incomplete")


@contextmanager
def results(output: Path | None) -> Iterator[Results]:
    """stdout, or a file that appears when everything is written."""
    if output is not None:
        with _tidy_end() as asked, output_file(output, "--output") as file:
            yield Results(file, f"--output {output}", live=False, asked=asked)
        return
    if sys.stdout is None:
        raise InputOutputError("standard output is closed; redirect it, or name a file with -o")
    found = Results(standard_output(), "<stdout>", live=sys.stdout.isatty())
    yield found
    found.flush()


@contextmanager
def _tidy_end() -> Iterator[list[int]]:
    """Turns signals into exceptions, so that an unfinished file is removed; yields the signals that came. An
    exception that is raised while a library's C code calls back may get lost: the next one who writes looks here, too.
    """
    asked: list[int] = []

    def leave(number: int, frame: object) -> None:
        asked.append(number)
        raise SystemExit(128 + number)

    usual = (signal.SIG_DFL, signal.default_int_handler)  # what is ignored (nohup) stays ignored
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    ours = {number: handler for number, handler in before.items() if handler in usual}
    for number in ours:
        signal.signal(number, leave)
    try:
        yield asked
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)


def note(message: str, quiet: bool = False) -> None:
    """Something worth knowing, on stderr."""
    if not quiet and sys.stderr is not None:
        try:
            print(message, file=sys.stderr, flush=True)
        except OSError:  # results matter more than what is said about them
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def tell_count(count: int, what: str, quiet: bool) -> None:
    """How many lines were something out of the ordinary, if any."""
    if count:
        note(f"rnntext: {'1 line was' if count == 1 else f'{count} lines were'} {what}", quiet)


def on_terminal() -> bool:
    """Whether someone watches stderr."""
    return sys.stderr is not None and sys.stderr.isatty()
