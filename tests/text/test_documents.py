"""Documents: their texts are found, translations take their places, and every other byte stays."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from html.parser import HTMLParser

import polib
import pytest
import srt
from helpers import examples
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rnntext.errors import DataError, UsageError
from rnntext.text.documents import Document, parsed
from rnntext.text.documents.segment import Markup, broken

TAG = re.compile(r"(</?x\d+>)")


def loud(text: str) -> str:
    """A text in capitals, but for its tags."""
    return "".join(piece if TAG.fullmatch(piece) else piece.upper() for piece in TAG.split(text))


def through(document: Document, translate: Callable[[str], str] = str) -> str:
    return document.translated(map(translate, document.texts))


# Markup ---------------------------------------------------------------------------------------------------------------


def bold_and_italic() -> Markup:
    markup = Markup(lambda text: text.replace("&", "&amp;"))
    markup.add("a ")
    markup.open("b", "<B>")
    markup.add("b ")
    markup.open("i", "<I>")
    markup.add("c")
    markup.close("i", "</I>")
    markup.close("b", "</B>")
    markup.keep("<br>")
    markup.close("b", "</b>")  # Nothing is open any more.
    return markup


@pytest.mark.parametrize(
    ("translation", "expected"),
    [
        ("x <x0>y <x1>z</x1></x0>", "x <B>y <I>z</I></B><br></b>"),
        ("<x0><x1>z</x1> & y</x0> x", "<B><I>z</I> &amp; y</B> x<br></b>"),
        ("<x1>z <x0>y</x1> x</x0>", "<B>z <I>y</I> x</B><br></b>"),  # Not nested: in the order of the text.
        ("x<x0> y <x1> z </x1> </x0>", "x <B>y <I>z</I></B><br></b>"),
        ("x <x0>y", "x <B>y<I></I></B><br></b>"),  # The model has lost some.
        ("<x0>x<x0>", "<B>x<I></I></B><br></b>"),
        ("<x9>x", "<B>x<I></I></B><br></b>"),
    ],
)
def test_markup_comes_back_nested(translation: str, expected: str) -> None:
    markup = bold_and_italic()
    assert markup.text == "a <x0>b <x1>c</x1></x0><x4><x5>"
    assert markup.line == "a <x0>b <x1>c</x1></x0>"
    assert markup.written(markup.line) == "a <B>b <I>c</I></B><br></b>"
    assert markup.written(translation) == expected


def test_markup_around_a_text_is_no_part_of_it() -> None:
    markup = Markup()
    markup.keep("*")
    markup.open("b", "<b>")
    markup.add(" a ")
    markup.keep("+")
    markup.add(" b")
    markup.close("b", "</b>")
    assert markup.line == "a <x2> b"
    assert markup.written("x <x2> y") == "*<b> x + y</b>"


def test_a_text_that_looks_like_markup_is_a_text() -> None:
    markup = Markup(lambda text: text.replace("<", "&lt;"))
    markup.add("see <x0> & </x7>.")
    assert markup.line == "see <x0> & <x1>."
    assert markup.written("voir <x0> et <x1>.") == "voir &lt;x0> et &lt;/x7>."


@examples
@given(words=st.lists(st.sampled_from(["a", "bc", "def", "<x0>gh"]), min_size=1, max_size=9), count=st.integers(1, 5))
def test_lines_are_broken_at_spaces_and_none_is_empty(words: list[str], count: int) -> None:
    lines = broken(" ".join(words), [10] * count)
    assert " ".join(lines).split(" ") == words
    assert all(lines)
    assert len(lines) == min(count, len(words))


def test_lines_have_the_proportions_of_the_source() -> None:
    assert broken("a b c d e f", [1, 7]) == ["a", "b c d e f"]
    assert broken("a b c d e f", [7, 1]) == ["a b c d e", "f"]
    assert broken("a b c d e f", [3, 3, 3]) == ["a b", "c d", "e f"]


# Subtitles ------------------------------------------------------------------------------------------------------------

SUBTITLES = """1
00:00:01,000 --> 00:00:02,500
<i>I am going
to the market.</i>

