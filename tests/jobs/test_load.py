"""A model's folder becomes a model in service: text in, text out."""

import itertools
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers import alphabet_weights, random_arrays, save_charlm
from threadpoolctl import threadpool_info, threadpool_limits

import rnntext
from rnntext.errors import CheckpointError, DataError, UsageError
from rnntext.jobs import generate
from rnntext.jobs.characters import CharacterModel
from rnntext.jobs.load import load
from rnntext.settings.charlm import CharlmConfig, SamplingConfig
from rnntext.storage import checkpoint

GREEDY = SamplingConfig(temperature=0.0)
HOT = SamplingConfig(temperature=1.0)


@pytest.fixture(scope="module")
def alphabet(tmp_path_factory: pytest.TempPathFactory) -> CharacterModel:
    """Continues any letter by the rest of the alphabet."""
    return load(save_charlm(tmp_path_factory.mktemp("alphabet"), *alphabet_weights()))


@pytest.fixture(scope="module")
def small_letters(tmp_path_factory: pytest.TempPathFactory) -> CharacterModel:
    """The same, reading capitals as small letters."""
    return load(save_charlm(tmp_path_factory.mktemp("lower"), *alphabet_weights(lowercase=True)))


@pytest.fixture(scope="module")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> CharacterModel:
    config = CharlmConfig(units=5, embedding=3)
    return load(save_charlm(tmp_path_factory.mktemp("random"), config, "\né<>ab", random_arrays(config, 7)))


def answer(model: CharacterModel, prompt: str = "", **options: Any) -> str:
    return "".join(model.generate(prompt, **{"sampling": GREEDY, "seed": 1, "length": 5, **options}))


# Prompts --------------------------------------------------------------------------------------------------------------


def test_a_prompt_is_continued_character_by_character(alphabet: CharacterModel) -> None:
    characters = alphabet.generate("hij", length=5, seed=1, sampling=GREEDY)
    assert next(characters) == "k"
    assert list(characters) == ["l", "m", "n", "o"]


def test_without_a_prompt_a_text_begins(alphabet: CharacterModel) -> None:
    assert answer(alphabet) == "abcde"


def test_a_prompt_is_normalised(random_model: CharacterModel, small_letters: CharacterModel) -> None:
    assert random_model.encode("e\u0301\r\na") == [2, 1, 5]
    assert answer(small_letters, "HIJ") == "klmno"


def test_characters_that_the_model_has_never_seen_are_an_error_that_names_them(alphabet: CharacterModel) -> None:
    expected = (
        r"^the model has never seen 'É' \(U\+00C9\) '\?' \(U\+003F\) '😀' \(U\+1F600\) '\\udcff' \(U\+DCFF\); "
        r"leave out what it does not know with --on-unknown skip$"
    )
    with pytest.raises(DataError, match=expected):
        alphabet.generate("aE\u0301?b?😀\udcff")  # at once, not when the first character is asked for


def test_of_many_unknown_characters_eight_are_named(alphabet: CharacterModel) -> None:
    with pytest.raises(DataError, match=r"never seen '0' .* '7' \(U\+0037\) \.\.\.; leave"):
        alphabet.encode("0123456789")
    with pytest.raises(DataError, match=r"'7' \(U\+0037\); leave"):
        alphabet.encode("01234567")


def test_unknown_characters_can_be_left_out(alphabet: CharacterModel) -> None:
    assert answer(alphabet, "h!i?j😀", on_unknown="skip") == "klmno"
    assert answer(alphabet, "!?", on_unknown="skip") == "abcde"


# Answers --------------------------------------------------------------------------------------------------------------


def test_a_stop_text_ends_the_answer_and_is_no_part_of_it(alphabet: CharacterModel) -> None:
    assert answer(alphabet, "h", length=20, stop=("no", "m\n")) == "ijklm"
    assert answer(alphabet, "h", length=5, stop=("mn",)) == "ijklm"  # what waited for the n is let out


def test_a_stop_text_is_normalised_like_the_prompt(small_letters: CharacterModel) -> None:
    assert answer(small_letters, "H", stop=("L",)) == "ijk"


def test_the_same_seed_gives_the_same_answer_and_no_seed_another_each_time(random_model: CharacterModel) -> None:
    first, same, other, free, free_again = (
        answer(random_model, "ab", length=60, seed=seed, sampling=HOT) for seed in (1, 1, 2, None, None)
    )
    assert first == same
    assert len({first, other, free, free_again}) == 4


def test_several_answers_are_drawn_at_once(alphabet: CharacterModel) -> None:
    assert alphabet.generate_many("xyz", count=3, length=3, seed=1, sampling=GREEDY) == ["\nab"] * 3
    assert alphabet.generate_many("a", count=0, seed=1) == []


def test_a_batch_of_one_is_the_single_answer(random_model: CharacterModel) -> None:
    options: dict[str, Any] = {"length": 60, "seed": 7, "stop": ("<é", "ab"), "sampling": HOT}
    assert random_model.generate_many("ab", count=1, **options) == ["".join(random_model.generate("ab", **options))]


