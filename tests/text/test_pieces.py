"""SentencePiece models: what SentencePiece itself writes is let through, and nothing else."""

import io

import pytest
import sentencepiece
from fuzz.mutants import message, piece, split_message

from rnntext.errors import CheckpointError
from rnntext.text.pieces import check_model
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


def test_a_model_with_rules_of_normalisation_is_refused() -> None:
    with pytest.raises(CheckpointError, match="table of normalisations"):
        check_model(learnt(normalization_rule_name="nmt_nfkc"))


@pytest.mark.parametrize("kind", ["word", "char"])
def test_a_model_of_another_kind_is_refused(kind: str) -> None:
    with pytest.raises(CheckpointError, match="unigram or BPE"):
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
