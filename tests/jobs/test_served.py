"""Models are pickled by reference: what another process unpickles is loaded from the same folder."""

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import (
    alphabet_weights,
    random_arrays,
    save_charlm,
    save_forecaster,
    save_translator,
    shifting_weights,
)

import rnntext
from rnntext.errors import UsageError
from rnntext.jobs.load import load_characters, load_forecaster, load_translation
from rnntext.settings.charlm import CharlmConfig
from rnntext.settings.forecaster import ForecastConfig
from rnntext.storage.service import put

TEXT = "abc dec\nbed a cab\n"
MAX_PICKLE = 1000  # bytes; the weights of the smallest model here are more


@pytest.fixture
def alphabet(tmp_path: Path) -> Path:
    return save_charlm(tmp_path / "alphabet", *alphabet_weights())


def other_version(root: Path) -> None:
    """Puts a version into service that has not learnt the alphabet."""
    config = CharlmConfig(cell="rnn", layers=1, units=3, embedding=2)
    save_charlm(root, config, "abcde ", random_arrays(config, 7))


def again(model: object) -> object:
    pickled = pickle.dumps(model)
    assert len(pickled) < MAX_PICKLE
    return pickle.loads(pickled)


def test_a_character_model_comes_back_with_its_threads(alphabet: Path) -> None:
    for model in (rnntext.load(alphabet, threads=2), load_characters(alphabet, 2)):
        back = again(model)
        assert type(back) is type(model)
        assert (back.threads, back.checkpoint.path) == (2, model.checkpoint.path)
        assert back.score(TEXT) == model.score(TEXT)


def test_a_translation_model_comes_back_with_all_that_it_was_loaded_with(tmp_path: Path) -> None:
    root = save_translator(tmp_path, *shifting_weights(), longest=39)
    model = load_translation(root, threads=2, jobs=3)
    back = again(model)
    assert (back.threads, back.jobs) == (model.threads, model.jobs)
    assert list(back.translate(["hal", "a cat"])) == list(model.translate(["hal", "a cat"])) == ["ibm", "b dbu"]


def test_a_forecaster_comes_back_with_its_floor(tmp_path: Path) -> None:
    series = np.sin(np.arange(60))[:, None]
    root = save_forecaster(
        tmp_path, ForecastConfig(architecture="seasonal-naive", window=6, horizon=2), series, season=6
    )
    free, bounded = rnntext.load(root), load_forecaster(root, floor=0.5)
    for model in (free, bounded):
        back = again(model)
        np.testing.assert_array_equal(back.forecast(series, steps=8).values, model.forecast(series, steps=8).values)
    assert free.forecast(series, steps=8).values.min() < 0.5 <= again(bounded).forecast(series, steps=8).values.min()


def test_an_ensemble_comes_back_whole(alphabet: Path, tmp_path: Path) -> None:
    config = CharlmConfig(cell="gru", layers=1, units=4, embedding=3)
    other = save_charlm(tmp_path / "other", config, alphabet_weights()[1], random_arrays(config, 28))
    ensemble = rnntext.load([alphabet, other])
    assert again(ensemble).score(TEXT) == ensemble.score(TEXT) != rnntext.load(alphabet).score(TEXT)


def test_a_promoted_version_is_picked_up_by_the_next_one_that_unpickles(alphabet: Path) -> None:
    model = rnntext.load(alphabet)
    pickled = pickle.dumps(model)
    before = model.score(TEXT)
    other_version(alphabet)
    assert model.score(TEXT) == before
    assert pickle.loads(pickled).score(TEXT) == rnntext.load(alphabet).score(TEXT) != before
    put(alphabet, "000001")
    assert pickle.loads(pickled).score(TEXT) == before


def test_a_version_that_was_named_stays(alphabet: Path) -> None:
    model = rnntext.load(alphabet, version=1)
    pickled = pickle.dumps(model)
    other_version(alphabet)
    assert pickle.loads(pickled).score(TEXT) == model.score(TEXT) != rnntext.load(alphabet).score(TEXT)


def test_another_process_in_another_folder_finds_the_model(
    alphabet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(alphabet.parent)
    pickled = pickle.dumps(rnntext.load(alphabet.name))
    code = "import pickle, sys; print(*pickle.load(sys.stdin.buffer).generate('abc', length=3, seed=1), sep='')"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    root = str(Path(rnntext.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code], input=pickled, cwd=elsewhere, env={"PYTHONPATH": root}, capture_output=True
    )
    assert done.stdout == b"def\n", done.stderr


def test_what_is_stored_nowhere_is_not_pickled(alphabet: Path) -> None:
    model = rnntext.load(alphabet)
    adapted = model.adapted(TEXT * 5)
    with pytest.raises(UsageError, match="stored nowhere"):
        pickle.dumps(adapted)
    assert again(model).score(TEXT) == model.score(TEXT) != adapted.score(TEXT)


def test_a_copy_in_memory_is_not_loaded_again(alphabet: Path) -> None:
    model = rnntext.load(alphabet)
    model.threads = 2
    other_version(alphabet)
    for made in (copy.copy(model), copy.deepcopy(model)):
        assert (made.threads, made.score(TEXT)) == (2, model.score(TEXT))
        assert again(made).score(TEXT) == rnntext.load(alphabet).score(TEXT) != model.score(TEXT)
    adapted = model.adapted(TEXT * 5)
    assert copy.deepcopy(adapted).score(TEXT) == adapted.score(TEXT)
