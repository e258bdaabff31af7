"""Ensembles on the command line: -m several times, or --ensemble, for each command that takes them."""

import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
from cli.shell import CLEAN, Shell
from helpers import random_arrays, save_charlm, save_forecaster, save_translator, shifting_weights

import rnntext
from rnntext.settings.charlm import CharlmConfig
from rnntext.settings.forecaster import ForecastConfig
from rnntext.settings.search import SearchConfig

CHARACTERS = "\nabcde "
TEXT = "abc dec\nbed a cab\n"
BOTH = ["-m", "charlm", "-m", "other"]
TRANSLATORS = ["-m", "translator", "-m", "uncertain"]
SEEDED = ["generate", "ab", "-n", "30", "--seed", "3"]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """charlm, of two versions, and other; translator and uncertain, which shift letters; forecaster."""
    folder = tmp_path_factory.mktemp("home")
    config = CharlmConfig(cell="gru", layers=1, units=6, embedding=3)
    for name, seed in (("charlm", 1), ("charlm", 2), ("other", 3)):
        save_charlm(folder / name, config, CHARACTERS, random_arrays(config, len(CHARACTERS) + 1, seed))
    shape, arrays, language = shifting_weights()
    save_translator(folder / "translator", shape, arrays, language, longest=39)
    weaker = {**arrays, "logits.kernel": arrays["logits.kernel"] * np.float32(0.7)}
    save_translator(folder / "uncertain", shape, weaker, language, longest=39)
    save_forecaster(folder / "forecaster", ForecastConfig(architecture="naive", window=3), np.arange(40.0)[:, None])
    return folder


@pytest.fixture
def shell(tmp_path: Path, home: Path) -> Shell:
    return Shell(tmp_path, {**CLEAN, "RNNTEXT_CHECKPOINTS": str(home)})


def test_generate_draws_from_several_models(shell: Shell, home: Path) -> None:
    done = shell.here(*SEEDED, *BOTH)
    text = "".join(rnntext.load([home / "charlm", home / "other"]).generate("ab", length=30, seed=3))
    assert done.text.rstrip("\n") == f"ab{text}".rstrip("\n")
    assert done.out == shell.here(*SEEDED, *BOTH).out
    assert done.out != shell.here(*SEEDED, "-m", "other").out
    (record,) = shell.here(*SEEDED, *BOTH, "--json").records
    assert (record["text"], record["model"]) == (text, [str(home / "charlm"), str(home / "other")])


def test_generate_draws_from_the_newest_versions(shell: Shell, home: Path) -> None:
    done = shell.here(*SEEDED, "--ensemble", "2", "--json")
    model = rnntext.load(home / "charlm", ensemble=2)
    (record,) = done.records
    assert record["text"] == "".join(model.generate("ab", length=30, seed=3))
    assert record["model"] == str(home / "charlm")
    assert rnntext.load(home / "charlm").score(TEXT) != model.score(TEXT)


def test_versions_of_which_none_is_in_service_make_an_ensemble(shell: Shell, home: Path) -> None:
    shutil.copytree(home / "charlm", shell.folder / "idle")
    (shell.folder / "idle" / "current").unlink()
    idle = [*SEEDED, "-m", "./idle"]
    assert shell.here(*idle, "--ensemble", "2").out == shell.here(*SEEDED, "--ensemble", "2").out
    assert "no version is in service" in shell.here(*idle, code=2).message


@pytest.mark.parametrize(
    ("settings", "arguments"),
    [
        ('model = "other"', ["-m", "other"]),
        ('model = ["charlm", "other"]', BOTH),
        ("ensemble = 2", ["--ensemble", "2"]),
    ],
)
def test_a_config_file_names_one_model_or_several(shell: Shell, settings: str, arguments: list[str]) -> None:
    shell.write("settings.toml", settings)
    assert shell.here(*SEEDED, "--config", "settings.toml").out == shell.here(*SEEDED, *arguments).out


def test_flags_take_the_place_of_the_models_of_a_config_file(shell: Shell) -> None:
    shell.write("settings.toml", 'model = ["charlm", "other"]')
    flagged = shell.here(*SEEDED, "--config", "settings.toml", "-m", "other")
    assert flagged.out == shell.here(*SEEDED, "-m", "other").out


