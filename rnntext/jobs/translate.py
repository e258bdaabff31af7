"""Translating a stream: a line in is a line out, in order, in flat memory."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from typing import Any

from rnntext.config import SEARCH_TOKENS, SearchConfig
from rnntext.jobs.translation import Translation, TranslationModel
from rnntext.text.lines import Line, LineReader

PORTION = 1536  # lines that are read ahead, for each job, and sorted by length


@dataclasses.dataclass(frozen=True)
class Item:
    """A line to be translated.

    Attributes:
        line: as it was read.
        text: what to translate.
        fields: of a JSON object, to be passed through; None for plain text.
        error: why there is nothing to translate, or None.
    """

    line: Line
    text: str
    fields: dict[str, Any] | None = None
    error: str | None = None


def plain(line: Line) -> Item:
    """A line of text."""
    return Item(line, line.text)


def from_json(line: Line) -> Item:
    """A line with a JSON object whose field "text" is to be translated."""
    try:
        fields = json.loads(line.text)
    except (ValueError, RecursionError):
        return Item(line, "", {}, "not JSON")
    if not isinstance(fields, dict) or not isinstance(fields.get("text"), str):
        return Item(line, "", fields if isinstance(fields, dict) else {}, 'no object with a "text"')
    return Item(line, fields["text"], fields)


@dataclasses.dataclass(frozen=True)
class Request:
    """How to translate: `search`, tokens of a batch, whether attention is wanted, and scores, and whether lines are
    JSON."""

    search: SearchConfig = dataclasses.field(default_factory=SearchConfig)
    batch_tokens: int = SEARCH_TOKENS
    attention: bool = False
    scores: bool = True
    jsonl: bool = False

    @property
    def how(self) -> tuple[SearchConfig, int, bool, bool]:
        """What `TranslationModel.translate_each` wants to know beside the lines."""
        return self.search, self.batch_tokens, self.attention, self.scores


def translate_stream(
    model: TranslationModel, sources: Sequence[str], request: Request, jobs: int = 1
) -> Iterator[tuple[Item, Translation]]:
    """Yields every line of files or stdin with its translation, in order, as soon as it is ready.

    Lines are read ahead as far as they have come, at most PORTION of them for each job; when they come slowly, one
    by one, each is translated at once.

    Args:
        jobs: number of portions that are translated side by side: in processes, unless the model does it by itself.
    """
    make = from_json if request.jsonl else plain
    reader = LineReader(sources, PORTION * jobs)
    if jobs > model.jobs:
        yield from _in_processes(model, reader, request, make, jobs)
        return
    while lines := reader.read():
        items = [make(line) for line in lines]
        texts = [item.text for item in items]
        waiting: dict[int, Translation] = {}
        done = 0
        for index, found in model.translate_each(texts, *request.how):
            waiting[index] = found
            while done in waiting:
                yield items[done], waiting.pop(done)
                done += 1


def _in_processes(
    model: TranslationModel, reader: LineReader, request: Request, make: Any, jobs: int
) -> Iterator[tuple[Item, Translation]]:
    from rnntext.jobs.workers import Workers  # brings multiprocessing

    def work(lines: list[Line]) -> list[Translation]:
        return model.translate_all([make(line).text for line in lines], *request.how)

    workers: Workers[Line, Translation] = Workers(jobs, work, lambda line: len(line.text) + 1)
    try:
        for lines, found in workers.run(reader):  # items are made here, too: cheaper than to send them
            yield from zip(map(make, lines), found, strict=True)
    finally:
        workers.close()
