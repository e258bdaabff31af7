"""The check that a SentencePiece model is harmless. It reads the file in Python before native code does.

SentencePiece trusts its input. So only files of the form that SentencePiece itself writes pass: first the pieces, then
the settings. Every piece is short, valid text of a known type with a finite score. One piece stands for the unknown
and, if bytes are used, one for each byte. There is no compiled table of normalisations, which native code would follow;
our models are trained with the rule "identity" and have none.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from rnntext.errors import CheckpointError

MAX_PIECES = 500_000
# Fields of ModelProto in sentencepiece_model.proto, which are messages, and fields of these messages.
_TRAINER = 2
_NORMALIZER = 3
_ALGORITHM = (_TRAINER, 3)
_BYTE_FALLBACK = (_TRAINER, 35)
_CHARSMAP = (_NORMALIZER, 2)
# Values of TrainerSpec.ModelType.
_UNIGRAM = 1
_BPE = 2
# Values of ModelProto.SentencePiece.Type.
_NORMAL = 1
_UNKNOWN = 2
_BYTE = 6
_TYPES = range(_NORMAL, _BYTE + 1)
_BYTES = frozenset(f"<0x{byte:02X}>".encode() for byte in range(256))
# Wire types of Protocol Buffers. The others are groups, which are out of use.
_VARINT = 0
_FIXED64 = 1
_LENGTH = 2
_FIXED32 = 5
_FIXED_SIZES = {_FIXED32: 4, _FIXED64: 8}  # bytes


class _MalformedError(Exception):
    """The model is not acceptable; the message says why."""


class _Field(NamedTuple):
    """A field of a message.

    Attributes:
        number: what the message's definition calls it.
        wire_type: how it is encoded.
        value: the number itself, if it is a varint; else where the content begins in the file.
        end: where the content ends in the file.
    """

    number: int
    wire_type: int
    value: int
    end: int


def check_model(data: bytes) -> None:
    """Checks that SentencePiece can safely load a model.

    Args:
        data: the content of the model file.

    Raises:
        CheckpointError: it cannot.
    """
    try:
        end, texts, types = _pieces(data)
        has_bytes = _check_settings(data, end)
        _check_pieces(texts, types, has_bytes)
    except (_MalformedError, IndexError) as error:
        raise CheckpointError(f"the SentencePiece model is damaged ({error})") from error


def _pieces(data: bytes) -> tuple[int, list[bytes], list[int]]:
    """Where the pieces end in the file, their texts, and their types.

    Each piece is 0A SIZE 0A LENGTH text 15 score [18 TYPE]. The size of a piece that SentencePiece makes fits into one
    byte.
    """
    texts: list[bytes] = []
    types: list[int] = []
    scores: list[bytes] = []
    # 1. Read one piece after another.
    begin = 0
    while data[begin] == 0x0A:
        size = data[begin + 1]
        end = begin + 2 + size
        text_end = begin + 4 + data[begin + 3]
        tail = data[text_end:end]  # score and type
        if size > 127 or end > len(data):
            raise _MalformedError("a piece is too long")
        if len(texts) == MAX_PIECES:
            raise _MalformedError("there are too many pieces")
        if data[begin + 2] != 0x0A or len(tail) not in (5, 7) or tail[0] != 0x15:
            raise _MalformedError("a piece has another form")
        piece_type = _NORMAL
        if len(tail) == 7:
            piece_type = tail[6]
            if tail[5] != 0x18 or piece_type not in _TYPES:
                raise _MalformedError("a piece has another form")
        texts.append(data[begin + 4 : text_end])
        scores.append(tail[1:5])
        types.append(piece_type)
        begin = end
    # 2. Check the scores, all at once.
    form = f"<{len(scores)}f"
    numbers = struct.unpack(form, b"".join(scores))
    if not all(map(math.isfinite, numbers)):
        raise _MalformedError("a score is not a number")
    return begin, texts, types


def _check_pieces(texts: list[bytes], types: list[int], has_bytes: bool) -> None:
    """Checks the pieces as a whole; `has_bytes` says whether the 256 bytes must be among them."""
    # 1. Every piece is a text of its own.
    if len(set(texts)) != len(texts):
        raise _MalformedError("a piece occurs twice")
    for text in texts:
        if not text or b"\0" in text:
            raise _MalformedError("a piece is empty, or has NUL in it")
    try:
        b"\n".join(texts).decode()
    except UnicodeDecodeError as error:
        raise _MalformedError("a piece is not valid UTF-8") from error
    # 2. The unknown has one piece, and so has every byte.
    counts = Counter(types)
    if counts[_UNKNOWN] != 1:
        raise _MalformedError("there is not one piece for the unknown")
    if len(texts) == 1:
        raise _MalformedError("there is no piece but the one for the unknown")
    byte_pieces = [text for text, kind in zip(texts, types) if kind == _BYTE]
    expected = _BYTES if has_bytes else frozenset()
    if set(byte_pieces) != expected:
        raise _MalformedError("a byte has no piece")


def _check_settings(data: bytes, begin: int) -> bool:
    """Checks what follows the pieces; returns whether the model splits unknown characters into bytes."""
    algorithm = _UNIGRAM
    has_bytes = False
    messages: list[int] = []
    for message in _fields(data, begin, len(data)):
        if message.wire_type != _LENGTH or message.number not in (_TRAINER, _NORMALIZER):
            raise _MalformedError(f"field {message.number} is not one of a model")
        messages.append(message.number)
        for field in _fields(data, message.value, message.end):
            setting = (message.number, field.number)
            if setting == _ALGORITHM:
                algorithm = field.value
            elif setting == _BYTE_FALLBACK:
                has_bytes = field.value != 0
            elif setting == _CHARSMAP:
                size = field.end - field.value
                if field.wire_type != _LENGTH or size > 0:
                    raise _MalformedError("it has a table of normalisations; ours have none")
    if messages != [_TRAINER, _NORMALIZER]:
        raise _MalformedError("its settings are incomplete, or there are too many")
    if algorithm not in (_UNIGRAM, _BPE):
        raise _MalformedError("its settings are not those of a unigram or BPE model")
    return has_bytes


def _fields(data: bytes, position: int, end: int) -> Iterator[_Field]:
    """Yields the fields of the message `data[position:end]`."""
    while position < end:
        tag, position = _varint(data, position, end)
        number = tag >> 3
        wire_type = tag & 7
        if wire_type == _VARINT:
            value, position = _varint(data, position, end)
        elif wire_type == _LENGTH:
            size, value = _varint(data, position, end)
            position = value + size
        elif wire_type in _FIXED_SIZES:
            value = position
            position += _FIXED_SIZES[wire_type]
        else:
            raise _MalformedError(f"wire type {wire_type}")
        if position > end or number == 0:
            raise _MalformedError("a field is cut short")
        yield _Field(number, wire_type, value, position)


def _varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    number = 0
    shift = 0
    while position < end and shift < 64:
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7
    raise _MalformedError("a number is cut short")
