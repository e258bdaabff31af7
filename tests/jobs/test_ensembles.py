"""Ensembles in service: which models make one, what they have from whom, and that they are used like one model."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import (
    TINY_GRU,
    TINY_TRANSFORMER,
    parts_of,
    random_arrays,
    save_charlm,
    save_forecaster,
    save_translator,
    translator_arrays,
)

import rnntext
from rnntext.errors import CheckpointError, UsageError
from rnntext.jobs.characters import CharacterModel
from rnntext.jobs.ensembles import ensemble_of
from rnntext.jobs.load import load_translation
from rnntext.jobs.translation import TranslationModel
from rnntext.run.charlm import Charlm
from rnntext.run.ensemble import CharlmEnsemble
from rnntext.settings.charlm import CharlmConfig, SamplingConfig
from rnntext.settings.forecaster import ForecastConfig
from rnntext.settings.search import SearchConfig
from rnntext.settings.translator import TranslatorConfig
from rnntext.text.source_lines import SourceLines
from rnntext.text.tokenizers import Characters
from rnntext.text.tokens import Language
from rnntext.text.training_text import TrainingText

CHARACTERS = "\nabcde "
TEXT = "abc dec\nbed a cab\n" * 3
WORDS = ["abc", "bad cab", "dead"]


def save_characters(root: Path, seed: int, characters: str = CHARACTERS, **config: Any) -> Path:
    """A version with random weights; a folder may get several."""
    shape = CharlmConfig(**{"cell": "gru", "layers": 1, "units": 6, "embedding": 3, **config})
    return save_charlm(root, shape, characters, random_arrays(shape, len(characters) + 1, seed))


def save_letters(
    root: Path,
    seed: int,
    config: TranslatorConfig = TINY_GRU,
    letters: str = "abcde",
    longest: int = 30,
    **more: Any,
) -> Path:
    language = Language(Characters(), [*letters, "\u2581"])
    shape = dataclasses.replace(config, tokens="char", **more)
    arrays = translator_arrays(shape, (len(language), len(language)), seed, scale=0.7)
    return save_translator(root, shape, arrays, language, longest=longest)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Character models a, b (another cell and size) and versions (of which there are three); translators t and u."""
    folder = tmp_path_factory.mktemp("home")
    save_characters(folder / "a", 1)
    save_characters(folder / "b", 2, cell="lstm", units=9)
    for seed in (3, 4, 5):
        save_characters(folder / "versions", seed)
    save_letters(folder / "t", 1)
    save_letters(folder / "u", 2, TINY_TRANSFORMER, longest=8)
    return folder


# Character models -----------------------------------------------------------------------------------------------------


def test_two_models_are_one_with_the_same_methods(home: Path) -> None:
    model = rnntext.load([home / "a", str(home / "b")])
    members = [rnntext.load(home / name) for name in "ab"]
    assert isinstance(model, CharacterModel)
    assert model.checkpoint.path == members[0].checkpoint.path
    bits, characters = model.score(TEXT)
    assert bits == CharlmEnsemble([member.engine for member in members]).score(model.engine.vocabulary.encode(TEXT))
    assert characters == len(TEXT)
    assert bits < np.mean([member.score(TEXT)[0] for member in members])
    (many,) = model.generate_many("ab", count=1, length=30, seed=7)
    assert many == "".join(model.generate("ab", length=30, seed=7)) == "".join(model.generate("ab", length=30, seed=7))
    with pytest.raises(rnntext.DataError, match="never seen"):
        model.encode("xyz")


@pytest.mark.parametrize("penalty", [1.0, 1.5])
def test_a_model_with_itself_writes_what_it_writes_alone(home: Path, penalty: float) -> None:
    # The likeliest characters of these models are told apart by far more than rounding.
    sampling = SamplingConfig(temperature=0, repetition_penalty=penalty)
    one, thrice = rnntext.load(home / "a"), rnntext.load([home / "a"] * 3)
    texts = ["".join(model.generate("ab", length=25, sampling=sampling)) for model in (one, thrice)]
    assert texts[0] == texts[1]
    assert thrice.score(TEXT)[0] == pytest.approx(one.score(TEXT)[0], rel=1e-5)


