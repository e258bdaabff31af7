"""What can go wrong, each with its exit code. Every message says what happened, where, and what to do."""

from __future__ import annotations

import signal


class RnntextError(Exception):
    """Something unforeseen; the parent of all errors that rnntext raises on purpose."""

    exit_code = 1


class DivergedError(RnntextError):
    """Training went wrong: the loss is NaN, infinite, or far above its start. The old version stays in service."""


class UsageError(RnntextError):
    """A wrong option, an unknown model or corpus name, the wrong kind of model, a missing extra."""

    exit_code = 2


class NotPromotedError(RnntextError):
    """Trained, but the old model stays in service, and that was to be told by the exit code."""

    exit_code = 3


class DataError(RnntextError):
    """Empty or too short text, invalid UTF-8, unknown prompt characters."""

    exit_code = 65


class CheckpointError(DataError):
    """A checkpoint that is damaged, hostile, or written by a newer rnntext."""


class NewerCheckpointError(CheckpointError):
    """A checkpoint in a format that only a newer rnntext reads: not damaged, and not to be replaced."""


class InputOutputError(RnntextError):
    """A missing or unreadable file, a full disk."""

    exit_code = 74


class BusyError(RnntextError):
    """Another job is training this model."""

    exit_code = 75


class ClosedPipeError(RnntextError):
    """Whoever read our results has gone away."""

    exit_code = 128 + signal.SIGPIPE


class StoppedError(RnntextError):
    """A signal ended a training; what it had reached is saved."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number