2
00:00:02,600 --> 00:00:04,000 X1:40 X2:600 Y1:20 Y2:50
- Who is there?
-  {\\an8}Only <font color="#ff0000">me</font>, my
  old friend.

3
00:00:04,000 --> 00:00:05,000

7
00:00:05.000 --> 00:00:06.000
12:30 ... ♪♪

8
0:0:6,0-->00:00:07,000
One line

and another behind a blank one."""


def structure_of_subtitles(text: str) -> list[tuple[object, ...]]:
    return [(cue.index, cue.start, cue.end, cue.proprietary) for cue in srt.parse(text)]


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_subtitles(line_break: str) -> None:
    text = SUBTITLES.replace("\n", line_break)
    document = parsed(text, "srt", "film.srt")
    assert document.texts == [
        "I am going to the market.",
        "Who is there?",
        "Only <x1>me</x1>, my old friend.",
        "One line",
        "and another behind a blank one.",
    ]
    same = through(document)
    assert same.split() == text.split()
    assert same.count(line_break) == text.count("\n") == same.count("\n")
    changed = through(document, loud)
    assert structure_of_subtitles(changed) == structure_of_subtitles(text)
    assert f'-  {{\\an8}}ONLY <font color="#ff0000">ME</font>, MY{line_break}' in changed
    assert f"<i>I AM GOING{line_break}TO THE MARKET.</i>" in changed


def test_a_short_translation_has_fewer_lines() -> None:
    document = parsed(SUBTITLES, "srt", "film.srt")
    changed = through(document, lambda text: re.sub("[^<>x0-9/ ]+", "y", text.replace(" ", "")))
    assert structure_of_subtitles(changed) == structure_of_subtitles(SUBTITLES)
    assert "\n\n\n" not in changed


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("hello\n", 1),
        ("\n\n1\n1:2\nx\n", 3),
        ("1\n00:00:01,000 --> 00:00:02,000\na\n\nb --> c\n", 5),
    ],
)
def test_what_are_no_subtitles_is_an_error_with_the_line(text: str, line: int) -> None:
    with pytest.raises(DataError, match=rf"^film\.srt: line {line}: no subtitle"):
        parsed(text, "srt", "film.srt")


def test_an_empty_text_has_no_subtitles() -> None:
    assert through(parsed("", "srt", "film.srt")) == ""


# Message catalogues ---------------------------------------------------------------------------------------------------

CATALOGUE = r"""# Translators: nobody yet.
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);\n"

#. of the clock
#: a.c:1 b.c:2
#, fuzzy, c-format
#| msgid "old %s"
msgid "hello %s"
msgstr ""

msgctxt "menu"
msgid ""
"first line\n"
"  second \"line\"\t\n"
msgstr ""
""

  msgid "done"
  msgstr "schon da"

msgid "one cat"
msgid_plural "%d cats"
msgstr[0] ""
	msgstr[1] ""

msgid "one dog"
msgid_plural "%d dogs"
msgstr[0] "pies"
msgstr[1] ""
msgstr[2] ""

msgid "12 %"
msgstr ""

