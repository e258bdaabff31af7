"""The checks that a SentencePiece model is harmless, and that it cuts words as our own code does.

The first one reads the file in Python before native code does.

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

from rnntext.errors import CheckpointError, DataError

SPACE = "\u2581"  # SentencePiece's sign for a space
MAX_PIECES = 500_000
# Fields of ModelProto in sentencepiece_model.proto, which are messages, and fields of these messages.
_TRAINER = 2
_NORMALIZER = 3
_ALGORITHM = (_TRAINER, 3)
_SUFFIX = (_TRAINER, 24)
_BYTE_FALLBACK = (_TRAINER, 35)
_CHARSMAP = (_NORMALIZER, 2)
_DUMMY_PREFIX = (_NORMALIZER, 3)
_ESCAPED = (_NORMALIZER, 5)
# Values of TrainerSpec.ModelType.
_UNIGRAM = 1
_BPE = 2
# Values of ModelProto.SentencePiece.Type.
_NORMAL = 1
_UNKNOWN = 2
_USER_DEFINED = 4
_UNUSED = 5
_BYTE = 6
_TYPES = range(_NORMAL, _BYTE + 1)
# Settings that decide how words are cut: what they are if the file does not say it, and what our own code expects.
_DEFAULTS = {_ALGORITHM: _UNIGRAM, _SUFFIX: 0, _BYTE_FALLBACK: 0, _DUMMY_PREFIX: 1, _ESCAPED: 1}
_EXPECTED = {
    _ALGORITHM: (_BPE, "was trained with --model_type=unigram"),
    _BYTE_FALLBACK: (1, "was trained without --byte_fallback"),
    _DUMMY_PREFIX: (1, "was trained with --add_dummy_prefix=false"),
    _SUFFIX: (0, "was trained with --treat_whitespace_as_suffix"),
    _ESCAPED: (1, "has spaces in its pieces as they are"),
}
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
        settings = _settings(data, end)
        _check_pieces(texts, types, settings[_BYTE_FALLBACK] != 0)
    except (_MalformedError, IndexError) as error:
        raise CheckpointError(f"the SentencePiece model is damaged ({error})") from error


def check_cuts(data: bytes) -> None:
    """Checks that a model cuts text by the merges of BPE, word by word, with bytes for unknown characters: our own code
    cuts many sentences so, and those of BPE-dropout.

    Args:
        data: the content of a model file that `check_model` lets through.

    Raises:
        DataError: it cuts text in another way; the message says with which option it was trained.
    """
    end, texts, types = _pieces(data)
    settings = _settings(data, end)
    for setting, (expected, reason) in _EXPECTED.items():
        if settings[setting] != expected:
            raise DataError(f"the SentencePiece model {reason}")
    if _USER_DEFINED in types:
        raise DataError("the SentencePiece model was trained with --user_defined_symbols")
    if _UNUSED in types:
        raise DataError("the SentencePiece model has pieces that are unused")
    sign = SPACE.encode()
    if any(sign in text.lstrip(sign) for text in texts):
        raise DataError("the SentencePiece model was trained with --split_by_whitespace=false")


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


def _settings(data: bytes, begin: int) -> dict[tuple[int, int], int]:
    """Checks what follows the pieces; returns the settings of _DEFAULTS.

    Raises:
        CheckpointError: the model is whole, but of another kind than ours.
    """
    settings = dict(_DEFAULTS)
    messages: list[int] = []
    for message in _fields(data, begin, len(data)):
        if message.wire_type != _LENGTH or message.number not in (_TRAINER, _NORMALIZER):
            raise _MalformedError(f"field {message.number} is not one of a model")
        messages.append(message.number)
        for field in _fields(data, message.value, message.end):
            setting = (message.number, field.number)
            if setting in settings:
                settings[setting] = field.value
            elif setting == _CHARSMAP and (field.wire_type != _LENGTH or field.end > field.value):
                raise CheckpointError(
                    "the SentencePiece model has a table of normalisations (--normalization_rule_name); ours have none"
                )
    if messages != [_TRAINER, _NORMALIZER]:
        raise _MalformedError("its settings are incomplete, or there are too many")
    if settings[_ALGORITHM] not in (_UNIGRAM, _BPE):
        raise CheckpointError("the SentencePiece model is neither unigram nor BPE (--model_type)")
    return settings


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
