"""The sentences of a line.

The language of a line is not known, so that the rules are by script, and one list has the abbreviations of many
languages. They rather leave two sentences together than cut one in two: docs/decisions.md compares them with a library.
"""

from __future__ import annotations

import re

# Marks that end a sentence wherever they stand: Chinese and Japanese, Devanagari, Urdu, Arabic, Ethiopic, Armenian,
# Burmese, Khmer, Thai, Tibetan, Mongolian, Ol Chiki, Meitei.
FULL_STOPS = "。！？｡।॥۔؟።፧։။។៕๚๛།༎᠃᠉᱾᱿꯫"
CLOSING = "\"'”’»›)]}」』）】〉》"
CLOSING_NARROW = f"“{CLOSING}"  # “ closes in German, and opens in Chinese
_OPENING = "\"'“‘„«‹([{「『（【〈《¿¡*–—-"
# A mark that may end a sentence, with the quotation marks and brackets that close behind it. The Greek question mark
# is a semicolon behind a Greek letter.
_END = re.compile(
    f"(?P<full>[{FULL_STOPS}][{FULL_STOPS}.!?…]*)[{re.escape(CLOSING)}]*(?P<gap> ?)"
    f"|(?P<mark>(?<![.!?…])[.!?…]+|(?<=[\u0370-\u03ff\u1f00-\u1fff]);)(?:[{re.escape(CLOSING_NARROW)}]| [»›])* "
    rf"|(?P<tight>(?<=[^\W\d_]{{2}}|[\w.!?…)][{re.escape(CLOSING_NARROW)}])[.!?…]+[)\]]*(?=[^\W\d_]))"  # "Yes.He came."
)
_MARK = re.compile(f"[{FULL_STOPS}.!?…;]")
_NEXT = re.compile(f"[{re.escape(_OPENING)} ]*(?P<first>.?)")
_HIRAGANA = re.compile("[\u3041-\u309f]")
_ACRONYM = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")  # U.S, p.m
_INITIAL = re.compile(r"[^\W\d_]")
_NUMBER = re.compile(r"\d{1,2}")
# What follows a mark without a space: a word with a capital, not as in `list.GetItem` or `fmt.Println(x)`. Of the words
# of one letter, the commonest two.
_CAPITALISED = re.compile(r"(?P<word>[^\W\d_]{1,200})(?![\w(])")
_ONE_LETTER = ("I", "Я")
MAX_NAME = 200  # characters of a name on either side of a mark
_NAME = re.compile(r"[/\\@=_]|\w\.[a-z]|www\.")  # in addresses, paths and dotted names

# Abbreviations, without their full stop, that another word of the sentence follows: titles; "that is" and the like;
# streets.
_TITLES = (
    "mr mrs ms mx dr prof st mt ft rev col lt sgt capt cpt cmdr gov supt messrs rep pres sr sra srta srs sres dra ud "
    "uds vd lic exmo exma sn hr hrn fr frl dipl ing hab inż mgr ks św płk gen kpt mme mmes mlle mlles sig sigg dott "
    "avv arch dhr mevr drs bc mudr judr phdr sv г-н г-жа проф акад тов им"
)
_THAT_IS = (
    "e.g i.e cf viz vs approx ca resp esp incl excl z.b d.h u.a o.ä u.ä i.d.r bzw vgl evtl ggf inkl exkl np tzn tj tzw "
    "wg ds im mio mrd tsd sog t.ex bl.a p.ej p.ex bijv o.a d.w.z např tzv т.е т.к т.н напр см ср"
)
_STREETS = "av avda ave blvd rd ul al pl os nám hwy bldg dept univ ee ул пл просп пер корп обл гр"
_BEFORE_WORDS = frozenset([*_TITLES.split(), *_THAT_IS.split(), *_STREETS.split()])
# Abbreviations that a number follows; before anything else they may be words that end a sentence.
_NUMBERED = (
    "no nr nos núm num art arts abs abb tab min max std kl eq eqs fig figs pp pág págs str vol ch chap "
    "sec par ver tel poz pkt godz jan feb mar apr jun jul aug sep sept oct nov dec стр рис гл ст т №"
)
_BEFORE_NUMBERS = frozenset(_NUMBERED.split())
# Words before an ordinal number, which German writes with a full stop: "am 3. Oktober".
_ARTICLES = ["am", "der", "die", "das", "den", "dem", "des", "vom", "zum", "zur", "im", "bis"]
_WITH_ENDINGS = ["jed", "ein", "mein", "dein", "sein", "ihr", "unser", "euer", "eur"]
_ENDINGS = ["", "e", "en", "em", "er", "es"]
_BEFORE_ORDINALS = frozenset([*_ARTICLES, *(word + ending for word in _WITH_ENDINGS for ending in _ENDINGS)])
_FILES = "txt pdf doc docx xls xlsx ppt odt csv tsv xml json html htm php asp js ts py css cpp exe dll zip jpg png gif"
_DOMAINS = "com org net edu gov io info biz"
_ENDINGS_OF_NAMES = frozenset([*_FILES.split(), *_DOMAINS.split()])  # "Node.Js", "Example.Com"
_BEFORE_NAMES = frozenset(["MM"])  # French "messieurs"; small letters are millimetres