#~ msgid "gone"
#~ msgstr ""
"""


def structure_of_catalogue(text: str) -> list[object]:
    entries = polib.pofile(text + "\n")
    names = ("msgid", "msgid_plural", "msgctxt", "comment", "tcomment", "occurrences", "flags", "obsolete")
    return [entries.metadata, *([getattr(entry, name) for name in (*names, "previous_msgid")] for entry in entries)]


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_messages_without_a_translation_get_one(line_break: str) -> None:
    text = CATALOGUE.replace("\n", line_break)
    document = parsed(text, "po", "pl.po")
    assert document.texts == ["hello %s", "first line", 'second "line"', "one cat", "%d cats", "%d cats"]
    changed = through(document, str.upper)
    assert structure_of_catalogue(changed) == structure_of_catalogue(text)
    entries = {entry.msgid: entry for entry in polib.pofile(changed)}
    assert entries["hello %s"].msgstr == "HELLO %S"
    assert entries['first line\n  second "line"\t\n'].msgstr == 'FIRST LINE\n  SECOND "LINE"\t\n'
    assert entries["done"].msgstr == "schon da"
    assert entries["one cat"].msgstr_plural == {0: "ONE CAT", 1: "%D CATS", 2: "%D CATS"}
    assert entries["one dog"].msgstr_plural == {0: "pies", 1: "", 2: ""}
    assert entries["gone"].msgstr == ""
    assert entries["12 %"].msgstr == ""
    filled = re.compile(r'(?m)^\tmsgstr\[2\] "%D CATS"\r?\n|^(\s*msgstr(\[\d\])? )".*"')
    assert filled.sub(r"\1", changed) == filled.sub(r"\1", text)


def test_without_a_header_there_are_two_forms() -> None:
    text = 'msgid "a cat"\nmsgid_plural "cats"\nmsgstr[0] ""\nmsgstr[1] ""'
    assert through(parsed(text, "po", "x.po"), str.upper).endswith('msgstr[0] "A CAT"\nmsgstr[1] "CATS"')


def test_the_singular_goes_where_the_header_says() -> None:
    header = 'msgid ""\nmsgstr "Plural-Forms: nplurals=2; plural=(n==1);\\n"\n\n'
    text = header + 'msgid "a cat"\nmsgid_plural "cats"\nmsgstr[0] ""\nmsgstr[1] ""'
    assert through(parsed(text, "po", "x.po"), str.upper).endswith('msgstr[0] "CATS"\nmsgstr[1] "A CAT"')


def test_one_form_serves_all_numbers() -> None:
    text = CATALOGUE.replace(
        "nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2)", "nplurals=1; plural=0"
    )
    assert "%d cats" not in parsed(text, "po", "x.po").texts


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('msgid "hello %s"', 'msgid "hello" %s"', "line 11: no message catalogue"),
        ('msgid "hello %s"', "msgid hello", "line 11: must be a text in quotation marks"),
        ('\nmsgstr "schon da"', "", "line 23: no message catalogue"),
        ("nplurals=3", "nplurals=99", "line 5: Plural-Forms: "),
        ("n==1 ?", "n==1 +*", "line 5: Plural-Forms: "),
        ("# Translators", "Translators", "line 1: no message catalogue"),
    ],
)
def test_a_broken_catalogue_is_an_error_with_the_line(old: str, new: str, message: str) -> None:
    text = CATALOGUE.replace("  msgstr", "msgstr").replace(old, new, 1)
    with pytest.raises(DataError, match=f"^x.po: {message}"):
        parsed(text, "po", "x.po")


# Web pages ------------------------------------------------------------------------------------------------------------

PAGE = """<!DOCTYPE html>
<HTML lang=en><head><title>My &amp; page</title><style>p > a { color: red }</style>
<meta name="description" content="Not this"></head>
<body onload="if (a > b) go()">
<p class="a>b">
  Hi <b>bold <i>world</i></b>,
  see <a href="x?a=1&b=2"
     title="t">the <code>x &lt; y</code> page</a>&nbsp;now.
  </p>
<p><a href="#">
   Whole link
</a></p>
<!-- a comment with <p>words</p> -->
<ul><li>One<li>Two <img src="a.png" alt="alt"> three</ul>
<pre>do not
  touch <b>this</b></pre>
