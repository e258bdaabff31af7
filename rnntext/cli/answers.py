"""How `translate` writes its answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rnntext.cli.console import INVALID, Results, note, tell_count

if TYPE_CHECKING:
    from rnntext.jobs.answers import Answer, Translation
    from rnntext.jobs.translate import Item


class Writer:
    """Writes translations as plain text, with scores, as n-best lists or as JSON, and counts unusual lines.

    Args:
        field: the field that is translated, if the lines are JSON objects.
        as_json: write JSON lines.
        n_best: number of translations of each line.
        scores: begin each line with its score and a TAB.
        attention: write attention weights, with JSON.
    """

    def __init__(self, field: str | None, as_json: bool, n_best: int, scores: bool, attention: bool) -> None:
        self.field = field
        self.as_json = as_json
        self.n_best = n_best
        self.scores = scores
        self.attention = attention
        self.lines = 0  # number of lines written
        self.invalid = 0  # of them: not UTF-8
        self.cut = 0  # translated in parts
        self.errors = 0  # no JSON object with a text

    def write(self, out: Results, item: Item, translation: Translation) -> None:
        """Writes the translations of one line."""
        self.invalid += not item.line.valid
        self.cut += translation.parts > 1
        self.errors += item.error is not None
        end = "\r\n" if item.line.crlf else "\n"
        for text in self._lines(item, translation):
            out.write(text + end)
        self.lines += 1

    def _lines(self, item: Item, translation: Translation) -> Iterator[str]:
        """The output for one line, without line ends."""
        best = translation.answers[0]
        if self.field is not None:
            yield item.with_result(self._result(item, translation))
        elif self.as_json:
            record = {"text": item.text, **self._result(item, translation)}
            yield json.dumps(record, ensure_ascii=False)
        elif self.n_best > 1:
            for answer in translation.answers:
                features = f"LogProb= {answer.log_probability:.4f}"
                yield f"{self.lines} ||| {answer.text} ||| {features} ||| {answer.score:.4f}"
        elif self.scores:
            yield f"{best.score:.4f}\t{best.text}"
        else:
            yield best.text

    def _result(self, item: Item, translation: Translation) -> dict[str, Any]:
        """The translations of one line with their numbers, and what was wrong with it, for JSON."""
        if item.error is not None:
            return {"error": item.error}
        best = translation.answers[0]
        result = _fields(best)
        if self.n_best > 1:
            result["n_best"] = [_fields(answer) for answer in translation.answers]
        if self.attention and best.attention is not None:
            result["source_tokens"] = translation.source_tokens
            result["target_tokens"] = best.tokens
            result["attention"] = [[round(float(weight), 4) for weight in row] for row in best.attention]
        if not item.line.valid:
            result["error"] = INVALID
        return result

    def warn(self, quiet: bool) -> None:
        """Prints a warning with the count of each kind of unusual lines.

        Args:
            quiet: print nothing.
        """
        tell_count(self.invalid, INVALID, quiet)
        tell_count(self.cut, "split, and translated in parts; --no-split leaves lines whole", quiet)
        tell_count(self.errors, f'not a JSON object with a text in "{self.field}"; the answer says "error"', quiet)
        if self.lines and self.errors == self.lines:  # No error: an engine may have put bad lines alone into a part.
            note("rnntext: that was every line: name the field with --field, or leave out --input-format jsonl", quiet)


def _fields(answer: Answer) -> dict[str, Any]:
    """A translation with its numbers, for JSON."""
    return {"translation": answer.text, "score": answer.score, "log_probability": answer.log_probability}