def sentences(text: str) -> list[str]:
    """The sentences of a line, in order, without the spaces between them; at least one.

    Args:
        text: with single spaces.
    """
    if not _MARK.search(text, 0, len(text) - 1):
        return [text]  # most lines, at once
    ended = []  # the sentences before `begin`
    begin = 0
    any_case = text == text.lower()  # Where all letters are small, a small one may begin a sentence.
    for mark in _END.finditer(text):
        end = mark.end()
        if end < len(text) and _ends(text, begin, mark, any_case):
            ended.append(text[begin:end].rstrip(" "))
            begin = end
    return [*ended, text[begin:]]


def _ends(text: str, begin: int, mark: re.Match[str], any_case: bool) -> bool:
    """Whether a sentence that began at `begin` ends with a mark."""
    # 1. A full stop of its own script decides, unless a quotation goes on: 「...。」と.
    following = text[mark.end()]
    if mark["full"] is not None:
        quoted = mark.end("full") < mark.start("gap")
        return not (quoted and _HIRAGANA.match(following))
    if mark["tight"] is not None:
        return _ends_without_space(text, begin, mark)
    # 2. A sentence begins with no small letter.
    first = _NEXT.match(text, mark.end())
    assert first is not None
    if first["first"].islower() and not any_case:
        return False
    if mark["mark"] != ".":
        return True
    # 3. A full stop may belong to an abbreviation, an initial or a number.
    word, word_before = _words_before(text, begin, mark.start())
    return not _abbreviated(word, word_before, first["first"])


def _ends_without_space(text: str, begin: int, mark: re.Match[str]) -> bool:
    """Whether a sentence ends with a mark that a letter follows at once: "Yes.He came." Only where nothing speaks
    against it, as most such marks are inside of names, numbers and abbreviations."""
    # 1. Without capitals, ! and ? alone are marks enough: "好吗?好!"
    before = text[mark.start() - 1]
    following = text[mark.end()]
    if following.lower() == following.upper() and before.lower() == before.upper():
        return "." not in mark["tight"]
    # 2. A capital that begins a word comes after a small letter, or after what closes.
    word, _ = _words_before(text, max(begin, mark.start() - MAX_NAME), mark.start())
    next_word = _CAPITALISED.match(text, mark.end())
    if next_word is None or not (before.islower() or before in CLOSING_NARROW):
        return False
    capital = next_word["word"]
    if not capital.istitle() or (len(capital) == 1 and capital not in _ONE_LETTER):
        return False
    # 3. It is no part of a name, and no abbreviation stands before it.
    rest, _, _ = text[mark.end() : mark.end() + MAX_NAME].partition(" ")
    if _NAME.search(f"{word}.") or _NAME.search(rest) or capital.lower() in _ENDINGS_OF_NAMES:
        return False
    return mark["tight"].rstrip(")]") != "." or not _abbreviated(word, "", capital[0])


def _words_before(text: str, begin: int, end: int) -> tuple[str, str]:
    """The last word of `text[begin:end]` without what opens before it, and the word before that, if any."""
    gap = text.rfind(" ", begin, end)
    word = text[max(begin, gap + 1) : end].lstrip(_OPENING)
    word_before = ""
    if gap > begin:
        word_before = text[max(begin, text.rfind(" ", begin, gap) + 1) : gap]
    return word, word_before


def _abbreviated(word: str, word_before: str, first: str) -> bool:
    """Whether the full stop behind a word does not end the sentence.

    Args:
        word: without the full stop.
        word_before: the one before it in its sentence, if any.
        first: the first character of what follows.
    """
    small = word.lower()
    if small in _BEFORE_WORDS or word in _BEFORE_NAMES or (small in _BEFORE_NUMBERS and first.isdigit()):
        return True
    if _NUMBER.fullmatch(word):
        listed = not word_before  # "1. Open the door."
        return listed or word_before.lower() in _BEFORE_ORDINALS
    if _INITIAL.fullmatch(word):
        return word != "I"
    return _ACRONYM.fullmatch(word) is not None and word.isupper()
