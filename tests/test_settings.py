"""Defaults, their limits, and their way to JSON and back."""

import dataclasses
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from rnntext import errors
from rnntext.errors import CheckpointError, StoppedError, UsageError
from rnntext.settings.base import as_text, as_texts, check_choice
from rnntext.settings.charlm import CharlmConfig, CharlmTraining, SamplingConfig
from rnntext.settings.forecaster import ForecastConfig, ForecastTraining
from rnntext.settings.training import JobConfig

CONFIGS = [CharlmConfig, CharlmTraining, SamplingConfig, ForecastConfig, ForecastTraining]


LIMITS = [
    (CharlmConfig, "layers", 1, 64),
    (CharlmConfig, "units", 1, 16384),
    (CharlmConfig, "embedding", 1, 16384),
    (CharlmTraining, "batch_size", 1, 65536),
    (CharlmTraining, "window", 1, 65536),
    (CharlmTraining, "vocabulary_size", 1, 1_000_000),
    (CharlmTraining, "learning_rate", 0, 1),
    (CharlmTraining, "dropout", 0, 0.95),
    (CharlmTraining, "recurrent_dropout", 0, 0.95),
    (CharlmTraining, "average", 0, 0.99999),
    (CharlmTraining, "seed", 0, 2**31 - 1),
    (ForecastConfig, "window", 1, 65536),
    (ForecastConfig, "horizon", 1, 65536),
    (ForecastConfig, "units", 1, 16384),
    (ForecastTraining, "batch_size", 1, 65536),
    (SamplingConfig, "temperature", 0, 100),
    (SamplingConfig, "top_p", 1e-6, 1),
    (SamplingConfig, "min_p", 1e-6, 1),
    (SamplingConfig, "repetition_penalty", 0.01, 100),
]


@pytest.mark.parametrize(("config", "name", "low", "high"), LIMITS)
def test_options_have_limits(config: type, name: str, low: float, high: float) -> None:
    for value in (low, high):
        assert getattr(config(**{name: value}), name) == value
    for value in (low - 0.5, high + 0.5, float("nan"), float("inf"), -float("inf")):
        with pytest.raises(UsageError, match=f"^--{name.replace('_', '-')} "):
            config(**{name: value})


@pytest.mark.parametrize("name", ["epochs", "steps", "time_limit"])
def test_budgets_are_at_least_one_and_may_be_missing(name: str) -> None:
    assert getattr(CharlmTraining(**{name: None}), name) is None
    assert getattr(CharlmTraining(**{name: 10**9}), name) == 10**9
    with pytest.raises(UsageError, match=f"^--{name.replace('_', '-')} 0: must be at least 1$"):
        CharlmTraining(**{name: 0})


@pytest.mark.parametrize(
    ("name", "low"), [("tolerance", 0), ("keep", 1), ("save_every", 0), ("pause_after", 0), ("wait", 0)]
)
def test_options_of_a_job_have_a_lower_limit(name: str, low: int) -> None:
    assert getattr(JobConfig(**{name: low}), name) == low
    for value in (low - 0.5, float("nan")):
        with pytest.raises(UsageError, match=f"^--{name.replace('_', '-')} "):
            JobConfig(**{name: value})


def test_filters_can_be_switched_off() -> None:
    assert SamplingConfig(top_k=None, top_p=None, min_p=None) == SamplingConfig()
    with pytest.raises(UsageError, match=r"^--top-k 0: must be at least 1$"):
        SamplingConfig(top_k=0)


