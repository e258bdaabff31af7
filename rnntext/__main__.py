"""main(): the one place for exit codes, closed pipes and Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import sys

from rnntext.errors import ClosedPipeError, InputOutputError, RnntextError


def main() -> None:
    """Runs the command line; the entry point of the `rnntext` script."""
    prepare_blas()
    code = _run(sys.argv[1:])
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        code = code or _report_output_error(error)
        _discard(1)
    if code == ClosedPipeError.exit_code:
        _die_of_closed_pipe()
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    try:
        return _command(arguments)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _command(arguments: list[str]) -> int:
    from typer import Abort, TyperException

    from rnntext.cli.app import NAMES, program

    app = program(NAMES if "_RNNTEXT_COMPLETE" in os.environ else arguments)  # completion has its words elsewhere
    try:
        return int(app(arguments or ["--help"], prog_name="rnntext", standalone_mode=False) or 0)
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # not a mistake in one line: the help of a group
            print(error.format_message(), file=sys.stderr)
            return error.exit_code
        return _fail(error.format_message(), error.exit_code)
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # Typer's way with a help text that nobody reads
            return ClosedPipeError.exit_code
        raise
    except RnntextError as error:
        if isinstance(error, (ClosedPipeError, InputOutputError)):
            _discard(1)
        return error.exit_code if isinstance(error, ClosedPipeError) else _fail(str(error), error.exit_code)
    except Abort:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        return ClosedPipeError.exit_code
    except OSError as error:
        return _report_output_error(error)
    except MemoryError:
        return _fail("out of memory; try a smaller model, batch or --length", RnntextError.exit_code)
    except Exception as error:
        if "-v" in arguments or "--verbose" in arguments:
            raise
        return _fail(f"unforeseen {type(error).__name__}: {error} (a bug; -v shows where)", RnntextError.exit_code)


def _fail(message: str, code: int) -> int:
    """One line on stderr."""
    line = " ".join(message.split())
    if sys.stderr is not None:
        try:
            print(f"rnntext: {line}", file=sys.stderr, flush=True)
        except OSError:
            _discard(2)
    return code


def _report_output_error(error: OSError) -> int:
    if isinstance(error, BrokenPipeError):
        return ClosedPipeError.exit_code
    where = f"{error.filename}: " if error.filename else ""
    return _fail(f"{where}{error.strerror or error}", InputOutputError.exit_code)


def _discard(descriptor: int) -> None:
    """Sends what is still buffered nowhere, so that the interpreter's last flush cannot fail as well."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _die_of_closed_pipe() -> None:
    """Ends as any program does that writes into a closed pipe: by SIGPIPE, 141 for the shell."""
    _discard(1)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)


def prepare_blas() -> None:
    """OpenBLAS reads once, when NumPy is imported, how many threads it makes: one (see run/threads.py)."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


if __name__ == "__main__":
    main()