def test_every_answer_of_a_batch_has_its_own_stop(random_model: CharacterModel) -> None:
    whole = random_model.generate_many("ab", count=6, length=80, seed=3, sampling=HOT)
    stopped = random_model.generate_many("ab", count=6, length=80, seed=3, sampling=HOT, stop=("a>",))
    assert stopped == [text.partition("a>")[0] for text in whole]
    assert 0 < sum(len(text) < 80 for text in stopped) < 6


def test_many_answers_are_drawn_in_waves_of_which_the_first_is_what_a_batch_gives(
    random_model: CharacterModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"length": 40, "seed": 3, "sampling": HOT}
    three, four = (random_model.generate_many("ab", count=count, **options) for count in (3, 4))
    monkeypatch.setattr(generate, "MAX_WAVE", 3)
    eight = random_model.generate_many("ab", count=8, **options)
    assert (eight[:3], len(set(eight))) == (three, 8)
    assert eight == random_model.generate_many("ab", count=8, **options)
    assert random_model.generate_many("ab", count=4, **options)[:3] == three != four[:3]
    endless = random_model.samples("ab", 10**9, stop=(), keep_stop=False, on_unknown="error", **options)
    assert [sample.text for sample in itertools.islice(endless, 6)] == eight[:6]  # whole waves


def test_a_wave_holds_fewer_answers_if_they_are_long() -> None:
    lengths = [0, 1, 500, 2**14, 2**15, 10**6, 10**19]
    assert list(map(generate.wave_size, lengths)) == [4096, 4096, 4096, 4096, 2048, 67, 16]


def test_too_many_answers_are_refused_at_once(alphabet: CharacterModel) -> None:
    with pytest.raises(UsageError, match=r"^count 10{19}: must be a whole number, between 0 and 1000000000$"):
        alphabet.generate_many("a", count=10**19)


def test_one_stop_text_need_not_be_in_a_list(alphabet: CharacterModel) -> None:
    assert answer(alphabet, "a", stop="ef", sampling=GREEDY) == "bcd"
    assert alphabet.generate_many("a", count=1, length=9, stop="ef", sampling=GREEDY) == ["bcd"]
    with pytest.raises(UsageError, match=r"^stop \['ef'\]: must be a text$"):
        answer(alphabet, "a", stop=[["ef"]])


def test_a_batch_is_reproducible_by_its_seed(random_model: CharacterModel) -> None:
    first, same, other = (random_model.generate_many("ab", count=4, length=40, seed=s, sampling=HOT) for s in (1, 1, 2))
    assert first == same != other


# Scores ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 100])
def test_the_score_of_pieces_is_that_of_the_text(random_model: CharacterModel, size: int) -> None:
    text = "ab<é>\n\nba xyz" * 12  # shorter than what a piece reads of those before it
    pieces = [text[:50], *(text[begin : begin + size] for begin in range(50, len(text), size))]
    bits, characters = random_model.score_pieces(pieces)
    expected_bits, expected_characters = random_model.score(text)
    assert (characters, bits) == (expected_characters, pytest.approx(expected_bits, rel=1e-5))


def test_a_score_counts_bits_and_characters_after_normalisation(alphabet: CharacterModel) -> None:
    expected = 3 * math.log2(1 + 27 * math.exp(-20))  # a, b, c: each has the logit 20, the 27 others 0
    bits, characters = alphabet.score("abc")
    assert bits == pytest.approx(expected, rel=1e-2)
    assert characters == 3
    assert alphabet.score("\nab\r\n") == alphabet.score("\nab\n")
    assert alphabet.score("e\u0301")[1] == 1


def test_what_the_model_does_not_expect_costs_more(alphabet: CharacterModel) -> None:
    assert alphabet.score("abcx")[0] == pytest.approx(20 / math.log(2), rel=1e-4)


def test_an_empty_text_has_no_bits_and_no_characters(alphabet: CharacterModel) -> None:
    assert alphabet.score("") == (0.0, 0)


def test_capitals_cost_what_small_letters_cost_a_model_that_folds_case(small_letters: CharacterModel) -> None:
    assert small_letters.score("ABC") == small_letters.score("abc")


# Folders --------------------------------------------------------------------------------------------------------------


def test_the_version_in_service_is_loaded(tmp_path: Path) -> None:
    config, characters, arrays = alphabet_weights()
    save_charlm(tmp_path, config, characters, arrays)
    save_charlm(tmp_path, config, characters, {**arrays, "logits.kernel": 0 * arrays["logits.kernel"]})
    assert load(str(tmp_path)).checkpoint.version == "000002"
    checkpoint.promote(tmp_path, "000001")
    assert answer(load(tmp_path)) == "abcde"


@pytest.mark.parametrize("name", ["", "missing"])
def test_a_folder_without_a_model_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match=f"^{tmp_path / name}: there is no trained model in this folder"):
        load(tmp_path / name)


def test_another_kind_of_model_is_a_usage_error(tmp_path: Path) -> None:
    checkpoint.promote(tmp_path, checkpoint.write_version(tmp_path, "oracle", {}, {}, {}))
    with pytest.raises(UsageError, match=r"this is a oracle model, which this version of rnntext does not know"):
        load(tmp_path)


