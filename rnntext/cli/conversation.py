"""A conversation on a terminal: the user types lines and commands, and each is answered before the next is read."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnntext.cli.console import Results, note, to_terminal
from rnntext.errors import RnntextError, UsageError
from rnntext.files.xdg import users_folder
from rnntext.settings.base import Config, flag

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

COMMAND = "/"  # what a command begins with; two of them begin a line with one
ON = "on"
OFF = "off"  # the value of a setting that is None or False


@dataclasses.dataclass(frozen=True)
class Command:
    """What a line such as "/undo" does.

    Attributes:
        help: one sentence.
        run: does it, given what stands behind the command's name.
        value: the name of that in the help.
    """

    help: str
    run: Callable[[str], None]
    value: str = ""


def check_terminal(output: Path | None) -> None:
    """Raises UsageError unless lines come from a terminal and answers go to one.

    Args:
        output: the file that they are to be written to; None: stdout.
    """
    if output is not None or sys.stdin is None or not sys.stdin.isatty() or not to_terminal():
        raise UsageError("--interactive: needs a terminal; leave it out to read a pipe or to write a file")


class Conversation:
    """Lines that are read from a terminal and answered.

    Ctrl-C ends an answer, or drops the line that is being typed; Ctrl-D ends the conversation.

    Args:
        out: where answers are written.
        name: of the file that keeps the lines typed in earlier conversations.
    """

    def __init__(self, out: Results, name: str) -> None:
        from prompt_toolkit import PromptSession

        self.out = out
        self._session: PromptSession[str] = PromptSession(history=_history(name))
        self._questions: PromptSession[str] = PromptSession()

    def hold(self, answer: Callable[[str], None], commands: Mapping[str, Command]) -> None:
        """Answers each line until the user ends the conversation.

        Args:
            answer: writes the answer to a line that is no command.
            commands: by name.
        """
        commands = {**commands, "help": Command("Show this list.", lambda _: self._help(commands))}
        note(f"Ctrl-C ends an answer, Ctrl-D the program; {COMMAND}help shows what else there is")
        while True:
            try:
                line = self._session.prompt("> ")
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
            try:
                self._dispatch(line, answer, commands)
            except KeyboardInterrupt:
                self.out.write("\n")
            except RnntextError as error:
                note(f"rnntext: {error}")

    def ask(self, question: str) -> str:
        """The answer to a question, which is no part of the history.

        Raises:
            EOFError: Ctrl-D was pressed.
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        return self._questions.prompt(question)

    def _dispatch(self, line: str, answer: Callable[[str], None], commands: Mapping[str, Command]) -> None:
        """Runs a command, or answers a line.

        Raises:
            UsageError: there is no such command.
        """
        if not line.startswith(COMMAND) or line.startswith(2 * COMMAND):
            answer(line.removeprefix(COMMAND) if line.startswith(2 * COMMAND) else line)
            return
        name, _, value = line.removeprefix(COMMAND).partition(" ")
        if name not in commands:
            raise UsageError(f"{COMMAND}{name}: no such command; {COMMAND}help lists them")
        commands[name].run(value.strip())

    def _help(self, commands: Mapping[str, Command]) -> None:
        """Writes what each command does."""
        rows = [(f"{COMMAND}{name} {command.value}".rstrip(), command.help) for name, command in commands.items()]
        width = max(len(usage) for usage, _ in rows)
        self.out.write("".join(f"{usage.ljust(width)}  {text}\n" for usage, text in rows))


def settings(get: Callable[[], Config], put: Callable[[Any], None], names: Sequence[str]) -> dict[str, Command]:
    """Commands that show and change fields of a config, such as "/temperature 0.7".

    Args:
        get: returns the config.
        put: takes the changed one.
        names: of the fields.
    """
    flags = type(get()).flags()

    def command(name: str) -> Command:
        hint, _, declared = flags[name]

        def run(value: str) -> None:
            if value:
                try:
                    put(dataclasses.replace(get(), **{name: _parsed(name, value, hint)}))  # type: ignore[type-var]
                except UsageError as error:  # which names flags
                    raise UsageError(str(error).replace("--", COMMAND)) from error
            note(f"{flag(name).replace('--', COMMAND)} {_shown(getattr(get(), name))}")

        return Command(declared.help, run, "VALUE")

    return {name.replace("_", "-"): command(name) for name in names}


def switched(name: str, value: str, before: bool) -> bool:
    """Whether something is on after a user has typed a value, which may be empty; says so.

    Raises:
        UsageError: the value is neither on nor off.
    """
    if value not in ("", ON, OFF):
        raise UsageError(f"{COMMAND}{name} {value}: must be {ON} or {OFF}")
    now = value == ON if value else before
    note(f"{COMMAND}{name} {_shown(now)}")
    return now


def number(name: str, value: str, low: int) -> int:
    """The whole number that a user has typed.

    Raises:
        UsageError: it is none, or too small.
    """
    with contextlib.suppress(ValueError):
        if int(value) >= low:
            return int(value)
    raise UsageError(f"{COMMAND}{name} {value}: must be a whole number, {low} or more")


def _parsed(name: str, value: str, hint: Any) -> Any:
    """The value of a field that a user has typed.

    Raises:
        UsageError: it is of another type.
    """
    allowed = getattr(hint, "__args__", (hint,))
    if value == OFF and type(None) in allowed:
        return None
    kind = next(kind for kind in allowed if kind is not type(None))
    if kind is bool:
        if value in (ON, OFF):
            return value == ON
        raise UsageError(f"{flag(name)} {value}: must be {ON} or {OFF}")
    try:
        return kind(value)
    except ValueError as error:
        whole = "whole " if kind is int else ""
        off = f", or {OFF}" if type(None) in allowed else ""
        raise UsageError(f"{flag(name)} {value}: must be a {whole}number{off}") from error


def _shown(value: Any) -> str:
    """The value of a field, as a user types it."""
    if value is None or value is False:
        return OFF
    return ON if value is True else str(value)


def _history(name: str) -> Any:
    """The lines typed in earlier conversations, in the user's folder for such things; only those of this conversation
    if there is no such folder and none can be made."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    folder = users_folder("XDG_STATE_HOME", ".local/state")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)
