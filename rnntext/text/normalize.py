"""What happens to text before a model sees it: once, here, in Python, for training and running alike."""

from __future__ import annotations

import re
import unicodedata


def normalize(text: str, lowercase: bool = False) -> str:
    """Makes equal-looking text equal: line ends become `\\n`, composed characters NFC; NUL, which TextVectorization
    confuses with padding, becomes U+FFFD; with `lowercase`, capitals become small letters."""
    text = re.sub("(?<!\r)\r+\n", "\n", text).replace("\0", "\ufffd")
    if lowercase:
        text = text.lower()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def normalize_line(line: str, lowercase: bool = False) -> str:
    """`normalize`, for a sentence: runs of ASCII white space, the only one that TextVectorization and SentencePiece
    take for a gap, become one space; none remains at the ends. Surrogates, as JSON may bring them, become U+FFFD."""
    text = re.sub("[\ud800-\udfff]", "\ufffd", normalize(line, lowercase))
    return re.sub("[ \t\n\v\f\r]+", " ", text).strip(" ")
