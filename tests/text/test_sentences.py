"""Lines are cut where sentences end, in many scripts; abbreviations and numbers stay whole."""

import time

import pytest
from helpers import examples
from hypothesis import given
from hypothesis import strategies as st

from rnntext.text.sentences import sentences

CUT = [
    "Where is he?|He left at 5 p.m. yesterday.|Good.",
    "Dr. Brown drank 3.5 litres.|Mrs. Brown did not.",
    "He left at 5 p.m.|It was cold.",
    "The U.S. Navy came.|Nobody saw it.",
    "J. K. Brown wrote it.|So did I.|We read it.",
    '"Go!" he said.|She went.',
    'He said: "Go!"|She went.',
    "(He laughed.)|She did not.",
    "See e.g. the dog, i.e. Rex.|It barks.",
    "Read notes.txt at www.example.com first.|Then run version 2.0.1 of it.",
    "No. 7 won.|No.|It lost.",
    "What?!|You won?",
    "Wait... what?|I see.",
    "i am here.|he is not.",  # small letters only
    "1. Open the door.|2. Close it.",
    "In 1980. he wrote it.",
    "Am 3. Oktober ist frei.|Wir schlafen z. B. lange.",
    "Sein 50. Geburtstag war schön.|Ihren 3. Mann kenne ich.",
    "Voici MM. Dupont et Ruiz.|Ils dorment.",
    "Il manque 5 mm.|Voilà.",
    "Er rief: „Halt!“|Niemand hielt an.",
    "¿Qué es?|¡Es el Sr. Ruiz!|Vive en EE. UU. ahora.",
    "Bonjour !|Ça va ?|Il a dit : « Oui ! »|Elle rit.",
    "Mieszka przy ul. Krótkiej 3 w Pile.|Ma np. psa.",
    "В доме т. н. мышь.|Это А. Б. Котов.",
    "Τι κάνεις;|Καλά.",
    "Saat 3.5 oldu.|Sen.|Ben.",
    "كيف حالك؟|أنا بخير.",
    "یہ گھر ہے۔|وہ دور ہے۔",
    "यह घर है।|वह दूर है।",
    "Սա տուն է։|Նա այստեղ է։",
    "안녕하세요.|저는 학생입니다.",
]
CUT_WITHOUT_SPACE = [
    "今天很冷。|我们回家吧！|好吗？",
    "圆周率是3.14。|记住它！",
    "「寒い。」と母は言った。|帰ろう。",
    "他说：“冷。”|她笑了。",
    "他来了!|我们走吧?|好。",
    "안녕하세요?|저는 학생!|그래",
    "Hello.|How are you?",
    "Ja.|Nein.|Gut!|Dann komm.",
    "...and so on.|Then it ended.",
    "He left!|She stayed?|I'm not sure.|I am.",
    "Wait...|What?!|Then go…|Now.",
    "(He laughed.)|She did not (at all).|He went.",
    'He said "go".|Then he went.',
    "Привет.|Как дела?|Я дома.|Ёж спит.",
    "Dzień dobry.|Łódź śpi.|Świetnie.",
    "See example.com now.|It is good.",
]


def test_a_mark_that_closes_in_german_opens_in_chinese() -> None:
    assert sentences("你是谁？“我是汤姆。”他走了。") == ["你是谁？", "“我是汤姆。”", "他走了。"]
    assert sentences("„Wer da?“ „Ich.“") == ["„Wer da?“", "„Ich.“"]


@pytest.mark.parametrize(
    "sentence",
    [
        "Es fehlen 3 Mio. Euro und 2 Mrd. Dollar.",
        "Siehe Abb. 3 und Abs. 2, min. 5 Tage.",
        "Kościół św. Anny jest na pl. Wolności.",
        "Завод им. Петрова закрыт.",
        "La Lic. Ruiz y Rep. Lee se van.",
    ],
)
def test_abbreviations_before_names_and_numbers_cut_nothing(sentence: str) -> None:
    assert sentences(sentence) == [sentence]


@pytest.mark.parametrize(
    "sentence",
    [
        "See example.com, Example.Com and www.Example.Org or http://x.de/ab.Cd, and write to me@foo.Bar.",
        "Open file.txt, not File.Txt or C:\\data.Old, in Node.js (Node.Js).",
        "3.5 litres of U.S.A. milk, e.g.This one.",
        "Wir schlafen z.B. im Haus, d.h.Du auch, bzw.Ihr.",
        "Dr.Smith met Sr.Ruiz in St.Petersburg and the Ph.D student at 5 p.m.Then.",
        "Call fmt.Println(x), list.GetItem, java.util.List or page.php?Name=x now.",
        'vitamin.C and plan.b in ".Git" or .Git',
    ],
)
def test_names_numbers_and_abbreviations_stay_whole_without_a_space(sentence: str) -> None:
    assert sentences(sentence) == [sentence]


@pytest.mark.parametrize("stop", "།᠃᱾꯫")
def test_full_stops_of_further_scripts_end_sentences(stop: str) -> None:
    assert sentences(f"a{stop} b{stop}") == [f"a{stop}", f"b{stop}"]


@pytest.mark.parametrize("cut", CUT)
def test_a_line_is_cut_where_its_sentences_end(cut: str) -> None:
    assert sentences(cut.replace("|", " ")) == cut.split("|")


@pytest.mark.parametrize("cut", CUT_WITHOUT_SPACE)
def test_sentences_are_cut_without_a_space_where_they_surely_end(cut: str) -> None:
    assert sentences(cut.replace("|", "")) == cut.split("|")


@examples
@given(
    st.lists(
        st.sampled_from(["a", "B.", "Dr.", "ab.Cd", "?", '!"', "。", "...", "“", "3.", "U.S.", "ok!"]), max_size=30
    )
)
def test_nothing_is_lost_and_only_the_line_may_be_empty(words: list[str]) -> None:
    text = " ".join(words)
    found = sentences(text)
    assert "".join(found).replace(" ", "") == text.replace(" ", "")
    assert all(found) or found == [""]


@pytest.mark.parametrize("unit", [".", "。", "Dr. ", '!"', '" ', ". ", "x! ", "- ", "a.b", "ab.Cd", "ab?Cd/ "])
def test_a_hundred_thousand_characters_take_no_time(unit: str) -> None:
    text = (unit * (100_000 // len(unit))).strip()
    began = time.process_time()
    sentences(text)
    assert time.process_time() - began < 10  # a quadratic search takes minutes


def test_a_run_of_quotation_marks_takes_no_time() -> None:
    for marks in ("»" * 10_000, "› " * 10_000, " »" * 10_000, '"»' * 5_000):
        assert "".join(sentences(f"Ja.{marks} x y")).replace(" ", "") == f"Ja.{marks}xy".replace(" ", "")