def test_one_model_in_a_list_is_that_model(home: Path) -> None:
    assert isinstance(rnntext.load([home / "a"]).engine, Charlm)


def test_the_newest_versions_make_an_ensemble_the_newest_first(home: Path) -> None:
    model = rnntext.load(home / "versions", ensemble=2)
    members = [rnntext.load(home / "versions", version=version) for version in (3, 2)]
    assert model.checkpoint.version == "000003"
    expected = CharlmEnsemble([member.engine for member in members]).score(model.engine.vocabulary.encode(TEXT))
    assert model.score(TEXT)[0] == expected


# Translation models ---------------------------------------------------------------------------------------------------


def test_translators_of_two_architectures_are_one_with_the_same_methods(home: Path) -> None:
    model = rnntext.load([home / "t", home / "u"])
    assert isinstance(model, TranslationModel)
    search = SearchConfig(beam=3, max_length=6, no_repeat_ngram=0, with_attention=True)
    pairs = []
    for line, translation in zip(WORDS, model.translate_all(WORDS, search), strict=True):
        (best,) = translation.answers
        assert best.attention is not None
        assert best.attention.shape == (len(best.tokens), len(line))
        pairs.append((line, best.text))
    assert [text for _, text in pairs] == list(model.translate(WORDS, search=search))
    together = [score for score, _ in model.score(pairs)]
    alone = [[score for score, _ in rnntext.load(home / name).score(pairs)] for name in "tu"]
    assert (np.array(together) >= np.mean(alone, axis=0)).all()


def test_a_translator_with_itself_translates_as_alone(home: Path) -> None:
    one, twice = load_translation(home / "t"), load_translation([home / "t"] * 2)
    search = SearchConfig(beam=3, n_best=3, max_length=6)
    for line, alone, together in zip(
        WORDS, one.translate_all(WORDS, search), twice.translate_all(WORDS, search), strict=True
    ):
        assert [a.text for a in together.answers] == [a.text for a in alone.answers], line
        expected = [a.log_probability for a in alone.answers]
        np.testing.assert_allclose([a.log_probability for a in together.answers], expected, atol=1e-4)


def test_no_part_of_a_line_is_too_long_for_a_member(home: Path) -> None:
    line = "abcde abcde abcde abcde abcde"
    alone = [rnntext.load(home / name) for name in "tu"]
    for names in ("tu", "ut"):
        model = rnntext.load([home / name for name in names])
        assert model.longest == 8
        assert parts_of(model, line) == parts_of(alone[1], line) != parts_of(alone[0], line)


def test_a_line_is_cut_as_is_usual_for_all_members(home: Path) -> None:
    models = [rnntext.load(home / "t"), rnntext.load(home / "t")]
    for model, usual in zip(models, (TrainingText(None, 3, 10), TrainingText({"a": 5}, 1, 20)), strict=True):
        model.lines = SourceLines(model.source, False, usual, model.longest)
    assert ensemble_of(models).lines.training_text == TrainingText(None, 1, 10)
    assert models[0].lines.training_text.sentences == 3


def test_an_ensemble_attends_if_a_member_does(tmp_path: Path, home: Path) -> None:
    blind = save_letters(tmp_path / "blind", 3, attention="none")
    assert rnntext.load([blind, home / "t"]).attends
    assert not rnntext.load([blind, blind]).attends


# Refusals -------------------------------------------------------------------------------------------------------------


def refusal(*paths: Path, **options: Any) -> str:
    with pytest.raises(UsageError) as raised:
        rnntext.load(paths, **options)
    return str(raised.value)


