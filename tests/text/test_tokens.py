"""Sentences to tokens, tokens to ids, and back again without a loss."""

import io
import itertools
from collections.abc import Sequence

import numpy as np
import pytest
import sentencepiece
from helpers import examples
from hypothesis import example, given
from hypothesis import strategies as st

from rnntext.errors import CheckpointError
from rnntext.storage.json_files import parse_json, to_json
from rnntext.text.bpe_dropout import SubwordSampler
from rnntext.text.normalize import normalize_line
from rnntext.text.tokenizers import Characters, Subwords, Words, tokenizer
from rnntext.text.tokens import END, PAD, RESERVED, START, UNKNOWN, Language, from_files, to_files

ENGLISH = "The miller walks to the mill, and the mill walks round the miller's mill; why not?"
POLISH = "Zażółć gęślą jaźń, a potem zażółć ją jeszcze raz!"
SENTENCES = [ENGLISH, POLISH] * 20

ODD = [
    "",
    " ",
    "  two  spaces   and\tmore \v\f here ",
    POLISH,
    "Привет, мир: съешь же ещё этих мягких булок",
    "你好，世界！今天天气很好。",
    "日本語 カタカナ 한국어 नमस्ते",
    "👍🏽 👩‍👩‍👧‍👦 🇨🇭 😀😀",
    "a \u2581 b \u2581\u2581c\u2581",  # SentencePiece's own sign for a space
    "a\u00a0b\u3000c\u2028d\x85e\u200bf\u2009g",  # spaces that are none
    "[UNK] <unk> <s> </s> <pad> [start] [end] [PAD] ▁ <0x41>",
    "\ufffd \ufeff \u202eabc\u202c \U0010ffff \ue000",
    "e\u0301 Å ﬁ ① İstanbul ß ǅ",
    "\x01\x02 \x1c\x1d\x1e\x1f \x7f",
    "x" * 300,
]
any_line = st.text(st.characters()) | st.text(
    st.sampled_from(" \t▁abc<0x>[UNK]é😀你\u3000\u0301\ue000\0\ud83d")
).filter(bool)


