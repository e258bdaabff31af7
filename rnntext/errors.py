"""The errors that rnntext raises on purpose, each with its exit code. Every message says what is wrong, where, and what
to do."""

from __future__ import annotations


class RnntextError(Exception):
    """Base of all errors that rnntext raises on purpose.

    >>> import rnntext
    >>> try:
    ...     rnntext.load("checkpoints/missing")
    ... except rnntext.CheckpointError as error:
    ...     print(error)
    checkpoints/missing: there is no trained model in this folder (no file 'current')
    """

    exit_code = 1


class DivergedError(RnntextError):
    """The training loss is NaN, infinite, or far above its start. The version in service stays."""


class UsageError(RnntextError):
    """A wrong option, an unknown model or corpus name, the wrong kind of model, or a missing extra."""

    exit_code = 2


class NotPromotedError(RnntextError):
    """A training has ended, the version in service stays, and --fail-if-not-promoted makes this an error."""

    exit_code = 3


class DataError(RnntextError):
    """A text that is empty, too short or invalid UTF-8, or a prompt with unknown characters."""

    exit_code = 65


class CheckpointError(DataError):
    """A checkpoint that is damaged, hostile, or written by a newer rnntext."""


class NewerCheckpointError(CheckpointError):
    """A checkpoint in a format that only a newer rnntext reads. It is not damaged, so nothing may replace it."""


class InputOutputError(RnntextError):
    """A missing or unreadable file, or a full disk."""

    exit_code = 74


class BusyError(RnntextError):
    """Another job is training this model."""

    exit_code = 75


class LostPeerError(RnntextError):
    """Another process of a training on several machines has ended, or cannot be reached. What was saved is whole."""

    exit_code = 75


class ClosedPipeError(RnntextError):
    """The process that reads the results has closed its end of the pipe."""

    exit_code = 128 + 13  # the number of SIGPIPE, which Windows lacks


class StoppedError(RnntextError):
    """A signal has stopped a training; its state is saved.

    Args:
        signal_number: of the signal; the exit code is 128 + this number, as in a shell.
    """

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number

    def __reduce__(self) -> tuple[type[StoppedError], tuple[str, int]]:
        """Makes pickle give both arguments to the constructor."""
        return type(self), (str(self), self.signal_number)
