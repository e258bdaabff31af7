"""A teacher's translations in the places of targets: which, from whom, how often, and what a kill leaves."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from helpers import alphabet_weights, save_charlm, save_translator, shifting_weights

import rnntext
from rnntext.errors import StoppedError, UsageError
from rnntext.jobs import taught_pairs
from rnntext.jobs.teaching import IN_SERVICE, Teaching
from rnntext.jobs.translation import TranslationModel

PAIRS = [("hal", "people say this"), ("the cat", "people say that"), ("hal", "and this"), ("a", "b")]
LEARNT = [("hal", "ibm"), ("the cat", "uif dbu"), ("hal", "ibm"), ("a", "b")]


@pytest.fixture
def teacher(tmp_path: Path) -> str:
    """The folder of a model that moves each letter on by one."""
    return str(save_translator(tmp_path / "teacher", *shifting_weights(), longest=30))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What teachers are asked for, in this process."""
    sentences: list[str] = []
    translate = TranslationModel.translate

    def heard(self: TranslationModel, lines: list[str], **options: Any) -> Any:
        sentences.extend(lines)
        return translate(self, lines, **options)

    class Here:
        """Workers that are this process."""

        def __init__(self, count: int, work: Any, size: Any) -> None:
            self.work = work

        def run(self, source: Any) -> Any:
            while portion := source.read():
                yield portion, self.work(portion)

        def close(self) -> None:
            pass

    monkeypatch.setattr(TranslationModel, "translate", heard)
    monkeypatch.setattr(taught_pairs, "Workers", Here)
    return sentences


def taught(
    who: Teaching, pairs: list[tuple[str, str]] = PAIRS, **options: Any
) -> tuple[list[tuple[str, str]], list[str]]:
    """The pairs that are learnt, and what is said."""
    said: list[str] = []
    return taught_pairs.taught(
        who, pairs, options.get("lowercase", False), options.get("time_limit"), said.append
    ), said


def test_the_teachers_translations_stand_in_the_places_of_targets(tmp_path: Path, teacher: str) -> None:
    assert taught(Teaching((teacher,), 1.0, tmp_path / "m")) == (LEARNT, ["the teacher translates 3 sentences"])


def test_without_a_teacher_pairs_stay_as_they_are(tmp_path: Path) -> None:
    assert taught(Teaching(path=tmp_path / "m")) == (PAIRS, [])
    assert not (tmp_path / "m").exists()


def test_a_share_is_chosen_by_the_source_alone(tmp_path: Path, teacher: str) -> None:
    words = ["".join(letters) for letters in itertools.product("abcdefgh", repeat=3)]
    pairs = [(word, "x") for word in words]
    half, _ = taught(Teaching((teacher,), 0.5, tmp_path / "m"), pairs)
    sources = {source for source, target in half if target != "x"}
    assert 200 < len(sources) < 312  # of 512, by a hash
    more, _ = taught(Teaching((teacher,), 0.75, tmp_path / "m"), [("abc d", "x"), *pairs[::-1]])
    assert sources < {source for source, target in more if target != "x"}


def test_a_sentence_is_translated_once_by_each_teacher(tmp_path: Path, teacher: str, asked: list[str]) -> None:
    first = Teaching((teacher,), 1.0, tmp_path / "m")
    assert taught(first)[0] == LEARNT
    assert asked == ["hal", "the cat", "a"]
    assert taught(first, [*PAIRS, ("ha", "x")])[0] == [*LEARNT, ("ha", "ib")]
    assert asked[3:] == ["ha"]
    assert taught(first) == (LEARNT, [])
    other = save_translator(tmp_path / "other", *shifting_weights(), longest=29)
    taught(Teaching((str(other),), 1.0, tmp_path / "m"))
    assert asked[4:] == asked[:3]
    assert len(list((tmp_path / "m" / "teacher").iterdir())) == 1  # the first teacher's are removed


def test_several_teachers_translate_together(tmp_path: Path, teacher: str, asked: list[str]) -> None:
    other = str(save_translator(tmp_path / "other", *shifting_weights(), longest=29))
    both = Teaching((teacher, other), 1.0, tmp_path / "m")
    assert taught(both) == (LEARNT, ["the teacher translates 3 sentences"])
    assert taught(both) == (LEARNT, [])
    taught(Teaching((other,), 1.0, tmp_path / "m"))
    assert len(asked) == 6  # one alone is another teacher


def test_what_a_kill_cut_off_is_translated_again(tmp_path: Path, teacher: str, asked: list[str]) -> None:
    who = Teaching((teacher,), 1.0, tmp_path / "m")
    taught(who)
    (memory,) = (tmp_path / "m").rglob("translations.tsv")
    whole = memory.read_bytes()
    for end in range(len(whole)):
        memory.write_bytes(whole[:end])
        assert taught(who)[0] == LEARNT
        assert taught(who) == (LEARNT, [])  # and is there from then on