def learn(sentences: Sequence[str], size: int = 400, **options: object) -> bytes:
    """A SentencePiece model, learnt just as `train/pipelines.py` does it."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([s.replace("\u2581", "\U000f2581") for s in sentences]),
        model_writer=model,
        **{
            "model_type": "bpe",
            "vocab_size": size,
            "hard_vocab_limit": False,
            "normalization_rule_name": "identity",
            "byte_fallback": True,
            "character_coverage": 1.0,
            "num_threads": 2,
            "bos_id": -1,
            "eos_id": -1,
            "minloglevel": 2,
            **options,
        },
    )
    return model.getvalue()


def subword_language(model: bytes) -> Language:
    subwords = Subwords(model)
    p = subwords.processor
    pieces = [p.id_to_piece(i) for i in range(p.get_piece_size()) if not p.is_unknown(i) and not p.is_control(i)]
    return Language(subwords, pieces)


@pytest.fixture(scope="module")
def model() -> bytes:
    return learn(SENTENCES)


@pytest.fixture(scope="module")
def subwords(model: bytes) -> Language:
    return subword_language(model)


# Subwords -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ODD)
def test_any_sentence_survives_subwords(subwords: Language, text: str) -> None:
    line = normalize_line(text)
    assert subwords.decode(subwords.encode(line)) == line.replace("\ufffd", "")


@examples
@given(text=any_line)
@example(text="\ud83d\ude00 \udcff")
def test_any_line_at_all_survives_subwords(subwords: Language, text: str) -> None:
    line = normalize_line(text)
    ids = subwords.encode(line)
    assert subwords.decode(ids) == line.replace("\ufffd", "")
    assert ids.dtype == np.int32
    assert (ids >= RESERVED).all()  # bytes stand for what is not in the vocabulary: nothing is unknown


def test_known_words_become_few_pieces_and_unknown_characters_bytes(subwords: Language) -> None:
    assert subwords.tokenizer.split("the mill") == ["▁the", "▁mill"]
    assert subwords.tokenizer.split("你") == ["▁", *(f"<0x{byte:02X}>" for byte in "你".encode())]
    assert len(subwords.encode(ENGLISH)) < len(ENGLISH) / 3


@examples
@given(st.lists(any_line.map(normalize_line) | st.sampled_from(["", "the mill", ENGLISH]), max_size=5))
@example([])
@example(["", "the mill", "the mill  the", "", "mill"])
@example([normalize_line(line) for line in ODD])
def test_many_sentences_are_cut_as_each_is_alone(subwords: Language, lines: list[str]) -> None:
    cut = subwords_of(subwords)
    ids, lengths = cut.piece_ids(lines)
    pieces = iter(cut.pieces[index] for index in ids)
    assert [list(itertools.islice(pieces, length)) for length in lengths] == [cut.split(line) for line in lines]
    assert next(pieces, None) is None


def subwords_of(language: Language) -> Subwords:
    assert isinstance(language.tokenizer, Subwords)
    return language.tokenizer


def test_a_sampled_segmentation_is_another_one_of_the_same_text(subwords: Language) -> None:
    cut, generator = subwords_of(subwords), np.random.default_rng(1)
    text = normalize_line(f"{ENGLISH} \u2581 {POLISH} 😀")
    sampler = SubwordSampler(cut, 0.5, seed=1)
    sampled = [sampler.split(text, generator) for _ in range(5)]
    assert {cut.join(pieces) for pieces in sampled} == {text}
    assert len({tuple(pieces) for pieces in sampled}) == 5
    assert all(piece in subwords.ids for pieces in sampled for piece in pieces)
    assert sum(map(len, sampled)) / 5 > 1.3 * len(cut.split(text))


def test_the_same_seeds_sample_the_same(subwords: Language) -> None:
    found = [
        SubwordSampler(subwords_of(subwords), 0.3, seed).split(POLISH, np.random.default_rng(draw))
        for seed, draw in [(1, 1), (1, 1), (2, 1), (1, 2)]
    ]
    assert found[0] == found[1]
    assert found[0] not in found[2:]


@pytest.mark.parametrize("text", [line for line in map(normalize_line, [*ODD, ENGLISH]) if line])
def test_with_a_rate_of_zero_the_sampled_segmentation_is_sentencepieces(subwords: Language, text: str) -> None:
    cut = subwords_of(subwords)
    assert SubwordSampler(cut, 0.0, 1).split(text, np.random.default_rng(1)) == cut.split(text)


def test_no_answer_may_contain_a_control_character_from_bytes(subwords: Language) -> None:
    controls = {subwords.ids[f"<0x{byte:02X}>"] for byte in range(0x20)}
    assert {token for token in subwords.forbidden if isinstance(token, int)} == {PAD, UNKNOWN, START} | controls
    assert END not in subwords.forbidden
    assert subwords.ids["<0x20>"] not in subwords.forbidden


@examples
@given(st.lists(st.integers(0, 700)))
def test_whatever_is_decoded_is_one_line(subwords: Language, ids: list[int]) -> None:
    text = subwords.decode([index for index in ids if index < len(subwords)])
    assert "\n" not in text
    assert "\r" not in text


def test_line_breaks_in_bytes_become_spaces(subwords: Language) -> None:
    ids = [subwords.ids[piece] for piece in ("▁the", "<0x0A>", "▁mill", "<0x0D>", "<0x0A>")]
    assert subwords.decode(ids) == "the  mill  "


@pytest.mark.parametrize("model", [b"", b"garbage", b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x0f"])
def test_a_damaged_sentencepiece_model_is_a_damaged_checkpoint(model: bytes) -> None:
    with pytest.raises(CheckpointError, match="the SentencePiece model is damaged"):
        Subwords(model)


# Characters -----------------------------------------------------------------------------------------------------------


def test_a_space_is_a_character_too() -> None:
    assert Characters().split("a b\u2581") == ["a", "▁", "b", "\U000f2581"]
    assert Characters().join(["a", "▁", "b", "\U000f2581"]) == "a b\u2581"


@examples
@given(any_line)
def test_any_line_survives_characters(text: str) -> None:
    line = normalize_line(text).replace("\U000f2581", "")
    tokens = Characters().split(line)
    assert Characters().join(tokens) == line
    assert len(tokens) == len(line)
    assert not any(set(token) & set(" \t\n\v\f\r") for token in tokens)


# Words ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The miller's mill.", ["The", "miller's", "mill", "."]),
        ("rock'n'roll, it\u2019s 3.5%", ["rock'n'roll", ",", "it\u2019s", "3", ".", "5", "%"]),
        ("¿Qué? (sí)", ["¿", "Qué", "?", "(", "sí", ")"]),
        ("well-known...", ["well", "-", "known", ".", ".", "."]),
        ("'quoted'", ["'", "quoted", "'"]),
        ("snake_case Zażółć привет", ["snake_case", "Zażółć", "привет"]),
        ("\u3000wide\u00a0space\u2003", ["wide", "space"]),
        ("😀!", ["😀", "!"]),
        ("\u3000", []),
    ],
)
def test_words_and_marks_are_tokens(text: str, tokens: list[str]) -> None:
    assert Words().split(text) == tokens


@pytest.mark.parametrize(
    "text",
    [
        "The miller's mill, the mill: why? Because!",
        "¿Qué? ¡Sí! (a, b) [c] {d}",
        "„Ja“ … no",
        "wait... what?!",
        "50% of it; rest",
        "",
    ],
)
def test_words_are_joined_as_they_are_written(text: str) -> None:
    expected = text.replace("„Ja“ …", "„Ja “…")  # which of the marks opens depends on the language
    assert Words().join(Words().split(text)) == expected


@examples
@given(any_line)
def test_words_keep_all_but_the_spaces(text: str) -> None:
    line = normalize_line(text)
    tokens = Words().split(line)
    assert "".join(tokens) == "".join(line.split())
    assert Words().split(Words().join(tokens)) == tokens
    assert all(token and not any(c.isspace() for c in token) for token in tokens)


# Ids ------------------------------------------------------------------------------------------------------------------


def test_ids_begin_after_the_reserved_ones() -> None:
    language = Language(Words(), ["b", "a", "."])
    assert (len(language), RESERVED) == (7, 4)
    assert language.encode("a b, b.").tolist() == [5, 4, UNKNOWN, 4, 6]
    assert language.encode("").shape == (0,)
    assert language.decode([5, 4, 6]) == "a b."


def test_reserved_ids_are_left_out_of_a_sentence() -> None:
    language = Language(Words(), ["a", "b"])
    assert language.decode([START, 4, UNKNOWN, 5, PAD, END, PAD]) == "a b"
    assert language.decode(np.array([4, END])) == "a"


RESERVED_NAMES = ["[UNK]", "<unk>", "<s>", "</s>", "<pad>", "[start]", "[end]", "[PAD]", "0", "1", "2", "3"]


@pytest.mark.parametrize("text", RESERVED_NAMES)
def test_nobody_can_type_in_a_reserved_id(subwords: Language, text: str) -> None:
    every_character = Language(Characters(), sorted(set("".join(RESERVED_NAMES))))
    for language in (subwords, every_character):
        ids = language.encode(text)
        assert (ids >= RESERVED).all()
        assert language.decode(ids) == text
    assert Language(Words(), [text]).ids == {text: RESERVED}  # even as a token it is an ordinary one


def test_unknown_words_and_characters_are_unknown() -> None:
    assert Language(Characters(), ["a", "▁"]).encode("a b").tolist() == [4, 5, UNKNOWN]
    assert Language(Words(), []).encode("any thing").tolist() == [UNKNOWN, UNKNOWN]


@pytest.mark.parametrize(
    "damaged", [None, 5, ["a", "a"], ["a", ""], ["a", 1], ["a", None], [["a"]], [True], {"a": 1, "": 2}]
)
def test_a_damaged_vocabulary_is_refused(damaged: object) -> None:
    with pytest.raises(CheckpointError, match="every entry must be a token, once"):
        Language(Words(), damaged)  # type: ignore[arg-type]


@pytest.mark.parametrize("breaking", ["\n", "a\nb", "\r", "\r\n"])
def test_a_vocabulary_of_line_breaks_cannot_break_a_line(breaking: str) -> None:
    for cut in (Words(), Characters()):
        text = Language(cut, ["x", breaking]).decode([4, 5, 4])
        assert "\n" not in text
        assert "\r" not in text


def test_an_answer_is_neither_blank_nor_shows_damage(subwords: Language) -> None:
    language = Language(Characters(), ["a", "▁", "\ufffd", "\u3000"])
    space, damage, wide = range(5, 8)
    assert damage in language.forbidden
    pairs = {pair for pair in language.forbidden if isinstance(pair, tuple)}
    assert pairs == {(blank, after) for blank in (space, wide) for after in (END, space, wide)}
    invalid = [subwords.ids[token] for token in ("▁the", "<0xE4>", "<0xBD>", "▁mill", "<0xFF>")]
    assert subwords.decode(invalid) == "the mill"
    whole = [subwords.ids[token] for token in ("<0xE4>", "<0xBD>", "<0xA0>")]
    assert subwords.decode(whole) == "你"


# Files ----------------------------------------------------------------------------------------------------------------


def stored(source: Language, target: Language) -> dict[str, object]:
    """What a checkpoint gives back after it was written."""
    files = to_files(source, target)
    return {n: v if isinstance(v, bytes) else parse_json(to_json(v), "x") for n, v in files.items()}  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["word", "char", "subword"])
@pytest.mark.parametrize("joint", [True, False])
def test_languages_come_back_from_their_files(kind: str, joint: bool, model: bytes, subwords: Language) -> None:
    other = subword_language(learn([POLISH] * 20, 300))
    sides = {
        "word": (Language(Words(), ["b", "a"]), Language(Words(), ["c"])),
        "char": (Language(Characters(), ["é", "▁"]), Language(Characters(), ["\u2028", "😀"])),
        "subword": (subwords, other),
    }[kind]
    source, target = (sides[0], sides[0]) if joint else sides
    files = stored(source, target)
    names = itertools.product(
        ["tokens"] if joint else ["source", "target"], ["json", "model"] if kind == "subword" else ["json"]
    )
    assert set(files) == {".".join(name) for name in names}
    found = from_files(kind, joint, files)
    assert (found[0] is found[1]) == joint
    assert [side.tokens for side in found] == [source.tokens, target.tokens]
    assert [side.encode(POLISH).tolist() for side in found] == [s.encode(POLISH).tolist() for s in (source, target)]


@pytest.mark.parametrize(
    ("kind", "joint", "missing"),
    [("word", True, "tokens.json"), ("char", False, "target.json"), ("subword", True, "tokens.model")],
)
def test_a_missing_file_is_a_damaged_checkpoint(kind: str, joint: bool, missing: str, subwords: Language) -> None:
    cut = subwords.tokenizer if kind == "subword" else tokenizer(kind, None)
    files = stored(*((Language(cut, ["a"]),) * 2)) if joint else stored(Language(cut, ["a"]), Language(cut, ["b"]))
    del files[missing]
    what = "SentencePiece model" if missing.endswith("model") else missing
    with pytest.raises(CheckpointError, match=f"{what} is missing"):
        from_files(kind, joint, files)
