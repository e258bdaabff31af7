"""The words that may come next on a command line, for the completion scripts in shells/.

A script sets the variable _RNNTEXT_COMPLETE to the command line up to the cursor and runs `rnntext`. The answer is a
line with what the shell should complete by itself (PLAIN: nothing, FILES or FOLDERS), and a line `word TAB description`
for each word. Building all options takes longer than a key may, so they are looked up in shells/words.json, which
`make help` writes.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

WORDS = Path(__file__).parent / "shells" / "words.json"
PLAIN = "plain"
FILES = "files"
FOLDERS = "folders"
_CHOICE = re.compile(r"[a-z0-9][a-z0-9.-]*|[.,]")  # a part of a metavar that is a value itself, as lstm in rnn|lstm|gru
_FILE = re.compile(r"(FILE|PAIRS|CSV|SOURCE|REFERENCE)(\.\w+)?")  # one that stands for a file
_END = "\0"  # stands at the cursor while a line is split, so that the last word is there even if it is empty

Word = tuple[str, str]  # what may be typed, and what it means


def answer(line: str) -> str:
    """The answer to a script: what the shell completes by itself, and the words that may stand at the end of a line.

    Args:
        line: the command line up to the cursor.
    """
    # 1. Find the command, and the option or argument at the cursor.
    before, start = split(line)
    place = _Place(json.loads(WORDS.read_bytes()))
    for word in before[1:]:
        place.pass_over(word)
    # 2. List what may stand there.
    if place.option is None and start.startswith("-") and not place.only_arguments:
        name, equals, start_of_value = start.partition("=")
        if not equals:
            return _written(PLAIN, place.flags(), start)
        place.pass_over(name)
        return _written(*place.values(place.option), start_of_value)
    if place.option is None and place.argument is None:
        return _written(PLAIN, place.commands(), start)
    return _written(*place.values(place.option or place.argument), start)


def split(line: str) -> tuple[list[str], str]:
    """The words of a command line as a shell reads them, and the one at its end, which may be empty or half quoted."""
    lexer = shlex.shlex(line + _END, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:  # A quotation mark is still open.
        words.append(lexer.token)
    *before, last = words
    return before, last.replace(_END, "")


def _written(shell_completes: str, words: Iterable[Word], start: str) -> str:
    """The answer with those words that begin so. The scripts cannot read a word with a line break in it."""
    lines = [f"{word}\t{about}\n" for word, about in words if word.startswith(start) and word.isprintable()]
    return "".join([f"{shell_completes}\n", *lines])


class _Place:
    """What stands at the cursor: the words before it are passed over, one by one.

    Args:
        commands: all commands, as words.json has them.

    Attributes:
        option: the option whose value comes next, if it is one.
        only_arguments: whether no more options can come, as after `--`.
    """

    def __init__(self, commands: dict[str, Any]) -> None:
        self.option: Any = None
        self.only_arguments = False
        self._commands = commands
        self._path = "rnntext"
        self._given: dict[str, str] = {}  # values by names of options and arguments

    def pass_over(self, word: str) -> None:
        """Goes on behind a word."""
        if self.option is not None:
            self._given[self.option["name"]] = word
            self.option = None
        elif word == "--":
            self.only_arguments = True
        elif word.startswith("-") and word != "-" and not self.only_arguments:
            name, equals, value = word.partition("=")
            for option in self._parameters():
                if name in option["flags"]:
                    self._given[option["name"]] = value
                    self.option = option if option["value"] and not equals else None
        elif self.argument is not None:
            self._given[self.argument["name"]] = word
        elif f"{self._path} {word}" in self._commands:
            self._path = f"{self._path} {word}"

    def _parameters(self) -> list[Any]:
        """The options and arguments of the command."""
        parameters: list[Any] = self._commands[self._path]["parameters"]
        return parameters

    @property
    def argument(self) -> Any:
        """The argument that comes next, or None."""
        for parameter in self._parameters():
            if not parameter["flags"] and (parameter["repeated"] or parameter["name"] not in self._given):
                return parameter
        return None

    def flags(self) -> Iterator[Word]:
        """The flags that can still be given, with their help."""
        for option in self._parameters():
            if option["repeated"] or option["name"] not in self._given:
                yield from ((name, option["about"]) for name in option["flags"])

    def commands(self) -> Iterator[Word]:
        """The commands of a group."""
        for path, command in self._commands.items():
            parent, _, name = path.rpartition(" ")
            if parent == self._path:
                yield name, command["about"]

    def values(self, parameter: Any) -> tuple[str, list[Word]]:
        """What the shell completes by itself and the words that can be values of an option or argument, as the
        variable that the help shows for it says."""
        parts = [] if parameter is None else parameter["value"].split("|")
        words = [(part, "") for part in parts if _CHOICE.fullmatch(part)]
        if "NAME" in parts and "DIR" in parts:
            from rnntext.storage import models

            words += [(name, "") for name in models.all_names()]
        if "VERSION" in parts:
            words += [(version, "") for version in self._versions()]
        if "CORPUS" in parts:
            from rnntext.text.catalogue import corpora

            words += [(corpus.name, corpus.about) for corpus in corpora()]
        if any(_FILE.fullmatch(part) for part in parts):
            return FILES, words
        return FOLDERS if "DIR" in parts else PLAIN, words

    def _versions(self) -> list[str]:
        """The versions of the model that the line names, or else of the one that the command takes by default."""
        from rnntext.storage import models

        model = next(p for p in self._parameters() if p["value"] == "NAME|DIR")
        return models.versions(models.folder(self._given.get(model["name"]) or model["default"]))
