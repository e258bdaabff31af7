"""Whether a SentencePiece model is one that can be trusted with native code: it is read here first, in Python.

SentencePiece believes what it is given. So only the form that SentencePiece itself writes is let through: first the
pieces, each short, valid text, of a known kind, with a number for a score, then the settings; one piece for the unknown
and, where bytes are used, one for each byte; and no compiled table of normalisations, which native code would follow
(our models are trained with the rule "identity").
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Iterator

from rnntext.errors import CheckpointError

MOST_PIECES = 500_000
_TRAINER, _NORMALIZER = 2, 3  # fields of ModelProto (sentencepiece_model.proto)
_ALGORITHM, _BYTE_FALLBACK, _CHARSMAP = 3, 35, 2  # of TrainerSpec, TrainerSpec and NormalizerSpec
_UNIGRAM, _BPE = 1, 2
_NORMAL, _UNKNOWN, _BYTE = 1, 2, 6
_KINDS = range(_NORMAL, _BYTE + 1)
_BYTES = frozenset(f"<0x{byte:02X}>".encode() for byte in range(256))
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5  # wire types; the others are groups, which are out of use


class _MalformedError(Exception):
    """Not an acceptable model; says why."""


def check_model(data: bytes) -> None:
    """Raises CheckpointError unless SentencePiece can safely load a model."""
    try:
        end, texts, kinds = _pieces(data)
        _check_pieces(texts, kinds, _settings(data, end))
    except (_MalformedError, IndexError) as error:
        raise CheckpointError(f"the SentencePiece model is damaged ({error})") from error


def _pieces(data: bytes) -> tuple[int, list[bytes], list[int]]:
    """Where the pieces end, their texts and kinds. Each is 0A SIZE 0A LENGTH text 15 score [18 KIND]; no piece that
    SentencePiece makes needs a size of two bytes."""
    at = 0
    texts: list[bytes] = []
    kinds: list[int] = []
    scores: list[bytes] = []
    while data[at] == 0x0A:
        size, middle = data[at + 1], at + 4 + data[at + 3]
        end = at + 2 + size
        tail = data[middle:end]
        if data[at + 2] != 0x0A or size > 127 or end > len(data) or len(texts) == MOST_PIECES:
            raise _MalformedError("a piece is too long, or there are too many")
        if (
            len(tail) not in (5, 7)
            or tail[0] != 0x15
            or (len(tail) == 7 and (tail[5] != 0x18 or tail[6] not in _KINDS))
        ):
            raise _MalformedError("a piece has another form")
        texts.append(data[at + 4 : middle])
        scores.append(tail[1:5])
        kinds.append(tail[6] if len(tail) == 7 else _NORMAL)
        at = end
    if not all(map(math.isfinite, struct.unpack(f"<{len(scores)}f", b"".join(scores)))):
        raise _MalformedError("a score is not a number")
    return at, texts, kinds


def _check_pieces(texts: list[bytes], kinds: list[int], falls_back: bool) -> None:
    count = Counter(kinds)
    if len(set(texts)) != len(texts) or b"" in texts or any(b"\0" in text for text in texts):
        raise _MalformedError("a piece is empty or occurs twice")
    if count[_UNKNOWN] != 1 or len(texts) < 2:
        raise _MalformedError("not one piece for the unknown, or nothing else")
    bytes_found = {text for text, kind in zip(texts, kinds) if kind == _BYTE}
    if bytes_found != (_BYTES if falls_back else frozenset()) or len(bytes_found) != count[_BYTE]:
        raise _MalformedError("a byte has no piece")
    try:
        b"\n".join(texts).decode()
    except UnicodeDecodeError as error:
        raise _MalformedError("a piece is not valid UTF-8") from error


def _settings(data: bytes, begin: int) -> bool:
    """Checks what follows the pieces; whether unknown characters become bytes."""
    algorithm, falls_back, seen = _UNIGRAM, False, []
    for field, kind, value in _fields(data, begin, len(data)):
        if kind != _LENGTH or field not in (_TRAINER, _NORMALIZER):
            raise _MalformedError(f"field {field} is not one of a model")
        seen.append(field)
        for name, inner, found in _fields(data, *value):
            if field == _NORMALIZER and name == _CHARSMAP and (inner != _LENGTH or found[0] != found[1]):
                raise _MalformedError("it has a table of normalisations; ours have none")
            if field == _TRAINER and name == _ALGORITHM:
                algorithm = found[0]
            if field == _TRAINER and name == _BYTE_FALLBACK:
                falls_back = found[0] != 0
    if algorithm not in (_UNIGRAM, _BPE) or seen != [_TRAINER, _NORMALIZER]:
        raise _MalformedError("its settings are not those of a unigram or BPE model")
    return falls_back


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """Yields number, wire type and value of the fields of a message `data[at:end]`: a number (and zero), or where its
    bytes begin and end."""
    while at < end:
        tag, at = _varint(data, at, end)
        kind = tag & 7
        if kind == _VARINT:
            number, at = _varint(data, at, end)
            value = (number, 0)
        elif kind in (_LENGTH, _FIXED32, _FIXED64):
            size, at = _varint(data, at, end) if kind == _LENGTH else (4 if kind == _FIXED32 else 8, at)
            value = (at, at + size)
            at += size
        else:
            raise _MalformedError(f"wire type {kind}")
        if at > end or not tag >> 3:
            raise _MalformedError("a field is cut short")
        yield tag >> 3, kind, value


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    number = shift = 0
    while at < end and shift < 64:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
    raise _MalformedError("a number is cut short")
