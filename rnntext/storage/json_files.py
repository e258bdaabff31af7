"""JSON in files that may come from strangers: the one way to read it, and the one way to write it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rnntext.errors import CheckpointError

MAX_JSON_SIZE = 64 * 2**20  # bytes
_PARSER_MEMORY = 64 * 2**20  # bytes that reading a file may take in addition to twice its size


def parse_json(data: bytes, path: Path) -> Any:
    """The value that JSON stands for.

    Args:
        data: UTF-8.
        path: the file, for messages.

    Raises:
        CheckpointError: it is not JSON, too large or too deep, a number is not finite, or a key occurs twice.
    """
    # 1. Refuse what needs too much memory.
    size = len(data)
    memory = 2 * size + _PARSER_MEMORY
    if size > MAX_JSON_SIZE or _parsed_size(data) > memory:
        raise CheckpointError(f"{path}: {size} bytes of JSON are too many")

    # 2. Parse the rest. JSON's grammar allows a key to occur twice, and Python's parser takes NaN for a number.
    def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise CheckpointError(f"{path}: a key occurs twice")
        return members

    def refuse(constant: str) -> None:
        raise CheckpointError(f"{path}: {constant} is not a number")

    try:
        # json would guess the encoding of bytes, also UTF-16 and others, and import their codecs.
        text = data.decode()
        return json.loads(text, object_pairs_hook=unique_keys, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: not readable as JSON; the checkpoint is damaged") from error


def _parsed_size(data: bytes) -> int:
    """An upper limit of the bytes that JSON takes while it is read.

    These are the text and its strings, both of up to four bytes a character, and Python's objects, which may be much
    larger than the few bytes that stand for them.
    """
    size = len(data)
    is_ascii = data.isascii()
    text = size
    if not is_ascii:
        text = 4 * size
    strings = size
    if not is_ascii or b"\\u" in data:
        strings = 4 * size
    objects = 250 * data.count(b"{")
    objects += 64 * data.count(b"[")
    objects += 100 * data.count(b",")
    objects += 130 * data.count(b":")
    return text + strings + objects


def to_json(value: Any) -> bytes:
    """The content of a JSON file."""
    return json.dumps(value, indent=1).encode() + b"\n"
