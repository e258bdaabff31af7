"""Training a translation model: resume, champion, and what is wrong with data is said in one line."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import sacrebleu
import safetensors.numpy
import sentencepiece

import rnntext
from rnntext.errors import DataError, InputOutputError, RnntextError, StoppedError, UsageError
from rnntext.jobs.pairs import given_files
from rnntext.jobs.promotion import Outcome
from rnntext.jobs.train_translate import train_translate
from rnntext.settings.search import SearchConfig
from rnntext.settings.training import JobConfig
from rnntext.settings.translator import GRUConfig, HybridConfig, TransformerConfig, TranslatorTraining
from rnntext.storage.models import versions
from rnntext.text.tokenizers import Subwords
from rnntext.text.tokens import Language
from rnntext.watch.observer import Observer

PAIRS = [
    (f"{a} {b} {c} {n}", f"{n} {c} {b} {a}!")
    for n in ("one", "two", "three")
    for a in ("the", "a")
    for b in ("old", "new", "wet")
    for c in ("mill", "boat", "lamp", "letter")
]
TRANSFORMER = TransformerConfig(layers=1, units=8, heads=2, feedforward=8)
HYBRID = HybridConfig(layers=1, decoder_layers=1, units=8, heads=2, feedforward=8)
GRU = GRUConfig(layers=2, units=5, embedding=4)
TRAINING = TranslatorTraining(steps=9, vocabulary_size=290, batch_tokens=120, dropout=0.3, average=0.5, warmup=3)
SHORT = dataclasses.replace(TRAINING, steps=2)
pytestmark = pytest.mark.usefixtures("eager")
JOB = {field.name for field in dataclasses.fields(JobConfig)}
both = pytest.mark.parametrize("model", [TRANSFORMER, GRU], ids=["transformer", "gru"])


@pytest.fixture
def tsv(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{a}\t{b}\tignored\n" for a, b in PAIRS))
    return path


def train(pairs: Path, path: Path, model=TRANSFORMER, training=SHORT, **options) -> Outcome:
    job = JobConfig(**{name: options.pop(name) for name in JOB & options.keys()})
    return train_translate(str(pairs), path, model, training, job=job, **options)


def weights(path: Path) -> dict[str, np.ndarray]:
    newest = versions(path)[-1]
    return safetensors.numpy.load((path / "versions" / newest / "weights.safetensors").read_bytes())


class Listener(Observer):
    """Keeps what is worth knowing."""

    def __init__(self, said: list[str]) -> None:
        self.said = said

    def note(self, message):
        self.said.append(message)


class StopAt(Observer):
    """Sends a signal after certain steps."""

    def __init__(self, *steps: int) -> None:
        self.steps = steps

    def step(self, progress):
        if progress.step in self.steps:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.graph
@pytest.mark.parametrize(
    ("model", "options"),
    [(TRANSFORMER, {"subword_sampling": 0.1, "accumulate": 2}), (dataclasses.replace(GRU, layers=1), {})],
    ids=["transformer, sampled", "gru, plain"],
)
def test_a_training_stopped_once_ends_with_the_same_bytes(tsv, tmp_path, model, options):
    check_stopped(tsv, tmp_path, model, dataclasses.replace(TRAINING, **options), 5)


@pytest.mark.parametrize("model", [TRANSFORMER, HYBRID], ids=["transformer", "hybrid"])
def test_a_training_stopped_twice_ends_with_the_same_bytes(tsv, tmp_path, model):
    check_stopped(tsv, tmp_path, model, TRAINING, 2, 7)


def check_stopped(tsv, tmp_path, model, training, *stops):
    train(tsv, tmp_path / "whole", model, training)
    for step in stops:
        with pytest.raises(StoppedError):
            train(tsv, tmp_path / "cut", model, training, observer=StopAt(step))
    train(tsv, tmp_path / "cut", model, training)
    expected, found = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert expected.keys() == found.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, name)


@both
@pytest.mark.graph
def test_the_stored_model_translates_and_its_score_is_that_of_the_held_out_pairs(tsv, tmp_path, model):
    held_out = tmp_path / "held.tsv"
    held_out.write_text("the new old lamp\tlamp old new the!\na wet mill\tmill wet a!\n")
    outcome = train(tsv, tmp_path / "m", model, TRAINING, validation=str(held_out))
    loaded = rnntext.load(tmp_path / "m")
    found = list(loaded.translate(["the new old lamp", "a wet mill"], search=SearchConfig(beam=1)))
    assert outcome.score == sacrebleu.corpus_bleu(found, [["lamp old new the!", "mill wet a!"]]).score
    assert outcome.promoted
    assert loaded.checkpoint.manifest["pairs"] == len(PAIRS)


def test_the_data_of_an_unfinished_training_stay_as_they_were(tsv, tmp_path):
    train(tsv, tmp_path / "whole")
    with pytest.raises(StoppedError):
        train(tsv, tmp_path / "cut", observer=StopAt(1))
    tsv.write_text("something\taltogether different\n")
    train(tsv, tmp_path / "cut")
    np.testing.assert_array_equal(weights(tmp_path / "cut")["logits.bias"], weights(tmp_path / "whole")["logits.bias"])


def test_another_command_does_not_go_on(tsv, tmp_path):
    with pytest.raises(StoppedError):
        train(tsv, tmp_path / "m", observer=StopAt(1))
    with pytest.raises(UsageError, match=r"--architecture transformer -> gru.*--units 8 -> 5"):
        train(tsv, tmp_path / "m", GRU)
    with pytest.raises(UsageError, match=r"--smoothing 0\.1 -> 0\.2"):
        train(tsv, tmp_path / "m", training=dataclasses.replace(SHORT, smoothing=0.2))
    with pytest.raises(UsageError, match=r"--reverse False -> True"):
        train(tsv, tmp_path / "m", reverse=True)


@pytest.mark.parametrize("tokens", ["word", "char"])
@pytest.mark.parametrize("joint", [True, False])
def test_all_kinds_of_tokens_and_vocabularies_are_stored_and_loaded(tsv, tmp_path, tokens, joint):
    model = dataclasses.replace(TRANSFORMER, tokens=tokens, joint=joint)
    train(tsv, tmp_path / "m", model)
    loaded = rnntext.load(tmp_path / "m")
    assert loaded.config == model
    assert len(list(loaded.translate(["the old mill", "", "nothing known ☃"]))) == 3


def test_reverse_swaps_the_sides_of_training_and_held_out_pairs(tsv, tmp_path):
    swapped = tmp_path / "swapped.tsv"
    swapped.write_text("".join(f"{b}\t{a}\n" for a, b in PAIRS))
    train(tsv, tmp_path / "m", reverse=True)
    train(swapped, tmp_path / "n")
    np.testing.assert_array_equal(weights(tmp_path / "m")["logits.bias"], weights(tmp_path / "n")["logits.bias"])


def test_aligned_files_are_the_same_as_pairs(tsv, tmp_path):
    for side in (0, 1):
        (tmp_path / f"side{side}").write_text("".join(pair[side] + "\n" for pair in PAIRS))
    train(tsv, tmp_path / "m")
    train_translate((str(tmp_path / "side0"), str(tmp_path / "side1")), tmp_path / "n", TRANSFORMER, SHORT)
    np.testing.assert_array_equal(weights(tmp_path / "m")["logits.bias"], weights(tmp_path / "n")["logits.bias"])


def test_a_worse_model_does_not_replace_a_better_one(tsv, tmp_path, monkeypatch):
    scores = iter([50.0, 40.0, 30.0, 40.0, 60.0])  # of a first run, and of two warm starts: before and after it
    evaluate = "rnntext.train.translator_task.TranslatorTask.evaluate"
    monkeypatch.setattr(evaluate, lambda self, values: {"bleu": next(scores), "nats_per_token": 1.0})
    monkeypatch.setattr("rnntext.jobs.pairs.bleu", lambda translations, references: 50.0)
    assert train(tsv, tmp_path / "m").promoted
    worse = train(tsv, tmp_path / "m", force=True)
    assert (worse.promoted, worse.champion) == (False, 50.0)
    assert "the version in service is better (50.0000)" in worse.sentence("m")
    assert train(tsv, tmp_path / "m", force=True).promoted


def test_a_warm_start_that_gets_no_better_keeps_what_it_began_with(tsv, tmp_path, monkeypatch):
    scores = iter([50.0, 50.0, 40.0])
    evaluate = "rnntext.train.translator_task.TranslatorTask.evaluate"
    monkeypatch.setattr(evaluate, lambda self, values: {"bleu": next(scores), "nats_per_token": 1.0})
    monkeypatch.setattr("rnntext.jobs.pairs.bleu", lambda translations, references: 50.0)
    train(tsv, tmp_path / "m")
    before = weights(tmp_path / "m")
    said: list[str] = []
    again = train(tsv, tmp_path / "m", force=True, observer=Listener(said))
    assert (again.version, again.promoted, again.score) == ("000002", True, 50.0)
    assert "nothing was better than the weights that the run began with: they stay" in said
    for name, array in weights(tmp_path / "m").items():
        np.testing.assert_array_equal(array, before[name], name)


def test_champion_and_challenger_are_measured_alike(tsv, tmp_path):
    held_out = tmp_path / "held.tsv"  # lines that a user's translation would split, or read in small letters
    held_out.write_text("the mill. the boat.\tboat mill the!\nA WET\u00a0MILL\tmill wet a!\n")
    first = train(tsv, tmp_path / "m", training=TRAINING, validation=str(held_out))
    second = train(tsv, tmp_path / "m", training=TRAINING, validation=str(held_out), warm_start=False)
    assert second.champion == first.score == second.score


def test_a_model_of_another_kind_is_not_replaced(tsv, tmp_path):
    from helpers import alphabet_weights, save_charlm

    save_charlm(tmp_path / "m", *alphabet_weights())
    with pytest.raises(UsageError, match="this is a charlm model"):
        train(tsv, tmp_path / "m")


def test_patience_ends_a_run_that_gets_no_better(tsv, tmp_path, monkeypatch):
    from rnntext.train import schedule

    plan = schedule.plan_steps
    monkeypatch.setattr(schedule, "plan_steps", lambda *a: dataclasses.replace(plan(*a), evaluate_every=1))
    scores = iter([1.0, 3.0, 2.0, 2.0, 9.0])
    evaluate = "rnntext.train.translator_task.TranslatorTask.evaluate"
    monkeypatch.setattr(evaluate, lambda self, values: {"bleu": next(scores), "nats_per_token": 1.0})
    outcome = train(tsv, tmp_path / "m", training=dataclasses.replace(TRAINING, patience=2))
    assert (outcome.steps, outcome.score) == (4, 3.0)


# Data -----------------------------------------------------------------------------------------------------------------


def test_pairs_whose_source_is_held_out_are_not_trained_on(tsv, tmp_path):
    held_out = tmp_path / "held.tsv"
    held_out.write_text("".join(f"{a}\tx\n" for a, _ in PAIRS[:5]))
    said: list[str] = []
    train(tsv, tmp_path / "m", validation=str(held_out), observer=Listener(said))
    assert "left out: 5 pairs whose source is held out" in said
    assert rnntext.load(tmp_path / "m").checkpoint.manifest["pairs"] == len(PAIRS) - 5


def test_long_pairs_and_empty_sides_are_left_out_and_counted(tsv, tmp_path):
    tsv.write_text(tsv.read_text() + "only\t\n \tone\n" + "very " * 400 + "\tlong\n")
    said: list[str] = []
    train(tsv, tmp_path / "m", observer=Listener(said))
    assert "left out: 2 pairs with an empty side" in said
    assert f"left out: 1 pair with no token or more than {SHORT.longest} on a side" in said


def test_too_large_a_vocabulary_is_lowered_with_a_word(tsv, tmp_path):
    said: list[str] = []
    train(tsv, tmp_path / "m", training=dataclasses.replace(SHORT, vocabulary_size=8000), observer=Listener(said))
    assert any("too small for a vocabulary of 8000" in line for line in said)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no pair of sentences"),
        ("a\tb\nno tab here\n", "line 2: no TAB"),
        ("\tb\na\t\n", "no pair of sentences"),
        ("one\tpair\n", "too few to hold some out"),
        ("".join(f"sentence {n}\tthe same\n" for n in range(50)), "all targets are the same sentence"),
        ("".join(f"the same\tsentence {n}\n" for n in range(50)), "too few to hold some out"),
    ],
)
def test_data_that_nothing_can_be_learnt_from_are_one_line(tmp_path, content, message):
    (tmp_path / "bad.tsv").write_text(content)
    with pytest.raises(DataError, match=message) as error:
        train(tmp_path / "bad.tsv", tmp_path / "m")
    assert "bad.tsv" in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "m" / "run").exists()


def test_a_missing_file_or_an_unequal_pair_of_files_is_one_line(tmp_path):
    (tmp_path / "a").write_text("1\n2\n3\n")
    (tmp_path / "b").write_text("1\n2\n")
    with pytest.raises(DataError, match=r"a has 3 lines and .*b 2"):
        train_translate((str(tmp_path / "a"), str(tmp_path / "b")), tmp_path / "m", TRANSFORMER, SHORT)
    with pytest.raises(RnntextError, match="No such file"):
        train(tmp_path / "missing.tsv", tmp_path / "m")


def test_a_run_that_has_learnt_nothing_yet_does_not_hold_up_another_command(tsv, tmp_path, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("rnntext.train.loop.Loop.run", fail)
        with pytest.raises(KeyboardInterrupt):
            train(tsv, tmp_path / "m")
    assert (tmp_path / "m" / "run" / "settings.json").exists()
    assert train(tsv, tmp_path / "m", training=dataclasses.replace(SHORT, dropout=0.1)).promoted


def test_a_model_of_the_other_direction_stays_in_service(tsv, tmp_path):
    train(tsv, tmp_path / "m")
    outcome = train(tsv, tmp_path / "m", reverse=True)
    assert not outcome.promoted
    assert "translates the other way" in outcome.sentence("m")


def test_a_first_version_that_has_not_seen_all_data_says_so(tsv, tmp_path):
    said: list[str] = []
    training = dataclasses.replace(SHORT, time_limit=3600.0)
    train(tsv, tmp_path / "model", training=training, observer=Listener(said))
    (remark,) = [message for message in said if "of the data" in message]
    assert "first version has seen" in remark
    assert "(2 of " in remark
    train(tsv, tmp_path / "model", training=training, observer=Listener(said), force=True)
    assert sum("of the data" in message for message in said) == 1  # the second version begins with the first one


def test_held_out_pairs_are_as_short_as_those_trained_on(tsv, tmp_path):
    held_out = tmp_path / "held.tsv"
    held_out.write_text("the new mill\tmill\n" + "very " * 400 + "\tlong\n")
    train(tsv, tmp_path / "m", validation=str(held_out))
    assert rnntext.load(tmp_path / "m").checkpoint.manifest["held_out"] == 1


def test_a_model_knows_how_long_the_sentences_were_that_it_learnt_from(tsv, tmp_path):
    words = dataclasses.replace(TRANSFORMER, tokens="word")
    train(tsv, tmp_path / "m", words, dataclasses.replace(SHORT, longest=100))
    model = rnntext.load(tmp_path / "m")
    most = 4  # words: "the old mill one"
    assert model.longest == model.checkpoint.manifest["longest"] == most
    usual = model.lines.training_text
    assert usual.characters is not None
    assert (usual.sentences, usual.tokens, usual.characters["p"]) == (1, most, 18)


def test_stdin_is_read_only_once(tmp_path):
    with pytest.raises(UsageError, match="only once"):
        train_translate(("-", "-"), tmp_path / "m", TRANSFORMER, SHORT)


def test_more_characters_than_the_vocabulary_holds_become_bytes(tmp_path):
    path = tmp_path / "many.tsv"
    path.write_text("".join(f"{chr(0x4E00 + n)}{chr(0x4E01 + n)}\t{chr(0x5E00 + n)}\n" for n in range(700)))
    train(path, tmp_path / "m", training=dataclasses.replace(SHORT, vocabulary_size=400))
    assert len(rnntext.load(tmp_path / "m").source.tokens) <= 400


@pytest.mark.parametrize(
    ("value", "expected"), [("a", "a"), (Path("a"), "a"), (["a", Path("b")], ("a", "b")), (("a", "b"), ("a", "b"))]
)
def test_pairs_are_in_one_file_or_in_two(value, expected):
    assert given_files("pairs", value) == expected


@pytest.mark.parametrize("value", [["a"], [], ("a", "b", "c"), ["a", ["b"]]])
def test_other_numbers_of_files_are_refused(value):
    with pytest.raises(UsageError, match=r"^pairs .*: (give one file of pairs, or two aligned files|must be a text)$"):
        given_files("pairs", value)


# Subwords that exist already ------------------------------------------------------------------------------------------


ELSEWHERE = ["the old mill", "a new boat", "one wet letter"] * 5


def learnt_elsewhere(path: Path, sentences: Sequence[str] = ELSEWHERE, **options: object) -> Path:
    """A SentencePiece model of another program."""
    given = {"vocab_size": 300, "byte_fallback": True, "model_type": "bpe", "normalization_rule_name": "identity"}
    with path.open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=file,
            hard_vocab_limit=False,
            minloglevel=2,
            **(given | options),
        )
    return path


@pytest.mark.parametrize("joint", [True, False])
def test_subwords_of_an_existing_model_are_taken_as_they_are(tsv: Path, tmp_path: Path, joint: bool) -> None:
    given = learnt_elsewhere(tmp_path / "spm.model")
    model = dataclasses.replace(GRU, joint=joint)
    train(tsv, tmp_path / "m", model, sentencepiece=given)
    files = tmp_path / "m" / "versions" / "000001"
    processor = sentencepiece.SentencePieceProcessor(model_file=str(given))
    words = [processor.id_to_piece(i) for i in range(processor.get_piece_size()) if not processor.is_unknown(i)]
    words = [word for word in words if word not in ("<s>", "</s>")]
    for side in ("tokens",) if joint else ("source", "target"):
        assert (files / f"{side}.model").read_bytes() == given.read_bytes()
        assert json.loads((files / f"{side}.json").read_text()) == words
    assert train(tsv, tmp_path / "m", model, sentencepiece=given).state == "unchanged"


def test_other_subwords_than_those_in_service_are_refused_unless_they_are_to_be_replaced(
    tsv: Path, tmp_path: Path
) -> None:
    train(tsv, tmp_path / "m", GRU)
    given = learnt_elsewhere(tmp_path / "spm.model")
    with pytest.raises(UsageError, match="the version in service has other subwords; add --relearn-tokens"):
        train(tsv, tmp_path / "m", GRU, sentencepiece=given)
    assert train(tsv, tmp_path / "m", GRU, sentencepiece=given, relearn_tokens=True).version == "000002"
    assert (tmp_path / "m" / "versions" / "000002" / "tokens.model").read_bytes() == given.read_bytes()


def test_a_training_goes_on_with_the_subwords_that_it_began_with(tsv: Path, tmp_path: Path) -> None:
    given = learnt_elsewhere(tmp_path / "spm.model")
    other = learnt_elsewhere(tmp_path / "other.model", vocab_size=290)
    with pytest.raises(StoppedError):
        train(tsv, tmp_path / "m", GRU, sentencepiece=given, observer=StopAt(1))
    for changed in (other, None):
        with pytest.raises(UsageError, match=r"an unfinished training began with other options .*--sentencepiece"):
            train(tsv, tmp_path / "m", GRU, sentencepiece=changed)
    assert train(tsv, tmp_path / "m", GRU, sentencepiece=given).version == "000001"


@pytest.mark.parametrize(
    "options",
    [
        {"normalization_rule_name": "nmt_nfkc"},
        {"model_type": "unigram"},
        {"byte_fallback": False, "vocab_size": 40},
        {"add_dummy_prefix": False},
        {"user_defined_symbols": ["qqq"]},
    ],
    ids=str,
)
def test_subwords_that_are_cut_in_another_way_are_refused_before_anything_is_read(
    tmp_path: Path, options: dict[str, object]
) -> None:
    given = learnt_elsewhere(tmp_path / "spm.model", **options)
    with pytest.raises(
        DataError, match=r"^--sentencepiece.*; train it with --model_type=bpe --normalization_rule_name"
    ):
        train(tmp_path / "no pairs", tmp_path / "m", GRU, sentencepiece=given, teacher="nobody")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("dry_run", [False, True])
def test_other_subwords_than_those_in_service_are_refused_before_anything_is_read(
    tsv: Path, tmp_path: Path, dry_run: bool
) -> None:
    train(tsv, tmp_path / "m", GRU)
    given = learnt_elsewhere(tmp_path / "spm.model")
    with pytest.raises(UsageError, match="other subwords; add --relearn-tokens"):
        train(tmp_path / "no pairs", tmp_path / "m", GRU, sentencepiece=given, teacher="nobody", dry_run=dry_run)


def test_subwords_are_a_vocabulary_of_the_pieces_that_text_can_have(tsv: Path, tmp_path: Path) -> None:
    given = learnt_elsewhere(tmp_path / "spm.model", control_symbols=["<en>", "<de>"])
    train(tsv, tmp_path / "m", GRU, sentencepiece=given)
    model = rnntext.load(tmp_path / "m")
    assert not {"<en>", "<de>", "<s>", "<unk>"} & set(model.source.tokens)
    assert model.checkpoint.json("config.json")["training"]["vocabulary_size"] == len(model.source.tokens)


def test_pieces_with_white_space_in_them_do_not_shift_the_others(tsv: Path, tmp_path: Path) -> None:
    """SentencePiece learns tabs, too, if the text that it learns from has some."""
    from rnntext.train.pipelines import Vectorizer

    given = learnt_elsewhere(tmp_path / "spm.model", sentences=["the\told mill", "\t", "a new\tboat"] * 5)
    subwords = Subwords(given.read_bytes())
    assert any("\t" in one for one in subwords.pieces)
    language = Language(subwords, subwords.usable_pieces)
    text = " ".join([*"abdehilmntw", "the old mill"])
    ids, _ = Vectorizer(language)([text])
    assert ids.tolist() == language.encode(text).tolist()


def test_what_is_no_sentencepiece_model_is_named(tsv: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"--sentencepiece .*pairs.tsv: the SentencePiece model is damaged"):
        train(tsv, tmp_path / "m", GRU, sentencepiece=tsv)
    with pytest.raises(InputOutputError, match=r"none\.model: "):
        train(tsv, tmp_path / "m", GRU, sentencepiece=tmp_path / "none.model")
    with pytest.raises(UsageError, match="--tokens word has no subwords"):
        train(tsv, tmp_path / "m", dataclasses.replace(GRU, tokens="word"), sentencepiece=tsv)