@pytest.mark.parametrize(
    ("save", "difference"),
    [
        (lambda root: save_characters(root, 1, CHARACTERS + "f"), "vocabulary"),
        (lambda root: save_characters(root, 1, CHARACTERS[::-1]), "vocabulary"),
        (lambda root: save_characters(root, 1, lowercase=True), "lower-casing (--lowercase)"),
    ],
)
def test_character_models_of_other_symbols_are_refused(
    tmp_path: Path, home: Path, save: Callable[[Path], Path], difference: str
) -> None:
    other = save(tmp_path / "other")
    assert refusal(home / "a", home / "b", other) == (
        f"{home}/a/versions/000001 and {other}/versions/000001 differ in their {difference}; the members of an "
        "ensemble must not"
    )


def test_translators_of_other_symbols_are_refused(tmp_path: Path, home: Path) -> None:
    other = save_letters(tmp_path / "other", 1, letters="abcdf")
    assert "differ in their vocabulary of the source;" in refusal(home / "t", other)
    assert "differ in their lower-casing" in refusal(home / "t", save_letters(tmp_path / "small", 1, lowercase=True))


def test_the_other_differences_of_translators_are_refused(home: Path) -> None:
    def message(change: Callable[[TranslationModel], None]) -> str:
        models = [rnntext.load(home / "t"), rnntext.load(home / "t")]
        change(models[1])
        with pytest.raises(UsageError) as raised:
            ensemble_of(models)
        return str(raised.value)

    class Trained(Characters):
        def files(self) -> dict[str, bytes]:
            return {"model": b"another"}

    def reverse(model: TranslationModel) -> None:
        model.checkpoint = dataclasses.replace(
            model.checkpoint, manifest={**model.checkpoint.manifest, "reverse": True}
        )

    def relearn(model: TranslationModel) -> None:
        model.target = Language(Trained(), model.target.tokens)

    def other_target(model: TranslationModel) -> None:
        model.target = Language(Characters(), model.target.tokens[::-1])

    def words(model: TranslationModel) -> None:
        model.config = dataclasses.replace(model.config, tokens="word")

    assert "their direction (--reverse);" in message(reverse)
    assert "their tokenizer of the target;" in message(relearn)
    assert "their vocabulary of the target;" in message(other_target)
    assert "their kind of tokens (--tokens);" in message(words)


def test_kinds_do_not_mix_and_forecasters_make_no_ensemble(tmp_path: Path, home: Path) -> None:
    config = ForecastConfig(architecture="naive", window=3)
    forecaster = save_forecaster(tmp_path / "f", config, np.arange(40.0)[:, None])
    mixed = refusal(home / "t", home / "a")
    assert mixed.startswith(f"{home}/t/versions/000001 and {home}/a/versions/000001 make no ensemble: ")
    assert mixed.endswith("they are a translator model and a charlm model")
    assert refusal(forecaster, forecaster).endswith("this is a forecaster; only models of text make an ensemble")
    with pytest.raises(UsageError, match="this is a charlm model; a translation model is needed here"):
        load_translation([home / "t", home / "a"])


def test_choices_that_contradict_one_another_are_refused(home: Path) -> None:
    versions = home / "versions"
    assert refusal() == "--model: name at least one"
    assert refusal(home / "a", home / "b", version=1) == "--version 1: goes with one model; 2 are given"
    assert refusal(home / "a", home / "b", ensemble=2) == "--ensemble 2: goes with one model; 2 are given"
    assert refusal(versions, ensemble=1) == "--ensemble 1: must be at least 2"
    assert refusal(versions, ensemble=4) == f"--ensemble 4: {versions} has only 3 versions: 000001, 000002, 000003"
    assert refusal(home / "a", ensemble=2) == f"--ensemble 2: {home}/a has only 1 version: 000001"
    message = "--ensemble 2: takes the newest versions; leave out --version 3"
    assert refusal(versions, ensemble=2, version=3) == message
    with pytest.raises(CheckpointError, match="there is no trained model in this folder"):
        rnntext.load(home / "missing", ensemble=2)


def test_ctranslate2_runs_no_ensemble(home: Path) -> None:
    with pytest.raises(UsageError, match="an ensemble needs --engine numpy"):
        load_translation([home / "t", home / "u"], engine="ctranslate2")