<script>if (a < b) "words </p>"</script>
<p><span translate="no">Brand <span>Name</span></span> is good. <i class="x notranslate">X</i></p>
<div>5 &lt; 6 &amp; 7 &gt; 3 &#119;ords </> after <![CDATA[x]]> it<?php echo "words" ?></div>
Line one<br>Line two<br/>
<textarea>no <b></textarea>
<p><b>open <i>cross</b> over</i></p>
<a href=x><div>Block in a link</div></a>
<td>12.5</td>
</body></html> tail
<p>unclosed <b>end"""


class Structure(HTMLParser):
    """Everything of a page but its texts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[object] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((self.get_starttag_text(), attrs))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.found.append(data)

    def handle_decl(self, decl: str) -> None:
        self.found.append(decl)

    def handle_pi(self, data: str) -> None:
        self.found.append(data)

    def unknown_decl(self, data: str) -> None:
        self.found.append(data)


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_pages(line_break: str) -> None:
    text = PAGE.replace("\n", line_break)
    document = parsed(text, "html", "page.html")
    assert document.texts == [
        "My & page",
        "Hi <x0>bold <x1>world</x1></x0>, see <x4>the <x5> page</x4>\xa0now.",
        "Whole link",
        "One",
        "Two <x0> three",
        "is good.",
        "5 < 6 & 7 > 3 words <x0> after <x1> it",
        "Line one",
        "Line two",
        "<x0>open <x1>cross</x0> over",
        "Block in a link",
        "tail",
        "unclosed <x0>end",
    ]
    changed = through(document, loud)
    assert Structure(changed).found == Structure(text).found
    for part in ("<pre>do not\n  touch <b>this</b></pre>", '<script>if (a < b) "words </p>"</script>', "x &lt; y"):
        assert part.replace("\n", line_break) in changed
    for part in (
        "HI <b>BOLD <i>WORLD</i></b>, SEE <a",
        "5 &lt; 6 &amp; 7 &gt; 3 WORDS </> AFTER",
        "Brand <span>Name</span>",
    ):
        assert part in changed
    assert f'<a href="#">{line_break}   WHOLE LINK{line_break}</a>' in changed


PIECES = [
    *(
        "<b>",
        "</b>",
        "<p>",
        "</p>",
        "<br>",
        "<pre>",
        "</pre>",
        "<i translate=no>",
        "</i>",
        "<!-- x",
        "-->",
        "<a href='",
    ),
    *("<", "&", "&lt;", "<x0>", "</x0>", "'", '"', "a", " b ", "é\n"),
]


@examples
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=20))
def test_no_page_loses_anything_but_white_space(pieces: list[str]) -> None:
    text = "".join(pieces)
    changed = through(parsed(text, "html", "page.html"))
    assert "".join(html.unescape(changed).split()) == "".join(html.unescape(text).split())
    assert Structure(changed).found == Structure(text).found


# Markdown -------------------------------------------------------------------------------------------------------------

MARKDOWN = """---
title: My page
---

# Hello *big* world #

A paragraph with **bold text** and `code here`, a
[link to *it*](http://x.y/a_b "title"), <http://auto.link>,
![alt](img.png) and snake_case 5 * 3 [ref] [text][ref] [ref][].  
After a hard break\\
and another R&D &amp; caf&eacute; &copy; x < y \\* [b] "q".

> Quoted text that
> goes on `code
> span` here.
>
> - item one
>   continued
> - [ ] task item

1. First
2. Second <b>html</b> <br/> inline

Setext
heading
======

    indented code

```python
code = "text"
```

| Name | Other \\| cell | cell |
|------|---------------|------|
| Cell one | **two** `x` |  |

<div>
html block
</div>

[ref]: http://ref.example/x "Ref title"
Last ***both*** and **nested *it*** and ~~gone~~ __strong__ word"""