CONFIG = {"model": {"cell": "rnn", "layers": 1, "units": 2, "embedding": 2}}


def put(root: Path, files: dict[str, Any], vocabulary_size: int) -> None:
    """Puts a version with any files, but whole and with the right digests, into service."""
    arrays = random_arrays(CharlmConfig.from_json(CONFIG["model"]), vocabulary_size)
    contents = {name: json.dumps(value).encode() for name, value in files.items()}
    checkpoint.promote(root, checkpoint.write_version(root, "charlm", contents, arrays, {}))


def test_a_checkpoint_put_together_by_hand_is_loaded(tmp_path: Path) -> None:
    put(tmp_path, {"config.json": CONFIG, "vocabulary.json": ["a", "b"]}, 3)
    assert load(tmp_path).engine.vocabulary.characters == ["a", "b"]


@pytest.mark.parametrize(
    "config",
    [
        [],
        5,
        {},
        {"model": None},
        {"model": [1]},
        {"model": {**CONFIG["model"], "units": 3}},
        {"model": {**CONFIG["model"], "layers": 2}},
        {"model": {**CONFIG["model"], "layers": 10**9}},
        {"model": {**CONFIG["model"], "cell": "mamba"}},
        {"model": {**CONFIG["model"], "units": "2"}},
        {"model": {**CONFIG["model"], "beams": 2}},
    ],
    ids=str,
)
def test_a_config_that_does_not_fit_is_a_damaged_checkpoint(tmp_path: Path, config: Any) -> None:
    put(tmp_path, {"config.json": config, "vocabulary.json": ["a", "b"]}, 3)
    with pytest.raises(CheckpointError):
        load(tmp_path)


@pytest.mark.parametrize(
    ("vocabulary", "size"),
    [(["a"], 3), (["a", "a"], 3), (["a", "bc"], 3), ([1, 2], 3), ([["a"], "b"], 3), (None, 3), ([], 1)],
)
def test_a_vocabulary_that_does_not_fit_is_a_damaged_checkpoint(tmp_path: Path, vocabulary: Any, size: int) -> None:
    put(tmp_path, {"config.json": CONFIG, "vocabulary.json": vocabulary}, size)
    with pytest.raises(CheckpointError):
        load(tmp_path)


@pytest.mark.parametrize("missing", ["config.json", "vocabulary.json"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    files = {"config.json": CONFIG, "vocabulary.json": ["a", "b"]}
    del files[missing]
    put(tmp_path, files, 3)
    with pytest.raises(CheckpointError, match=f"{missing} is missing"):
        load(tmp_path)


@pytest.mark.parametrize("value", [["abc"], b"abc", None])
def test_what_is_no_text_is_neither_continued_nor_scored(alphabet: CharacterModel, value: Any) -> None:
    with pytest.raises(UsageError, match=r"^prompt .*: must be a text$"):
        alphabet.generate(value)
    with pytest.raises(UsageError, match=r"^prompt .*: must be a text$"):
        alphabet.generate_many(value, count=2)
    with pytest.raises(UsageError, match=r"^text .*: must be a text$"):
        alphabet.score(value)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("length", -1), ("length", 2.5), ("length", "5"), ("seed", -1), ("seed", "1"), ("seed", 1.5)],
)
def test_numbers_of_a_continuation_are_whole(alphabet: CharacterModel, parameter: str, value: Any) -> None:
    message = rf"^{parameter} .*: must be a whole number, 0 or more$"
    with pytest.raises(UsageError, match=message):
        alphabet.generate("abc", **{parameter: value})
    with pytest.raises(UsageError, match=message):
        alphabet.generate_many("abc", count=2, **{parameter: value})


@pytest.mark.parametrize("count", [-1, 1.5, "2"])
def test_a_number_of_continuations_is_whole(alphabet: CharacterModel, count: Any) -> None:
    with pytest.raises(UsageError, match=r"^count .*: must be a whole number, between 0 and 1000000000$"):
        alphabet.generate_many("abc", count=count)


# The public names -----------------------------------------------------------------------------------------------------


def test_the_package_offers_its_names(tmp_path: Path) -> None:
    model = rnntext.load(save_charlm(tmp_path, *alphabet_weights()))
    assert "".join(model.generate("x", length=2, sampling=GREEDY)) == "yz"
    assert rnntext.CharlmConfig is CharlmConfig
    assert issubclass(CheckpointError, rnntext.RnntextError)
    assert not hasattr(rnntext, "nonsense")


def test_importing_the_package_loads_nothing_and_loading_a_model_no_tensorflow() -> None:
    script = "import sys, rnntext; print('numpy' in sys.modules); rnntext.load; print('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout == b"False\nFalse\n"


def test_generating_leaves_the_threads_of_blas_as_they_were(alphabet: CharacterModel) -> None:
    def threads() -> list[int]:
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    with threadpool_limits(2, "blas"):
        first, second = (alphabet.generate("a", length=3, seed=1) for _ in range(2))
        for interleaved in (first, second, first, second):
            "".join(itertools.islice(interleaved, 2))
        assert set(threads()) == {2}
