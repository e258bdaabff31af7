"""The entry point of the command line. It turns errors, closed pipes and Ctrl-C into messages and exit codes."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from typing import Any

from rnntext.errors import ClosedPipeError, InputOutputError, RnntextError
from rnntext.system import end_by_closed_pipe


def main() -> None:
    """Runs the command line and exits with its exit code."""
    prepare_blas()
    code = _run(sys.argv[1:])
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        from rnntext.cli.console import discard

        code = code or _report_output_error(error)
        discard(1)
    if code == ClosedPipeError.exit_code:
        end_by_closed_pipe()
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    """The exit code of a command that may be interrupted by Ctrl-C."""
    try:
        line = os.environ.get("_RNNTEXT_COMPLETE")
        return _command(arguments) if line is None else _complete(line)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _command(arguments: list[str]) -> int:
    """The exit code of a command, whose errors become messages of one line."""
    # 1. Build the program.
    from typer import Abort, TyperException

    from rnntext.cli.app import program
    from rnntext.cli.console import discard

    app = program(arguments)
    # 2. Run it.
    try:
        return int(app(arguments or ["--help"], prog_name="rnntext", standalone_mode=False) or 0)
    # 3. Errors that are expected.
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command: the message is its help
            print(error.format_message(), file=sys.stderr)
            return error.exit_code
        return _fail(error.format_message() + _dash_hint(error, arguments), error.exit_code)
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # from Typer, when nobody reads its help
            return ClosedPipeError.exit_code
        raise
    except ClosedPipeError as error:
        discard(1)
        return error.exit_code
    except RnntextError as error:
        if isinstance(error, InputOutputError):
            discard(1)
        return _fail(str(error), error.exit_code)
    except Abort:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        return ClosedPipeError.exit_code
    except OSError as error:
        return _report_output_error(error)
    except MemoryError:
        return _fail("out of memory; try a smaller model, batch or --length", RnntextError.exit_code)
    # 4. All others.
    except Exception as error:
        if "-v" in arguments or "--verbose" in arguments:
            raise
        return _fail(f"unforeseen {type(error).__name__}: {error} (a bug; -v shows where)", RnntextError.exit_code)


def _complete(line: str) -> int:
    """Answers the completion script of a shell (see `cli.completion`); returns the exit code."""
    from rnntext.cli.completion import answer

    try:
        print(answer(line), end="", flush=True)
    except (OSError, RnntextError) as error:
        return _fail(str(error), RnntextError.exit_code)
    return 0


def _dash_hint(error: Any, arguments: list[str]) -> str:
    """What to do if a text or a name that begins with a dash was taken for an option."""
    option = str(getattr(error, "option_name", ""))
    dashed = [word for word in arguments if option and word.startswith(option) and (" " in word or word[:2] != "--")]
    if not dashed:
        return ""
    return f"; if it is no option, put -- before it: -- {shlex.quote(dashed[0])}"


def _fail(message: str, code: int) -> int:
    """Prints a message as one line on stderr; returns the exit code."""
    from rnntext.cli.console import note

    line = " ".join(message.split())
    note(f"rnntext: {line}")
    return code


def _report_output_error(error: OSError) -> int:
    """Prints a message about an error of the operating system, unless a pipe was closed; returns the exit code."""
    if isinstance(error, BrokenPipeError):
        return ClosedPipeError.exit_code
    place = f"{error.filename}: " if error.filename else ""
    return _fail(f"{place}{error.strerror or error}", InputOutputError.exit_code)


def prepare_blas() -> None:
    """Makes OpenBLAS start no threads of its own (see `run.threads`); it reads their number when NumPy is imported."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


if __name__ == "__main__":
    main()
