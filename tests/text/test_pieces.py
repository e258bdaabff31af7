"""SentencePiece models: what SentencePiece itself writes is let through, and nothing else."""

import io

import numpy as np
import pytest
import sentencepiece
from fuzz.mutants import message, piece, split_message

from rnntext.errors import CheckpointError, DataError
from rnntext.text.bpe_dropout import SubwordSampler
from rnntext.text.pieces import check_cuts, check_model
from rnntext.text.tokenizers import Subwords

SENTENCES = ["the mill by the river", "el molino junto al río", "a naïve café, 42 %", "ab ac ad ae af ag"] * 5


def learnt(**options: object) -> bytes:
    model = io.BytesIO()
    given = {"vocab_size": 300, "byte_fallback": True, "model_type": "bpe", "normalization_rule_name": "identity"}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES),
        model_writer=model,
        hard_vocab_limit=False,
        minloglevel=2,
        **(given | options),
    )
    return model.getvalue()


@pytest.fixture(scope="module")
def fields() -> list[bytes]:
    return split_message(learnt())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bos_id": -1, "eos_id": -1},
        {"byte_fallback": False, "vocab_size": 40},
        {"user_defined_symbols": ["<x>"]},
        {"model_type": "unigram", "byte_fallback": False, "vocab_size": 40},
    ],
    ids=str,
)
def test_what_sentencepiece_writes_is_let_through(options: dict[str, object]) -> None:
    check_model(learnt(**options))


def test_a_model_with_rules_of_normalisation_is_refused_and_not_called_damaged() -> None:
    with pytest.raises(CheckpointError, match=r"^the SentencePiece model has a table of normalisations"):
        check_model(learnt(normalization_rule_name="nmt_nfkc"))


@pytest.mark.parametrize("kind", ["word", "char"])
def test_a_model_of_another_kind_is_refused_and_not_called_damaged(kind: str) -> None:
    with pytest.raises(CheckpointError, match=r"^the SentencePiece model is neither unigram nor BPE"):
        check_model(learnt(model_type=kind, byte_fallback=False, vocab_size=20))


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (piece(b"", 0.0), "empty"),
        (piece(b"a\0b", 0.0), "empty"),
        (piece(b"<unk>", 0.0, 2), "twice"),
        (piece(b"<other>", 0.0, 2), "unknown"),
        (piece(b"xyz", float("nan")), "not a number"),
        (piece(b"xyz", 0.0, 7), "another form"),
        (piece(b"x" * 125, 0.0), "too long"),
        (piece(b"\xff", 0.0), "UTF-8"),
        (piece(b"<0xZZ>", 0.0, 6), "byte"),
        (b"\x0a\x7f\x0a\x05abc", "another form"),
    ],
    ids=repr,
)
def test_an_odd_piece_is_refused_before_sentencepiece_sees_it(fields: list[bytes], odd: bytes, reason: str) -> None:
    with pytest.raises(CheckpointError, match=reason):
        Subwords(odd + b"".join(fields))


def test_what_is_no_model_is_refused(fields: list[bytes]) -> None:
    whole = b"".join(fields)
    for data in (b"", b"\x0a", b"\x80" * 20, b"\x0b" * 20, whole[:-1], whole + b"\x12", whole + message(4, b"x")):
        with pytest.raises(CheckpointError, match="SentencePiece model is damaged"):
            check_model(data)


# How words are cut ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bos_id": -1, "eos_id": -1, "pad_id": 1},
        {"control_symbols": ["ab"]},
        {"split_digits": True, "split_by_number": False, "split_by_unicode_script": False},
        {"remove_extra_whitespaces": False, "allow_whitespace_only_pieces": True},
        {"character_coverage": 0.98},
        {"vocab_size": 290},
    ],
    ids=str,
)
def test_what_passes_is_cut_by_sentencepiece_as_by_the_sampler(options: dict[str, object]) -> None:
    subwords = Subwords(learnt(**options))
    check_cuts(subwords.model)
    sampler = SubwordSampler(subwords, rate=0.0, seed=0)
    texts = [*SENTENCES[:4], "42 % of 1234 <s> </s> <unk> <0x41>", "ab abab", "a\u0301 ▁▁ \u3000 тест 😀"]
    for text in texts:
        pieces = subwords.split(text)
        assert sampler.split(text, np.random.default_rng(0)) == pieces
        assert set(pieces) <= set(subwords.usable_pieces)
    ids, _ = subwords.piece_ids(texts)
    assert [subwords.pieces[index] for index in ids] == [piece for text in texts for piece in subwords.split(text)]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"model_type": "unigram"}, "--model_type=unigram"),
        ({"byte_fallback": False, "vocab_size": 40}, "without --byte_fallback"),
        ({"add_dummy_prefix": False}, "--add_dummy_prefix=false"),
        ({"treat_whitespace_as_suffix": True}, "--treat_whitespace_as_suffix"),
        ({"user_defined_symbols": ["mill"]}, "--user_defined_symbols"),
        ({"split_by_whitespace": False, "vocab_size": 400}, "--split_by_whitespace=false"),
    ],
    ids=str,
)
def test_a_model_that_cuts_in_another_way_is_told_by_its_settings(options: dict[str, object], reason: str) -> None:
    data = learnt(**options)
    check_model(data)
    with pytest.raises(DataError, match=rf"^the SentencePiece model was trained .*{reason}$"):
        check_cuts(data)


def test_pieces_that_are_not_used_are_refused(fields: list[bytes]) -> None:
    last = fields[-3]  # the settings follow
    data = b"".join([*fields[:-3], piece(last[4 : 4 + last[3]], -99.0, 5), *fields[-2:]])
    check_model(data)
    with pytest.raises(DataError, match="pieces that are unused"):
        check_cuts(data)