def structure_of_markdown(text: str) -> list[object]:
    """Everything of a document but its texts and its line breaks."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    environment: dict[str, object] = {}
    found: list[object] = []
    for token in parser.parse(text, environment):
        children = [child for child in token.children or [] if child.type not in ("text", "softbreak", "text_special")]
        stays = [(child.type, child.attrs, child.markup, child.content) for child in children]
        content = token.content if token.type != "inline" else ""
        found.append((token.type, token.tag, token.attrs, token.markup, token.info, token.level, content, stays))
    return [environment, *found]


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_markdown(line_break: str) -> None:
    text = MARKDOWN.replace("\n", line_break)
    document = parsed(text, "markdown", "a.md")
    assert document.texts == [
        "Hello <x0>big</x0> world",
        "A paragraph with <x0>bold text</x0> and <x2>, a <x3>link to <x4>it</x4></x3>, <x7>, "
        "<x8> and snake_case 5 <x9> 3 <x10> <x11>text</x11> <x13>.",
        "After a hard break",
        'and another R&D <x0> café <x1> x < y <x2> <x3>b<x4> "q".',
        "Quoted text that goes on <x0> here.",
        "item one continued",
        "task item",
        "First",
        "Second <x0>html</x0> <x2> inline",
        "Setext heading",
        "Name",
        "cell",
        "Cell one",
        "two",
        "Last <x0>both</x0> and <x2>nested <x3>it</x3></x2> and <x6>gone</x6> <x8>strong</x8> word",
    ]
    same = through(document)
    assert same.replace("café", "caf&eacute;").split() == text.split()
    changed = through(document, loud)
    assert changed.count(line_break) == text.count("\n") == changed.count("\n")
    assert structure_of_markdown(changed) == structure_of_markdown(text)
    assert f"> QUOTED TEXT THAT{line_break}> GOES ON `code{line_break}> span` HERE." in changed
    for part in (
        "[LINK TO *IT*](http://x.y/a_b",
        "- [ ] TASK ITEM",
        "SNAKE_CASE 5 * 3 [ref] [TEXT][ref]",
        "title: My page",
    ):
        assert part in changed


@pytest.mark.parametrize(
    ("text", "translation", "expected"),
    [
        (
            "a\n",
            "b *c* _d_ [e](f) `g` <h> &amp; i_j 5 < 6 ~~k~~",
            "b \\*c\\* \\_d\\_ \\[e\\](f) \\`g\\` \\<h> \\&amp; i_j 5 < 6 \\~~k\\~~\n",
        ),
        ("a", "- b", "\\- b"),
        ("a b\nc d", "12 13 14. b", "12 13\n14\\. b"),
        ("a b\nc d", "bb cc # d", "bb cc\n\\# d"),
        ("a b\nc d", "bb cc ===", "bb cc\n\\==="),
        ("> a b\n> c d", "b", "> b"),
        ("|a|b|\n|-|-|\n|c|d|", "x|y", "|x\\|y|x\\|y|\n|-|-|\n|x\\|y|x\\|y|"),
    ],
)
def test_a_translation_is_no_markup(text: str, translation: str, expected: str) -> None:
    changed = through(parsed(text, "markdown", "a.md"), lambda _: translation)
    assert changed == expected
    assert structure_of_markdown(changed) == structure_of_markdown(text)


def test_a_link_of_two_lines_stays_one() -> None:
    text = "see [a b  \nc d](x) here\n"
    document = parsed(text, "markdown", "a.md")
    assert document.texts == ["see <x0>a b c d</x0> here"]
    assert through(document, loud) == text.upper().replace("X", "x")


MARKS = [
    *(
        "*",
        "**",
        "_",
        "`",
        "[",
        "](x)",
        "]",
        "<b>",
        "</b>",
        "~~",
        "\\",
        "a",
        " b",
        "é|",
        "!",
        "&amp;",
        "# ",
        "> ",
        "- ",
    ),
    *("  \n", "\n", "\n\n", "\n\n[b]: /c\n\n"),
]


@examples
@given(pieces=st.lists(st.sampled_from(MARKS), max_size=20))
def test_no_markdown_loses_anything_but_white_space(pieces: list[str]) -> None:
    text = "".join(pieces)
    changed = through(parsed(text, "markdown", "a.md"))
    assert "".join(changed.replace("\\", "").split()) == "".join(text.replace("\\", "").split())


# Packages -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("format", "package"), [("srt", "srt"), ("po", "polib"), ("markdown", "markdown_it")])
def test_a_missing_package_is_named_with_the_command(
    monkeypatch: pytest.MonkeyPatch, format: str, package: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(
        UsageError, match=rf"--format {format} needs the package {package}.*pip install 'rnntext\[formats\]'"
    ):
        parsed("", format, "x")
