"""A translation model in service, made by hand or at random: sentences in, sentences out."""

import dataclasses
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import (
    LETTERS,
    SPACE,
    TINY_GRU,
    TINY_TRANSFORMER,
    alphabet_weights,
    parts_of,
    save_charlm,
    save_translator,
    shifted,
    shifting_log_probability,
    shifting_weights,
    translator_arrays,
)
from threadpoolctl import threadpool_info, threadpool_limits

import rnntext
from rnntext.errors import CheckpointError, UsageError
from rnntext.jobs.load import load, load_characters, load_translation
from rnntext.jobs.translation import TranslationModel
from rnntext.settings.search import SearchConfig
from rnntext.settings.translator import GRUConfig, TransformerConfig, TranslatorConfig, TranslatorTraining
from rnntext.storage import checkpoint
from rnntext.storage.json_files import parse_json, to_json
from rnntext.text.tokenizers import Characters, Words
from rnntext.text.tokens import Language

LONGEST = 30


@pytest.fixture(scope="module")
def hal(tmp_path_factory: pytest.TempPathFactory) -> TranslationModel:
    """Answers "ibm" to "hal"; knows sentences of thirty letters."""
    return load_translation(save_translator(tmp_path_factory.mktemp("hal"), *shifting_weights(), longest=LONGEST))


def random_model(root: Path, config: TranslatorConfig, *languages: Language, **options: Any) -> TranslationModel:
    arrays = translator_arrays(config, (len(languages[0]), len(languages[-1])), seed=1, scale=0.7)
    return load_translation(save_translator(root, config, arrays, *languages, **options))


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> TranslationModel:
    """Random answers, of words; each language has its own."""
    config = dataclasses.replace(TINY_GRU, tokens="word", joint=False)
    sides = Language(Words(), ["a", "b", "c", ".", ","]), Language(Words(), ["x", "y", "z", "."])
    return random_model(tmp_path_factory.mktemp("words"), config, *sides, longest=8)


def plain(found: Any) -> Any:
    """Everything about translations, to be compared."""
    return [
        (t.parts, t.source_tokens, [(a.text, a.log_probability, a.score, a.tokens) for a in t.answers]) for t in found
    ]


# Answers --------------------------------------------------------------------------------------------------------------

LINES = ["hal", "", "the cat sat on the mat", "zzz", "   ", "a", "Hal!", "x " * 40, "hal"]


def test_the_model_made_by_hand_does_what_it_was_made_for(hal: TranslationModel) -> None:
    found = hal.translate_all(LINES)
    short = [line for line in LINES if len(line) < 25]
    assert [t.text for t in found if t.parts < 2] == [shifted(line.strip()) for line in short]
    assert found[0].text == "ibm"
    assert found[6].text == "?bm?"


@pytest.mark.parametrize("text", ["a", "hal", "the cat sat"])
def test_an_answer_tells_its_probability_and_its_score(hal: TranslationModel, text: str) -> None:
    for beam, alpha in [(1, 0.0), (5, 1.0), (3, 2.0)]:
        (found,) = hal.translate_all([text], SearchConfig(beam=beam, length_penalty=alpha))
        answer = found.answers[0]
        expected = shifting_log_probability(len(text))
        assert answer.log_probability == pytest.approx(expected, rel=1e-3)
        assert answer.score == pytest.approx(expected / ((5 + len(text) + 1) / 6) ** alpha, rel=1e-3)
        assert answer.tokens == list(shifted(text).replace(" ", SPACE))
        assert found.source_tokens == list(text.replace(" ", SPACE))


def test_attention_is_given_when_asked_for(hal: TranslationModel) -> None:
    plain_one, asked = (
        hal.translate_all(["hal"], SearchConfig(with_attention=wanted))[0].answers[0] for wanted in (False, True)
    )
    assert plain_one.attention is None
    np.testing.assert_allclose(asked.attention, np.eye(3), atol=1e-4)


