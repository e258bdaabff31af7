"""Output of the commands: results on stdout or in a file, everything else on stderr."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from rnntext.errors import ClosedPipeError, InputOutputError
from rnntext.files.atomic import output_file, standard_output
from rnntext.system import STOP_SIGNALS
from rnntext.words import counted

INVALID = "not valid UTF-8, or had NULs; these bytes were read as U+FFFD"
# What a terminal obeys: control characters, but for TAB and line feed, and the embeddings, overrides and isolates of
# bidirectional text, which turn round what is shown up to the end of the line.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
FLUSH_SECONDS = 0.05  # a write to a stream that is no terminal flushes it if the last flush is longer ago


def visible(text: str) -> str:
    """Text for a terminal, which would obey control characters: they are shown as JSON writes them, ESC as \\u001b.
    TAB and line feed stay, and so do the marks of Arabic and Hebrew texts (U+200E, U+200F, U+061C), which turn nothing
    but their neighbours."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def file_size(size: int) -> str:
    """A size in bytes for people."""
    return f"{size / 2**20:.1f} MB" if size >= 2**20 else f"{size / 2**10:.1f} kB"


class Results:
    """A stream that results are written to, as UTF-8 whatever the locale says, and for a terminal as `visible` says.

    Args:
        stream: the file or stdout.
        name: its name in messages.
        signals: signals that have come; the next write then ends the program.

    Attributes:
        terminal: whether it is one.
    """

    def __init__(self, stream: IO[bytes], name: str, signals: Sequence[int] = ()) -> None:
        self._stream = stream
        self._name = name
        self.terminal = stream.isatty()
        self._signals = signals
        self._flushed = time.monotonic()

    def write(self, content: str | bytes) -> None:
        """Writes text or bytes, and flushes on a terminal, or if the last flush is more than FLUSH_SECONDS ago.

        Raises:
            ClosedPipeError: the reader of the pipe has gone.
            InputOutputError: the disk is full, for example.
        """
        if self._signals:
            raise SystemExit(128 + self._signals[0])
        try:
            if isinstance(content, str):
                content = (visible(content) if self.terminal else content).encode("utf-8", "replace")
            self._stream.write(content)
            if self.terminal or time.monotonic() - self._flushed > FLUSH_SECONDS:
                self.flush()
        except OSError as error:
            raise self._error(error) from error

    def flush(self) -> None:
        """Flushes everything that was written; raises the errors of `write`."""
        try:
            self._stream.flush()
        except OSError as error:
            raise self._error(error) from error
        self._flushed = time.monotonic()

    def _error(self, error: OSError) -> ClosedPipeError | InputOutputError:
        """The error of rnntext for an error of the stream."""
        if isinstance(error, BrokenPipeError):
            return ClosedPipeError("the reader of the output has gone")
        return InputOutputError(f"{self._name}: {error.strerror or error}; the output is incomplete")


@contextmanager
def results(output: Path | None) -> Iterator[Results]:
    """The stream for results: stdout, or a file that appears only when everything is written.

    Args:
        output: the file; None: stdout.
    """
    if output is not None:
        with signals_as_exceptions() as signals, output_file(output, "--output") as file:
            yield Results(file, f"--output {output}", signals)
        return
    if sys.stdout is None:
        raise InputOutputError("standard output is closed; redirect it, or name a file with -o")
    stdout = Results(standard_output(), "<stdout>")
    yield stdout
    stdout.flush()


@contextmanager
def signals_as_exceptions() -> Iterator[list[int]]:
    """Turns SIGINT, SIGTERM and SIGHUP into SystemExit, so that an unfinished file or folder is removed.

    Yields the signals that have come: an exception that is raised while a library's C code calls back may get lost, so
    that `Results.write` looks here, too.
    """
    received: list[int] = []

    def leave(number: int, frame: object) -> None:
        received.append(number)
        raise SystemExit(128 + number)

    default = (signal.SIG_DFL, signal.default_int_handler)
    replaced = {}
    for number in STOP_SIGNALS:
        handler = signal.getsignal(number)
        if handler in default:  # a signal that is ignored (nohup) stays ignored
            replaced[number] = handler
            signal.signal(number, leave)
    try:
        yield received
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler)


def note(message: str, quiet: bool = False) -> None:
    """Prints a message on stderr, unless quiet."""
    if not quiet and sys.stderr is not None:
        shown = visible(message) if on_terminal() else message
        print(shown, file=LastingStderr(), flush=True)


class LastingStderr:
    """Standard error as a stream whose errors are ignored: when nobody reads it any more, or its terminal has gone,
    the work goes on. A bar puts another stream in the place of `sys.stderr`, so the one of now is kept."""

    def __init__(self) -> None:
        self._stream = sys.stderr

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes text, if it can be written."""
        try:
            self._stream.write(text)
        except OSError:
            discard(2)
        return len(text)

    def flush(self) -> None:
        """Flushes what was written, if that is possible."""
        try:
            self._stream.flush()
        except OSError:
            discard(2)


def discard(descriptor: int) -> None:
    """Redirects a descriptor to /dev/null, so that no later write to it, not even the interpreter's last flush of its
    buffer, can fail."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def tell_count(count: int, what: str, quiet: bool) -> None:
    """Prints how many lines were unusual, if any.

    Args:
        count: number of these lines.
        what: what they were, as "not valid UTF-8".
        quiet: print nothing.
    """
    if count:
        note(f"rnntext: {counted(count, 'line')} {'was' if count == 1 else 'were'} {what}", quiet)


def to_terminal() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def on_terminal() -> bool:
    """Whether stderr is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()
