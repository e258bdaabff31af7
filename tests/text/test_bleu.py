"""BLEU of any language: the tokenizer must fit its script."""

import pytest
import sacrebleu

from rnntext.text.bleu import bleu, tokenizer_for

CHINESE = ["磨坊主走到河边。", "他看见一只船，船是空的。"]
JAPANESE = ["粉屋は川へ歩いて行った。", "そこには船が一つあった。"]
THAI = ["คนโม่แป้งเดินไปที่แม่น้ำ", "เขาเห็นเรือลำหนึ่ง"]


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        (["The miller went to the river.", "Młynarz poszedł nad rzekę."], "13a"),
        (["Мельник пошёл к реке."], "13a"),
        (["방앗간 주인이 강으로 갔다."], "13a"),  # Korean has spaces
        (["The word 船 is a boat."], "13a"),
        (CHINESE, "zh"),
        (["他用 Linux 系统工作。"], "zh"),
        (JAPANESE, "char"),
        (THAI, "char"),
        (["安装 TensorFlow 和 NumPy"], "zh"),
        (["安装 TensorFlow 和 NumPy", "船在 https://example.org/Documents/Installation 下载"], "zh"),
        (["TensorFlow と NumPy をインストールする"], "char"),
        (["ติดตั้ง TensorFlow และ NumPy"], "char"),
        (["The temple 金閣寺 (きんかくじ) stands in the north of Kyoto."], "13a"),
        (["The temple วัดพระแก้ว stands in Bangkok."], "13a"),
        (["船"], "zh"),
        (["ふね"], "char"),
        (["", "12 + 3"], "13a"),
        ([], "13a"),
    ],
)
def test_the_script_decides_about_the_tokenizer(references: list[str], expected: str) -> None:
    assert tokenizer_for(references) == expected


@pytest.mark.parametrize(("references", "name"), [(CHINESE, "zh"), (JAPANESE, "char")])
def test_an_answer_that_is_nearly_right_is_worth_something_without_spaces_too(references: list[str], name: str) -> None:
    answers = [reference.replace("船", "舟") for reference in references]
    assert bleu(answers, references) == sacrebleu.corpus_bleu(answers, [references], tokenize=name).score
    assert 40 < bleu(answers, references) < 100
    assert bleu(references, references) == pytest.approx(100)


def test_names_of_latin_letters_do_not_make_chinese_latin() -> None:
    answers = ["安裝 TensorFlow 和 NumPy 的新版本"]
    references = ["安装 TensorFlow 和 NumPy 的新版本"]
    assert bleu(answers, references) == sacrebleu.corpus_bleu(answers, [references], tokenize="zh").score
    assert bleu(answers, references) > sacrebleu.corpus_bleu(answers, [references], tokenize="13a").score
