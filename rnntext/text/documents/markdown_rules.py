"""What the rules of a parser of Markdown recognise within a block, and where."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Span:
    """What a rule has recognised in the content of a block.

    Attributes:
        rule: the name of the rule.
        begin, end: where it is.
        label: where the text of a link ends.
        opens, closes: whether it may begin or end an emphasis.
    """

    rule: str
    begin: int
    end: int
    label: int = -1
    opens: bool = False
    closes: bool = False


class Reader:
    """A parser of Markdown that tells where its rules recognise something within a block."""

    def __init__(self) -> None:
        from markdown_it import MarkdownIt

        self.parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
        self._marked = MarkdownIt("commonmark").enable(["table", "strikethrough"])
        self._spans: list[Span] = []
        self._within_image = 0
        ruler = self._marked.inline.ruler
        for name, rule in zip(ruler.get_active_rules(), ruler.getRules(""), strict=True):
            ruler.at(name, self._recording(name, rule))

    def spans(self, content: str, environment: dict[str, Any]) -> list[Span]:
        """What rules recognise in the content of a block, what is outside first.

        Args:
            environment: of the document, with its definitions of links.
        """
        self._spans = []
        self._marked.inline.parse(content, self._marked, environment, [])
        return sorted(self._spans, key=lambda span: (span.begin, -span.end))

    def _recording(self, name: str, rule: Callable[[Any, bool], bool]) -> Callable[[Any, bool], bool]:
        """A rule that notes down what it recognises."""

        def recording(state: Any, silent: bool) -> bool:
            begin = state.pos
            self._within_image += name == "image"
            recognised = rule(state, silent)
            self._within_image -= name == "image"
            if recognised and not silent and not self._within_image:
                label = -1
                if name == "link":
                    label = state.md.helpers.parseLinkLabel(state, begin, True)
                run = state.src[begin : state.pos]
                around = state.src[begin - 1 : begin] + state.src[state.pos : state.pos + 1]
                is_text = run.startswith("_") and len(around) == 2 and around.isalnum()  # snake_case
                last = state.delimiters[-1] if name in ("emphasis", "strikethrough") and state.delimiters else None
                flags = {"opens": last.open, "closes": last.close} if last else {}
                self._spans.append(Span("text" if is_text else name, begin, state.pos, label, **flags))
            return recognised

        return recording
