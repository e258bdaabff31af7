"""Look-alikes: characters that a model has not learnt are read as others that look the same, or as nothing."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping

from rnntext.text.normalize import normalize_line
from rnntext.text.tokens import Language

RANGE = 1e5  # occurrences of the commonest character for one of the rarest; measured on 36,000 sentences
HARDLY = 100  # times as often as a character its look-alike must occur in a training text to take its place
MAX_KNOWN = 50_000  # characters that are remembered
_INVISIBLE_SHARE = 1 / 1000  # of a training text's characters; a rarer invisible character is hardly learnt
_BLANK_GLYPHS = "\u115f\u1160\u2800\u3164\uffa0"  # letters and signs that show nothing
# Characters that show nothing and have no width, beside those of the category Cf: joiners and variation selectors.
_INVISIBLE = re.compile("[\u034f\u17b4\u17b5\u180b-\u180f\u20e3\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# Bullets, arrows, emoji and the like, which are no part of a sentence.
_PICTURE = re.compile("[\u2022\u2023\u2043\u2190-\u21ff\u2300-\u23ff\u2500-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]")
# Characters that look like one another. A straight quotation mark opens and closes.
_GROUPS = (
    "'\u2018\u201a\u201b\u2039\u02bb\u275b`",  # opening: ' ‘ ‚ ‛ ‹ ʻ ❛
    "'\u2019\u203a\u02bc\u2032\u02b9\u00b4\u2035\u055a\u05f3\ua78c\u275c",  # closing: ' ’ › ʼ ′ ʹ ´ ‵ ՚ ׳ ꞌ ❜
    '"\u201c\u201e\u201f\u00ab\u301d\u300c\u300e\u275d',  # opening: " “ „ ‟ « 〝 「 『 ❝
    '"\u201d\u201c\u00bb\u2033\u301e\u301f\u300d\u300f\u05f4\u275e',  # closing: " ” “ » ″ 〞 〟 」 』 ״ ❞
    "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u05be\u2e3a\u2e3b\u2796",  # hyphens, dashes, minus
    "~\u223c\u301c",  # ~ ∼ 〜
    "/\u2044\u2215",  # / ⁄ ∕
    "\u00b7\u2022\u2219\u22c5\u30fb",  # · • ∙ ⋅ ・
    "\u00b0\u00ba\u02da",  # ° º ˚
    ".\u3002",  # 。
    ",\u3001\u060c",  # 、 ،
    ";\u061b",  # ؛
    "?\u061f\u203d",  # ؟ ‽
    ":\u2236\ua789",  # ∶ ꞉
    "\u0219\u015f",  # ș with comma and cedilla, as below
    "\u0218\u015e",
    "\u021b\u0163",
    "\u021a\u0162",
    "\u06cc\u064a",  # Persian and Arabic yeh
    "\u06a9\u0643",  # and kaf
)
# What is written where a letter or a mark is missing that has no decomposition.
_PLAIN = {
    **dict(zip("łŁøØđĐıßæÆœŒ⋯", ["l", "L", "o", "O", "d", "D", "i", "ss", "ae", "AE", "oe", "OE", "…"], strict=True)),
    "\ufffd": "",
}
# Decompositions that change the meaning: m² is not m2.
_MEANINGFUL = ("<super>", "<sub>", "<fraction>", "<circle>")
_BYTE = re.compile("<0x[0-9A-F]{2}>")  # SentencePiece's pieces for the bytes of characters that have none
# A wide mark has its space within itself.
_WIDE_MARK = re.compile("[\uff01\uff0c\uff1a\uff1b\uff1f\u3001\u3002](?=[^\\W\\d_])")


def is_blank(text: str) -> bool:
    """Whether a text shows nothing: it is empty, or consists of spaces of any kind and of invisible characters."""
    return all(map(_shows_nothing, text))


@functools.lru_cache(MAX_KNOWN)
def _shows_nothing(character: str) -> bool:
    return _is_space(character) or _invisible(character)


def _is_space(character: str) -> bool:
    return character.isspace() or character in _BLANK_GLYPHS


def _invisible(character: str) -> bool:
    """Whether a character shows nothing and has no width; control characters are among them."""
    return unicodedata.category(character) in ("Cf", "Cc") or _INVISIBLE.match(character) is not None


def vocabulary_counts(language: Language) -> dict[str, float]:
    """About how often each character occurred in the text that a language was learnt from.

    The tokens of one character stand in the order of their frequencies, whatever the kind of tokens. From the commonest
    to the rarest, frequencies fall by RANGE, about as fast from each to the next. A character that is no token by
    itself is a common one.
    """
    tokens = [token for token in language.tokens if not _BYTE.fullmatch(token)]
    counts = dict.fromkeys("".join(tokens), RANGE)
    single = [token for token in tokens if len(token) == 1]
    for rank, character in enumerate(single):
        counts[character] = RANGE ** (1 - rank / len(single))
    return {**counts, " ": RANGE}


def has_picture(text: str) -> bool:
    """Whether there is a bullet, an arrow, an emoji or the like in a text: what is no part of a sentence."""
    return _PICTURE.search(text) is not None


def _simpler(character: str) -> str:
    """What stands for a character that occurs nowhere in a training text and has no look-alike there: a letter without
    its marks, a digit of the usual form, nothing for a picture, and the character itself for all others."""
    if has_picture(character):
        return ""
    if character in _PLAIN:
        return _PLAIN[character]
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    decomposed = unicodedata.normalize("NFD", character)
    return "".join(part for part in decomposed if unicodedata.category(part) != "Mn")


class LookAlikes(dict[int, str]):
    """Replaces the characters that a model has not learnt, or hardly, by look-alikes that it has learnt better. What
    nobody can see is left out, as are pictures and U+FFFD that it has not learnt.

    A table for `str.translate`, which is filled as characters come.

    Args:
        counts: how often each character occurs in the source side of the training text, the space included.
    """

    def __init__(self, counts: Mapping[str, float]) -> None:
        super().__init__()
        self.counts = dict(counts)
        self.counts[""] = sum(counts.values()) * _INVISIBLE_SHARE * HARDLY

    def normalized(self, line: str, lowercase: bool = False) -> str:
        """A sentence after `normalize_line` and with its characters replaced."""
        text = normalize_line(line, lowercase)
        replaced = _WIDE_MARK.sub(self._with_space, text).translate(self)
        return text if replaced == text else normalize_line(replaced, lowercase)

    def _with_space(self, match: re.Match[str]) -> str:
        mark = match[0]
        narrow = self[ord(mark)].isascii()
        return f"{mark} " if narrow else mark

    def __missing__(self, point: int) -> str:
        if len(self) == MAX_KNOWN:
            self.clear()
        self[point] = replacement = self._replacement(chr(point))
        return replacement

    def _replacement(self, character: str) -> str:
        """What a character is read as: itself, unless a look-alike is learnt better by far."""
        own = self.counts.get(character, 0)
        if own and unicodedata.decomposition(character).startswith(_MEANINGFUL):
            return character
        best = max(self._alternatives(character), key=self._count, default=character)
        if not own and not self._count(best):
            simpler = _simpler(character)
            best = simpler if simpler == character else simpler.translate(self)
        return best if self._count(best) > HARDLY * own else character

    def _alternatives(self, character: str) -> list[str]:
        """The look-alikes of a character."""
        if _is_space(character):
            return [" "]
        if _invisible(character):
            return [""]
        alike = [other for group in _GROUPS if character in group for other in group if other != character]
        compatible = unicodedata.normalize("NFKC", character)
        if compatible != character and not alike:
            alike.append(compatible.translate(self))
        return alike

    def _count(self, text: str) -> float:
        """How often the rarest character of a look-alike occurs."""
        return min((self.counts.get(character, 0) for character in text), default=self.counts[""])