def test_lines_are_normalised(hal: TranslationModel, tmp_path: Path) -> None:
    assert [t.text for t in hal.translate_all(["  h\ta \r\nl\f", "h\0l", "h\ud83dl"])] == ["  i b m", "im", "im"]
    config, arrays, language = shifting_weights()
    folding = save_translator(tmp_path, dataclasses.replace(config, lowercase=True), arrays, language)
    assert load_translation(folding).translate_all(["HAL"])[0].text == "ibm"


@pytest.mark.parametrize("n_best", [1, 3, 5])
def test_there_are_as_many_answers_as_asked_for_the_best_first(hal: TranslationModel, n_best: int) -> None:
    for found in hal.translate_all(LINES, SearchConfig(n_best=n_best)):
        assert len(found.answers) == n_best
        scores = [answer.score for answer in found.answers]
        assert scores == sorted(scores, reverse=True)
        assert found.text == found.answers[0].text
        assert len({tuple(answer.tokens) for answer in found.answers}) == (n_best if found.parts else 1)


def test_where_there_are_fewer_answers_the_last_one_is_repeated(hal: TranslationModel) -> None:
    (found,) = hal.translate_all(["a"], SearchConfig(beam=60, n_best=60, max_length=1))
    assert len(found.answers) == 60
    assert len({answer.text for answer in found.answers}) == 28  # 26 letters, a space, a question mark
    assert len({(answer.text, answer.score) for answer in found.answers[-32:]}) == 1


@pytest.mark.parametrize("line", ["", " ", "\t \r", "\v\f", "\u00a0\u3000", "\u200b", "\u2028", "\ufeff"])
def test_a_blank_line_has_a_blank_answer(hal: TranslationModel, line: str) -> None:
    (found,) = hal.translate_all([line], SearchConfig(n_best=2, with_attention=True))
    assert (found.text, found.parts, found.source_tokens) == ("", 0, [])
    assert [(a.text, a.score, a.log_probability, a.tokens) for a in found.answers] == [("", 0.0, 0.0, [])] * 2
    assert found.answers[0].attention is not None
    assert found.answers[0].attention.shape == (0, 0)


@pytest.mark.parametrize("line", ["\u3000", "\u00a0 \u2003", "\x1c"])
def test_a_line_without_any_word_has_a_blank_answer_too(words: TranslationModel, line: str) -> None:
    found = words.translate_all(["a b", line, "\u3000 " * 100, "c"])
    assert [t.parts for t in found] == [1, 0, 0, 1]
    assert (found[1].text, found[2].text) == ("", "")
    assert found[0].text
    assert found[3].text


def test_one_line_need_not_be_in_a_list(hal: TranslationModel) -> None:
    assert list(hal.translate("hal")) == ["ibm"]
    assert [translation.text for translation in hal.translate_all("hal")] == ["ibm"]


def test_nothing_to_translate_is_nothing(hal: TranslationModel) -> None:
    assert hal.translate_all([]) == []
    assert list(hal.translations([])) == []
    assert list(hal.translate([])) == []


def test_look_alikes_and_capitals_are_read_as_what_the_model_knows(hal: TranslationModel) -> None:
    lines = ["h\u00adal", "h\u200ba\ufeffl", "the\u00a0cat", "\uff48\uff41\uff4c", "x HAL"]
    assert list(hal.translate(lines)) == ["ibm", "ibm", "uif dbu", "ibm", "y ???"]
    assert [math.isnan(score) for score, _ in hal.score([("h\u00adal", "ibm"), ("\u00a0\u200b", "x")])] == [False, True]
    assert hal.score([("h\u00adal", "ibm")]) == hal.score([("hal", "ibm")])


def test_capitals_are_answered_in_capitals(hal: TranslationModel) -> None:
    assert list(hal.translate(["A HAL IS", "A hal is", "123"])) == ["? IBM JT", "? ibm jt", "???"]


def test_the_spaces_before_a_line_are_kept(hal: TranslationModel) -> None:
    lines = ["  hal", "\thal", " \u3000hal ", "\u2028hal", "   "]
    assert list(hal.translate(lines)) == ["  ibm", "\tibm", " \u3000ibm", "ibm", ""]


def test_nothing_is_cut_where_lines_stay_whole(hal: TranslationModel) -> None:
    (found,) = hal.translate_all(["x" * (LONGEST + 5)], SearchConfig(split=False))
    assert (found.parts, len(found.source_tokens)) == (1, LONGEST + 5)