def test_only_a_part_of_a_time_limit_is_the_teachers(tmp_path: Path, teacher: str, monkeypatch: Any) -> None:
    clock = itertools.count()
    monkeypatch.setattr(taught_pairs.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(taught_pairs, "PORTION", 1)
    found, said = taught(Teaching((teacher,), 1.0, tmp_path / "m"), time_limit=7.0)
    assert found == [LEARNT[0], PAIRS[1], LEARNT[2], PAIRS[3]]
    assert said[-1] == "the time for the teacher is over: 2 of 3 sentences keep their targets"


def test_the_model_in_service_can_teach(tmp_path: Path, teacher: str) -> None:
    assert taught(Teaching((IN_SERVICE,), 1.0, Path(teacher)))[0] == LEARNT
    found, said = taught(Teaching((IN_SERVICE,), 1.0, tmp_path / "new"))
    assert (found, said) == (
        PAIRS,
        ["there is no model in service that could teach: this version learns from the data alone"],
    )


def test_an_empty_translation_is_no_target(tmp_path: Path, teacher: str) -> None:
    assert taught(Teaching((teacher,), 1.0, tmp_path / "m"), [("\u200b", "x")])[0] == [("\u200b", "x")]


def test_who_cannot_teach_is_refused(tmp_path: Path) -> None:
    characters = save_charlm(tmp_path / "charlm", *alphabet_weights())
    with pytest.raises(UsageError, match="another kind of model"):
        taught(Teaching((str(characters),), 1.0, tmp_path / "m"))
    with pytest.raises(UsageError, match=r"--teacher .*nobody: no model '.*nobody'"):
        taught(Teaching((str(tmp_path / "nobody"),), 1.0, tmp_path / "m"))
    for share in (0.0, -1.0, 1.5, float("nan")):
        with pytest.raises(UsageError, match=r"--teacher-share .*: must be more than 0"):
            Teaching(("x",), share)
    with pytest.raises(UsageError, match=r"--teacher-share 0\.5: goes with --teacher"):
        Teaching.of((), 0.5, 1.0, tmp_path)
    assert Teaching.of("x", None, 0.7, tmp_path) == Teaching(("x",), 0.7, tmp_path)


@pytest.mark.usefixtures("eager")
def test_a_training_learns_from_a_teacher_and_does_not_ask_again(
    tmp_path: Path, teacher: str, asked: list[str]
) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"{a}{b} hal\t{a} {b}\n" for a in "abcdefgh" for b in "abcdefgh"))
    model = rnntext.GRUConfig(layers=1, units=4, embedding=4, tokens="char")
    training = rnntext.TranslatorTraining(steps=2, batch_tokens=60)

    def train(**options: Any) -> rnntext.Outcome:
        return rnntext.train_translate(str(pairs), tmp_path / "m", model, training, teacher=teacher, **options)

    outcome = train()
    assert outcome.promoted
    loaded = rnntext.load(tmp_path / "m")
    assert isinstance(loaded, TranslationModel)
    assert {"i", "m"} <= set(loaded.target.tokens)  # letters that only the teacher writes
    sentences = len(asked)
    assert train().state == "unchanged"
    assert train(teacher_share=0.5).state != "unchanged"
    assert asked[sentences:] == []


# Character models -----------------------------------------------------------------------------------------------------

PUPIL = rnntext.CharlmConfig(cell="gru", layers=1, units=4, embedding=3)
SHORT = rnntext.CharlmTraining(steps=6, batch_size=2, window=8)


class StopAt(rnntext.Observer):
    """Sends a signal after a step."""

    def __init__(self, number: int) -> None:
        self.number = number

    def step(self, progress: rnntext.Progress) -> None:
        if progress.step == self.number:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def book(tmp_path: Path) -> str:
    path = tmp_path / "book.txt"
    path.write_text("abcdefghijklmnopqrstuvwxyz\n" * 20)
    return str(path)


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    """The folder of a model that knows the alphabet."""
    return save_charlm(tmp_path / "reader", *alphabet_weights())


def weights(path: Path) -> bytes:
    return (path / "versions" / "000001" / "weights.safetensors").read_bytes()


@pytest.mark.usefixtures("eager")
def test_a_run_ends_as_it_began_whatever_becomes_of_the_teacher(tmp_path: Path, book: str, reader: Path) -> None:
    def train(name: str, **options: Any) -> rnntext.Outcome:
        return rnntext.train_charlm(book, tmp_path / name, PUPIL, SHORT, **options)

    train("alone")
    train("whole", teacher=str(reader))
    assert weights(tmp_path / "whole") != weights(tmp_path / "alone")
    with pytest.raises(StoppedError):
        train("cut", teacher=str(reader), observer=StopAt(3))
    shutil.rmtree(reader)
    with pytest.raises(UsageError, match="other options"):
        train("cut", teacher=str(reader), teacher_share=0.7)
    train("cut", teacher=str(reader))
    assert weights(tmp_path / "cut") == weights(tmp_path / "whole")


@pytest.mark.usefixtures("eager")
def test_a_teacher_that_folds_case_teaches_no_other_model(tmp_path: Path, book: str) -> None:
    small = save_charlm(tmp_path / "small", *alphabet_weights(lowercase=True))
    with pytest.raises(UsageError, match=f"--teacher {small}.*: it folds case differently"):
        rnntext.train_charlm(book, tmp_path / "m", PUPIL, SHORT, teacher=str(small))
    assert not (tmp_path / "m" / "run").exists()