def test_print_config_names_all_models(shell: Shell) -> None:
    printed = shell.here(*SEEDED, *BOTH, "--print-config").text
    assert tomllib.loads(printed)["model"] == ["charlm", "other"]
    shell.write("settings.toml", printed)
    assert shell.here("generate", "--config", "settings.toml").out == shell.here(*SEEDED, *BOTH).out


def test_score_measures_several_models(shell: Shell, home: Path) -> None:
    shell.write("text.txt", TEXT)
    (record,) = shell.here("score", "text.txt", *BOTH, "--json").records
    assert record["bits"] == rnntext.load([home / "charlm", home / "other"]).score(TEXT)[0]
    shell.write("pairs.tsv", "hal\tibm\n")
    (record,) = shell.here("score", "pairs.tsv", *TRANSLATORS, "--json").records
    ((expected, _),) = rnntext.load([home / "translator", home / "uncertain"]).score([("hal", "ibm")])
    assert record["log_probability"] == expected


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_translate_searches_with_several_models(shell: Shell, home: Path, jobs: str) -> None:
    done = shell.here("translate", *TRANSLATORS, "--beam", "2", "--json", "--jobs", jobs, stdin="hal\na cat\n")
    model = rnntext.load([home / "translator", home / "uncertain"])
    lines = model.translate_all(["hal", "a cat"], SearchConfig(beam=2))
    assert [record["translation"] for record in done.records] == ["ibm", "b dbu"]
    found = [record["log_probability"] for record in done.records]
    assert found == [line.answers[0].log_probability for line in lines]
    expected = [log_probability for log_probability, _ in model.score([("hal", "ibm"), ("a cat", "b dbu")])]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    first, *_ = np.array(done.records[0]["attention"])
    np.testing.assert_allclose(first, [1, 0, 0], atol=1e-3)
    terms = shell.write("terms.tsv", "cat\tKatze\n")
    done = shell.here("translate", *TRANSLATORS, "--jobs", jobs, "--glossary", terms, stdin="hal\na cat\n")
    assert done.lines == ["ibm", "b Katze"]


def test_evaluate_compares_the_translations_of_several_models(shell: Shell) -> None:
    shell.write("pairs.tsv", "hal\tibm\nthe cat sat on the mat\tuif dbu tbu po uif nbu\n")
    (record,) = shell.here("evaluate", "pairs.tsv", *TRANSLATORS, "--json").records
    assert record["bleu"] == pytest.approx(100)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["generate", "a", "-m", "charlm", "-m", "nobody"], "no model 'nobody' in "),
        (["generate", "a", *BOTH, "--ensemble", "2"], "--ensemble 2: goes with one model; 2 are given"),
        (["generate", "a", *BOTH, "--version", "1"], "--version 1: goes with one model; 2 are given"),
        (["generate", "a", "--ensemble", "2", "--version", "1"], "--ensemble 2: takes the newest versions; leave out "),
        (["generate", "a", "--ensemble", "3"], "charlm has only 2 versions: 000001, 000002"),
        (["generate", "a", "--ensemble", "1"], "Invalid value for '--ensemble'"),
        (["generate", "a", "-m", "charlm", "-m", "translator"], "this is a translator model; a character model "),
        (["score", "-m", "charlm", "-m", "translator"], "they are a charlm model and a translator model"),
        (["score", "-m", "forecaster", "-m", "forecaster"], "only models of text make an ensemble"),
        (["translate", *TRANSLATORS, "--engine", "ctranslate2"], "an ensemble needs --engine numpy"),
        (["evaluate", "-", *TRANSLATORS, "--engine", "ctranslate2"], "an ensemble needs --engine numpy"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_makes_no_ensemble_is_refused_in_one_line(shell: Shell, arguments: list[str], message: str) -> None:
    assert message in shell.here(*arguments, code=2).message


def test_a_config_file_without_any_model_is_refused(shell: Shell) -> None:
    shell.write("settings.toml", "model = []")
    refused = shell.here("generate", "a", "--config", "settings.toml", code=2)
    assert refused.message == "--model: name at least one (from --config settings.toml)"