# Long lines -----------------------------------------------------------------------------------------------------------


def test_a_long_line_is_translated_in_parts_that_are_joined(hal: TranslationModel) -> None:
    line = "the cat sat on the mat, and the dog sat on the cat; why did the cow not sit on the dog?"
    (found,) = hal.translate_all([line], SearchConfig(with_attention=True))
    parts = parts_of(hal, line)
    assert parts == ["the cat sat on the mat,", "and the dog sat on the cat;", "why did the cow not sit on the", "dog?"]
    assert found.parts == 4
    assert found.text == " ".join(map(shifted, parts))
    assert found.source_tokens == list("".join(parts).replace(" ", SPACE))
    answer = found.answers[0]
    assert answer.tokens == list("".join(map(shifted, parts)).replace(" ", SPACE))
    assert answer.log_probability == pytest.approx(sum(shifting_log_probability(len(p)) for p in parts), rel=1e-3)
    scores = [shifting_log_probability(len(part)) / ((6 + len(part)) / 6) for part in parts]
    assert answer.score == pytest.approx(sum(scores) / 4, rel=1e-3)
    np.testing.assert_allclose(answer.attention, np.eye(len(answer.tokens)), atol=1e-3)  # each part looked at itself


def test_the_second_best_of_a_long_line_consists_of_the_second_best_of_its_parts(words: TranslationModel) -> None:
    line = "a b c, a b c. c b a, c a b."
    config = SearchConfig(n_best=3)
    parts = parts_of(words, line)
    (found,) = words.translate_all([line], config)
    assert found.parts == len(parts) == 2
    for rank, each in enumerate(zip(*(t.answers for t in words.translate_all(parts, config)), strict=True)):
        assert found.answers[rank].text == " ".join(answer.text for answer in each if answer.text)
        assert found.answers[rank].log_probability == pytest.approx(sum(answer.log_probability for answer in each))


@pytest.mark.parametrize("letters", [LONGEST, LONGEST + 1])
def test_a_line_is_cut_only_if_it_is_longer_than_the_model_knows(hal: TranslationModel, letters: int) -> None:
    (found,) = hal.translate_all(["x" * letters])
    assert (found.parts == 1) == (letters <= LONGEST)
    assert found.text.replace(" ", "") == "y" * letters


def test_a_hundred_thousand_characters_are_an_ordinary_line(hal: TranslationModel) -> None:
    line = "abc " * 10_000 + "x" * 60_000
    (found,) = hal.translate_all([line], SearchConfig(beam=1, max_length=3, batch_tokens=50_000))
    assert found.parts > 3000
    assert len("".join(found.source_tokens).replace(SPACE, "")) == 90_000


# Side by side ---------------------------------------------------------------------------------------------------------


def varied_lines(count: int) -> list[str]:
    generator = np.random.default_rng(3)
    return ["".join(generator.choice(list(LETTERS + " "), generator.integers(0, 70))) for _ in range(count)]


@pytest.mark.parametrize("batch_tokens", [1, 100, 10_000])
def test_answers_come_in_the_order_of_the_lines_whatever_the_batch(hal: TranslationModel, batch_tokens: int) -> None:
    lines = varied_lines(40)
    found = hal.translate_all(lines, SearchConfig(beam=2, batch_tokens=batch_tokens))
    assert [t.text for t in found] == [" ".join(map(shifted, parts_of(hal, line))) for line in lines]


