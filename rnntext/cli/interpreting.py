"""`translate --interactive`: a sentence is typed, its translations are shown, then comes the next one."""

from __future__ import annotations

import dataclasses

from rnntext.cli.alignment import show
from rnntext.cli.console import Results
from rnntext.cli.conversation import ON, Command, Conversation, settings, switched
from rnntext.errors import UsageError
from rnntext.jobs.translation import TranslationModel
from rnntext.settings.search import SearchConfig
from rnntext.text.glossary import Glossary
from rnntext.text.lookalikes import is_blank


def interpret(out: Results, model: TranslationModel, search: SearchConfig, glossary: Glossary | None) -> None:
    """Holds the conversation."""
    conversation = Conversation(out, "translate-history")
    interpreter = _Interpreter(out, model, dataclasses.replace(search, with_scores=True), glossary)
    conversation.hold(interpreter.translate, interpreter.commands())


@dataclasses.dataclass
class _Interpreter:
    """What the lines and commands of the user do."""

    out: Results
    model: TranslationModel
    search: SearchConfig
    glossary: Glossary | None

    def commands(self) -> dict[str, Command]:
        """By name."""
        names = ["beam", "n_best", "length_penalty", "max_length", "no_repeat_ngram", "split"]
        alignment = Command("Show which tokens of the source each token comes from: on or off.", self.align, "VALUE")
        return {"alignment": alignment, **settings(lambda: self.search, self._put, names)}

    def _put(self, search: SearchConfig) -> None:
        """Takes a changed search."""
        self.search = search

    def align(self, value: str) -> None:
        """Switches the picture of the attention weights on or off, or says whether it is on."""
        if value == ON and not self.model.attends:
            raise UsageError("/alignment on: this model was trained with --attention none; it looks at nothing")
        is_on = switched("alignment", value, self.search.with_attention)
        self.search = dataclasses.replace(self.search, with_attention=is_on)

    def translate(self, line: str) -> None:
        """Writes the translations of a line; several with their scores, the best one first. A blank line has none."""
        if is_blank(line):
            return
        (translation,) = self.model.translations([line], self.search, self.glossary)
        for answer in translation.answers:
            score = f"{answer.score:8.4f}  " if self.search.n_best > 1 else ""
            self.out.write(f"{score}{answer.text}\n")
        if self.search.with_attention:
            show(translation)
