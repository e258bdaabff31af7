"""`generate --interactive`: a user and a character model write a text together."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from rnntext.cli.console import Results, note
from rnntext.cli.conversation import Command, Conversation, number, settings
from rnntext.cli.surprise import escaped
from rnntext.errors import UsageError
from rnntext.jobs.draft import Draft
from rnntext.settings.charlm import SamplingConfig
from rnntext.words import counted

PICKED = 10  # characters to pick from


def write_together(out: Results, draft: Draft) -> None:
    """Holds the conversation."""
    conversation = Conversation(out, "generate-history")
    writer = _Writer(out, draft, conversation)
    note(
        "a line is added to the text, \\n in it begins a new one, and the model goes on; so does it after an empty line"
    )
    if draft.parts:
        writer.show("")
    conversation.hold(writer.go_on, writer.commands())


@dataclasses.dataclass
class _Writer:
    """What the lines and commands of the user do with the draft."""

    out: Results
    draft: Draft
    conversation: Conversation

    def commands(self) -> dict[str, Command]:
        """By name."""

        def put(sampling: SamplingConfig) -> None:
            self.draft.sampling = sampling

        return {
            "again": Command("Draw the last continuation again.", lambda _: self._stream(self.draft.again())),
            "undo": Command("Take back what was typed or drawn last.", self.undo),
            "pick": Command("Pick the next character among the K most likely ones.", self.pick, "K"),
            "text": Command("Show the whole text.", self.show),
            "new": Command("Begin a new text.", self.new),
            "length": Command("Number of characters of a continuation.", self.set_length, "N"),
            "seed": Command("Seed of the next continuation; each further one has the next seed.", self.set_seed, "N"),
            **settings(lambda: self.draft.sampling, put, list(SamplingConfig.flags())),
        }

    def go_on(self, line: str) -> None:
        """Adds a line to the text, and lets the model continue it."""
        self.draft.write(line.replace("\\n", "\n"))
        self._stream(self.draft.draw())

    def _stream(self, characters: Iterator[str]) -> None:
        """Writes the last line of the text so far, and its continuation."""
        self.out.write(self._last_line())
        for character in characters:
            self.out.write(character)
        self.out.write("\n")

    def _last_line(self) -> str:
        """Of the text."""
        return self.draft.text.rpartition("\n")[2]

    def undo(self, _: str) -> None:
        """Takes back what was typed or drawn last, and shows the end of the text."""
        self.draft.undo()
        self.out.write(f"{self._last_line()}\n")

    def pick(self, value: str) -> None:
        """Shows the most likely next characters, and adds the one that the user picks."""
        likeliest = self.draft.likeliest(number("pick", value, low=1) if value else PICKED)
        for place, (character, log_p) in enumerate(likeliest, start=1):
            shown = "␣" if character == " " else escaped(character)
            self.out.write(f"{place:3}  {shown}  {100 * math.exp(log_p):.1f} %\n")
        try:
            answer = self.conversation.ask("number: ")
        except EOFError:
            return
        if answer.strip():
            place = number("pick", answer.strip(), low=1)
            if place > len(likeliest):
                raise UsageError(f"{place}: {counted(len(likeliest), 'character')} to pick from")
            self.draft.write(likeliest[place - 1][0])
            self.show("")

    def show(self, _: str) -> None:
        """Shows the whole text."""
        self.out.write(f"{self.draft.text}\n")

    def new(self, _: str) -> None:
        """Begins a new text."""
        self.draft.parts.clear()

    def set_length(self, value: str) -> None:
        """Changes or shows the number of characters of a continuation."""
        if value:
            self.draft.length = number("length", value, low=1)
        note(f"/length {self.draft.length}")

    def set_seed(self, value: str) -> None:
        """Changes or shows the seed of the next continuation."""
        if value:
            self.draft.seed = number("seed", value, low=0)
        note(f"/seed {self.draft.seed}")
