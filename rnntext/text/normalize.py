"""Normalisation of text before a model sees it. Training and running share it, so both see the same characters."""

from __future__ import annotations

import re
import unicodedata


def normalize(text: str, lowercase: bool = False) -> str:
    """A text in which what looks equal is equal.

    Line ends become `\\n`, and characters their composed form (NFC). NUL, which TextVectorization takes for padding,
    becomes U+FFFD.

    Args:
        text: any text.
        lowercase: whether to lower-case the text.
    """
    text = re.sub("(?<!\r)\r+\n", "\n", text)
    text = text.replace("\0", "\ufffd")
    if lowercase:
        text = text.lower()
    if text.isascii():
        return text  # ASCII is NFC already.
    return unicodedata.normalize("NFC", text)


def normalize_line(line: str, lowercase: bool = False) -> str:
    """A sentence after `normalize`, with single spaces between its words and none at its ends.

    Only runs of ASCII white space become a space, since TextVectorization and SentencePiece take nothing else for a
    gap. Surrogates, which JSON may contain, become U+FFFD.
    """
    # Most sentences are normal already. `isprintable` says quickly that there is no line break, NUL or surrogate.
    tidy = line.isprintable() and "  " not in line and line == line.strip(" ")
    if tidy and not lowercase and unicodedata.is_normalized("NFC", line):
        return line
    text = normalize(line, lowercase)
    text = re.sub("[\ud800-\udfff]", "\ufffd", text)
    text = re.sub("[ \t\n\v\f\r]+", " ", text)
    return text.strip(" ")