@pytest.mark.parametrize(
    ("config", "option", "message"),
    [
        (CharlmConfig, {"layers": 0}, "--layers 0: must be between 1 and 64"),
        (CharlmTraining, {"dropout": "much"}, "--dropout 'much': must be a number"),
        (CharlmConfig, {"layers": [2]}, "--layers [2]: must be a number"),
        (CharlmTraining, {"dropout": 1.5}, "--dropout 1.5: must be between 0 and 0.95"),
        (CharlmTraining, {"seed": 2**31}, "--seed 2147483648: must be between 0 and 2147483647"),
        (CharlmTraining, {"vocabulary_size": 1_000_001}, "--vocabulary-size 1000001: must be between 1 and 1000000"),
        (ForecastConfig, {"scale": "log"}, "--scale log: must be one of relative, standard, none"),
        (ForecastConfig, {"recurrent_output": True}, "--recurrent-output: needs --architecture rnn or deep-rnn"),
        (CharlmConfig, {"cell": "LSTM"}, "--cell LSTM: must be one of rnn, lstm, gru; did you mean lstm?"),
        (CharlmTraining, {"precision": "half"}, "--precision half: must be one of auto, float32, bfloat16"),
    ],
)
def test_a_wrong_option_is_named_with_its_value_and_its_limits(
    config: type, option: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        config(**option)
    assert str(caught.value) == message


def test_a_choice_is_checked_under_its_flag() -> None:
    check_choice("on_unknown", "skip", ("error", "skip"))
    with pytest.raises(UsageError, match=r"^--on-unknown ignore: must be one of error, skip$"):
        check_choice("on_unknown", "ignore", ("error", "skip"))


@pytest.mark.parametrize("config", CONFIGS)
def test_configs_cannot_be_changed(config: type) -> None:
    made = config()
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(made, dataclasses.fields(made)[0].name, None)


# JSON -----------------------------------------------------------------------------------------------------------------

UNUSUAL = [
    CharlmConfig(cell="gru", layers=3, units=17, embedding=5, lowercase=True),
    CharlmTraining(epochs=2, steps=10, time_limit=90.0, vocabulary_size=80, learning_rate=1e-4, seed=2**31 - 1),
    CharlmTraining(average=0.0, precision="bfloat16"),
    SamplingConfig(temperature=0.0, top_k=5, top_p=0.9, min_p=0.05, repetition_penalty=1.2),
]


@pytest.mark.parametrize("config", [*UNUSUAL, *(config() for config in CONFIGS)])
def test_configs_come_back_from_json(config: Any) -> None:
    assert type(config).from_json(json.loads(json.dumps(config.to_json()))) == config


def test_a_missing_field_takes_its_default() -> None:
    assert CharlmConfig.from_json({"units": 7}) == CharlmConfig(units=7)


def test_a_whole_number_may_stand_for_a_float() -> None:
    assert CharlmTraining.from_json({"dropout": 0}) == CharlmTraining(dropout=0.0)


@pytest.mark.parametrize(
    ("config", "values", "named"),
    [
        (CharlmConfig, {"heads": 8}, "'heads' is unknown"),
        (CharlmConfig, {"units": "512"}, "'units': '512' is not of type int"),
        (CharlmConfig, {"units": 512.0}, "'units': 512.0 is not of type int"),
        (CharlmConfig, {"units": None}, "'units'"),
        (CharlmConfig, {"layers": True}, "'layers': True is not of type int"),
        (CharlmConfig, {"lowercase": 1}, "'lowercase': 1 is not of type bool"),
        (CharlmConfig, {"cell": ["lstm"]}, "'cell'"),
        (CharlmConfig, {"cell": "mamba"}, "--cell mamba"),
        (CharlmConfig, {"layers": 0}, "--layers 0"),
        (CharlmTraining, {"dropout": float("nan")}, "--dropout nan"),
        (CharlmTraining, {"epochs": "three"}, "epochs"),
        (CharlmTraining, {"steps": 2.5}, "steps"),
        (CharlmTraining, {"steps": [1]}, "steps"),
        (CharlmTraining, {"time_limit": "90s"}, "time_limit"),
        (CharlmConfig, [], "config"),
        (CharlmConfig, None, "config"),
    ],
)
def test_a_damaged_config_is_refused(config: Any, values: Any, named: str) -> None:
    with pytest.raises(CheckpointError, match=named):
        config.from_json(values)


# Texts and lists of texts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [("abc", ["abc"]), (["a", "b"], ["a", "b"]), (("a",), ["a"]), (Path("a/b"), ["a/b"]), ([Path("a"), 5], ["a", "5"])],
)
def test_one_text_counts_as_a_list_of_one(value: Any, expected: list[str]) -> None:
    assert as_texts("names", value) == expected


@pytest.mark.parametrize("value", [None, [["a"]], [None], {"a": 1}.items(), b"abc", [b"a"]])
def test_what_is_no_list_of_texts_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match=r"^names .*: must be a text$"):
        as_texts("names", value)


@pytest.mark.parametrize(("value", "expected"), [("abc", "abc"), (0.1, "0.1"), (Path("a"), "a")])
def test_a_text_may_be_a_path_or_a_number(value: Any, expected: str) -> None:
    assert as_text("name", value) == expected
    with pytest.raises(UsageError, match=r"^name \[.*\]: must be a text$"):
        as_text("name", [value])


# Errors ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in vars(errors) if name.endswith("Error")])
def test_every_error_goes_to_another_process_and_back(name: str) -> None:
    cls = getattr(errors, name)
    error = cls("stopped", 15) if cls is StoppedError else cls("what is wrong")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.exit_code) == (cls, str(error), error.exit_code)