def test_a_line_is_ready_when_its_batch_and_those_before_it_are(
    hal: TranslationModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[int] = []
    search_all = hal.search_all

    def watched(*arguments: Any) -> Iterator[Any]:
        for number, hypotheses in search_all(*arguments):
            searched.append(number)
            yield number, hypotheses

    monkeypatch.setattr(hal, "search_all", watched)
    lines = ["", "abc", "x" * 20, "", "def", "y" * 20, "z" * 29]
    found = hal.translations(lines, SearchConfig(beam=1, batch_tokens=48))
    assert next(found).text == ""
    assert searched == []  # a blank line costs nothing
    assert next(found).text == "bcd"
    assert searched == [0]
    assert next(found).text == "y" * 20
    assert searched == [0, 2, 1]  # lines of one class of length share a batch
    assert [next(found).text for _ in range(4)] == ["", "efg", "z" * 20, "a" * 29]
    assert sorted(searched) == list(range(5))


def test_lines_are_translated_lazily(hal: TranslationModel) -> None:
    taken: list[int] = []

    def lines() -> Iterator[str]:
        for number in itertools.count():
            taken.append(number)
            yield "hal"

    found = hal.translate(lines(), search=SearchConfig(beam=1), ahead=3)
    assert taken == []
    assert [next(found), next(found)] == ["ibm", "ibm"]
    assert taken == [0, 1, 2]
    found = hal.translate(lines(), ahead=1)
    del taken[:]
    next(found)
    assert taken == [0]


def test_options_of_the_search_are_checked(hal: TranslationModel) -> None:
    with pytest.raises(UsageError, match="--beam 0"):
        SearchConfig(beam=0)
    assert list(hal.translate(["hal"], search=SearchConfig(max_length=2))) == ["ib"]
    with pytest.raises(TypeError):
        hal.translate(["hal"], beems=2)  # type: ignore[call-arg]


def test_translating_leaves_the_threads_of_blas_as_they_were(hal: TranslationModel) -> None:
    def threads() -> set[int]:
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    with threadpool_limits(2, "blas"):
        for _ in hal.translations(["hal", "x" * 20], SearchConfig(batch_tokens=1)):
            assert threads() == {2}
        hal.score([("a", "b")])
        assert threads() == {2}


# Scores ---------------------------------------------------------------------------------------------------------------


def test_given_translations_are_scored(hal: TranslationModel) -> None:
    found = hal.score([("hal", "ibm"), ("a", "b"), (" h  al\t", "i bm"), ("hal", "ibn"), ("hal", ""), ("hal", "ib")])
    assert [tokens for _, tokens in found] == [4, 2, 5, 4, 1, 3]
    scores = [score for score, _ in found]
    right = [shifting_log_probability(n) for n in (3, 1, 4)]
    assert scores[:3] == pytest.approx(right, rel=1e-2)
    assert scores[3] == pytest.approx(right[0] - 10, abs=1e-2)  # a wrong letter
    assert scores[4] == pytest.approx(-20, abs=1e-2)  # the end at the beginning
    assert scores[5] == pytest.approx(-20, abs=1e-2)


def test_an_answer_scores_what_it_was_said_to_be_worth(words: TranslationModel) -> None:
    lines = ["a b c.", "c, b", "a", "b b b b b"]
    found = words.translate_all(lines, SearchConfig(max_length=40))
    scores = words.score([(line, " ".join(t.answers[0].tokens)) for line, t in zip(lines, found, strict=True)])
    for (score, tokens), translation in zip(scores, found, strict=True):
        if len(translation.answers[0].tokens) < 40:
            assert score == pytest.approx(translation.answers[0].log_probability, abs=1e-4)
            assert tokens == len(translation.answers[0].tokens) + 1


def test_a_pair_without_a_source_has_no_score(words: TranslationModel) -> None:
    found = words.score([("a", "x"), ("", "x"), ("\u3000", "x y"), ("b", "y")])
    assert [math.isnan(score) for score, _ in found] == [False, True, True, False]
    assert [tokens for _, tokens in found] == [2, 2, 3, 2]
    assert found[0] == words.score([("a", "x")])[0]
    assert words.score([]) == []


# Folders --------------------------------------------------------------------------------------------------------------


def test_a_model_knows_what_it_is(hal: TranslationModel, words: TranslationModel) -> None:
    assert (hal.longest, hal.threads, hal.checkpoint.kind) == (LONGEST, 1, "translator")
    assert hal.source is hal.target
    assert words.source is not words.target
    assert isinstance(rnntext.load(hal.checkpoint.path.parents[1]), TranslationModel)


def test_the_wrong_kind_of_model_is_refused_both_ways(hal: TranslationModel, tmp_path: Path) -> None:
    save_charlm(tmp_path, *alphabet_weights())
    with pytest.raises(UsageError, match="this is a charlm model; a translation model is needed here"):
        load_translation(tmp_path)
    with pytest.raises(UsageError, match="this is a translator model"):
        load_characters(hal.checkpoint.path.parents[1])


MODEL = {"architecture": "transformer", **TINY_TRANSFORMER.to_json(), "tokens": "char"}
TRAINING = {"longest": 10}


def put(root: Path, settings: Any, tokens: Any, **more: bytes) -> Path:
    """A version with any files, but whole and with the right digests."""
    files = {"config.json": to_json(settings), "tokens.json": to_json(tokens), **more}
    arrays = translator_arrays(TINY_TRANSFORMER, (6, 6))
    checkpoint.promote(root, checkpoint.write_version(root, "translator", files, arrays, {}))
    return root


def test_a_checkpoint_put_together_by_hand_is_loaded(tmp_path: Path) -> None:
    model = load(put(tmp_path, {"model": MODEL, "training": TRAINING, "more": 1}, ["a", "b"]))
    assert isinstance(model, TranslationModel)
    assert (model.longest, model.source.tokens) == (10, ["a", "b"])


@pytest.mark.parametrize(
    "settings",
    [
        [],
        5,
        {},
        {"model": MODEL},
        {"model": None, "training": TRAINING},
        {"model": [1], "training": TRAINING},
        {"model": {**MODEL, "architecture": "mamba"}, "training": TRAINING},
        {"model": {**MODEL, "architecture": ["gru"]}, "training": TRAINING},
        {"model": {n: v for n, v in MODEL.items() if n != "architecture"}, "training": TRAINING},
        {"model": {**MODEL, "architecture": "gru"}, "training": TRAINING},
        {"model": {**MODEL, "units": 16}, "training": TRAINING},
        {"model": {**MODEL, "layers": 10**9}, "training": TRAINING},
        {"model": {**MODEL, "units": "8"}, "training": TRAINING},
        {"model": {**MODEL, "heads": 3}, "training": TRAINING},
        {"model": {**MODEL, "tokens": "syllable"}, "training": TRAINING},
        {"model": {**MODEL, "tokens": "subword"}, "training": TRAINING},
        {"model": {**MODEL, "joint": False}, "training": TRAINING},
        {"model": {**MODEL, "beams": 2}, "training": TRAINING},
        {"model": MODEL, "training": {}},
        {"model": MODEL, "training": [10]},
        {"model": MODEL, "training": {"longest": 0}},
        {"model": MODEL, "training": {"longest": "10"}},
        {"model": MODEL, "training": {"longest": True}},
        {"model": MODEL, "training": {"longest": 10**9}},
    ],
    ids=lambda value: str(value)[:120],
)
def test_a_config_that_does_not_fit_is_a_damaged_checkpoint(tmp_path: Path, settings: Any) -> None:
    with pytest.raises(CheckpointError):
        load(put(tmp_path, settings, ["a", "b"]))


@pytest.mark.parametrize("tokens", [["a"], ["a", "b", "c"], ["a", "a"], ["a", ""], [1, 2], None, 5, [["a"], "b"]])
def test_a_vocabulary_that_does_not_fit_is_a_damaged_checkpoint(tmp_path: Path, tokens: Any) -> None:
    with pytest.raises(CheckpointError):
        load(put(tmp_path, {"model": MODEL, "training": TRAINING}, tokens))


def test_damaged_properties_of_the_training_text_are_a_damaged_checkpoint(tmp_path: Path) -> None:
    settings = {"model": MODEL, "training": TRAINING}
    usual = {"characters": {"a": 7}, "sentences": 2, "tokens": 5}
    whole = load(put(tmp_path / "a", settings, ["a", "b"], **{"training_text.json": to_json(usual)}))
    assert isinstance(whole, TranslationModel)
    assert whole.lines.training_text.tokens == 5
    with pytest.raises(CheckpointError, match=r"training_text\.json"):
        load(put(tmp_path / "b", settings, ["a", "b"], **{"training_text.json": to_json({**usual, "tokens": -1})}))


def test_a_missing_vocabulary_is_named(tmp_path: Path) -> None:
    config, arrays, language = shifting_weights()
    files = {
        "config.json": to_json({"model": {"architecture": "transformer", **config.to_json()}, "training": TRAINING})
    }
    checkpoint.promote(tmp_path, checkpoint.write_version(tmp_path, "translator", files, arrays, {}))
    with pytest.raises(CheckpointError, match=r"tokens\.json is missing"):
        load(tmp_path)
    assert isinstance(language.tokenizer, Characters)


# Settings -------------------------------------------------------------------------------------------------------------

SETTINGS = [TransformerConfig, GRUConfig, TranslatorTraining, SearchConfig]
LIMITS = [
    (TransformerConfig, "layers", 1, 64),
    (TransformerConfig, "feedforward", 1, 16384),
    (GRUConfig, "layers", 1, 64),
    (GRUConfig, "units", 1, 16384),
    (GRUConfig, "embedding", 1, 16384),
    (TranslatorTraining, "longest", 5, 4096),
    (TranslatorTraining, "batch_tokens", 1, 10_000_000),
    (TranslatorTraining, "vocabulary_size", 1, 10_000_000),
    (TranslatorTraining, "smoothing", 0, 0.9),
    (TranslatorTraining, "subword_sampling", 0, 0.9),
    (SearchConfig, "beam", 1, 256),
    (SearchConfig, "length_penalty", 0, 10),
    (SearchConfig, "max_length", 1, 100_000),
    (SearchConfig, "no_repeat_ngram", 0, 1000),
]


@pytest.mark.parametrize(("config", "name", "low", "high"), LIMITS)
def test_settings_have_limits(config: Any, name: str, low: float, high: float) -> None:
    for value in (low, high):
        assert getattr(config(**{name: value}), name) == value
    for value in (low - 0.5, high + 0.5, float("nan"), float("inf")):
        with pytest.raises(UsageError, match=f"^--{name.replace('_', '-')} "):
            config(**{name: value})


@pytest.mark.parametrize(
    ("config", "values", "message"),
    [
        (TransformerConfig, {"units": 100, "heads": 3}, "--units 100: must be a multiple of twice --heads 3"),
        (TransformerConfig, {"units": 4, "heads": 4}, "--units 4: must be a multiple of twice --heads 4"),
        (TransformerConfig, {"positions": "rotary"}, "--positions rotary: must be one of sinusoidal, learned"),
        (TransformerConfig, {"tokens": "byte"}, "--tokens byte: must be one of subword, word, char"),
        (GRUConfig, {"attention": "local"}, "--attention local: must be one of additive, multiplicative, none"),
        (SearchConfig, {"n_best": 6}, "--n-best 6: must not be more than --beam 5"),
        (SearchConfig, {"beam": 2, "n_best": 3}, "--n-best 3: must not be more than --beam 2"),
    ],
)
def test_settings_must_fit_together(config: Any, values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        config(**values)
    assert str(caught.value) == message


@pytest.mark.parametrize("config", SETTINGS)
def test_settings_survive_json(config: Any) -> None:
    for settings in (config(), *([SearchConfig(beam=9, n_best=3, max_length=7)] if config is SearchConfig else [])):
        assert config.from_json(parse_json(to_json(settings.to_json()), Path("x"))) == settings
    with pytest.raises(CheckpointError, match="'colour' is unknown"):
        config.from_json({"colour": "red"})


@pytest.mark.parametrize("lines", [None, b"hal", [None], ["hal", b"hal"], [["hal"]]])
def test_what_is_no_text_is_not_translated(hal: TranslationModel, lines: Any) -> None:
    for translate in (hal.translate, hal.translate_all):
        with pytest.raises(UsageError, match=r"^lines .*: must be a text$"):
            list(translate(lines))


def test_what_is_no_text_is_not_scored_and_lines_are_taken_one_by_one_at_least(hal: TranslationModel) -> None:
    with pytest.raises(UsageError, match=r"^target None: must be a text$"):
        hal.score([("hal", None)])  # type: ignore[list-item]
    with pytest.raises(UsageError, match=r"^ahead 0: must be a whole number, 1 or more$"):
        list(hal.translate(["hal"], ahead=0))
