"""An option is declared once: everything about it follows from one line in a settings file."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
import typer.main
import typer.testing

import rnntext.settings
from rnntext.cli import options
from rnntext.cli.command import command
from rnntext.cli.training import training_command
from rnntext.errors import UsageError
from rnntext.families import CHARLM
from rnntext.jobs import beginning, unfinished
from rnntext.jobs.charlm_recipe import CharlmRecipe
from rnntext.jobs.texts import TextSource
from rnntext.jobs.unfinished import Snapshot
from rnntext.settings import translator
from rnntext.settings.base import BUDGET, GROUPS, MAY_CHANGE, MODEL, MUST_MATCH, SAMPLING, Config, option
from rnntext.settings.charlm import CharlmConfig, CharlmTraining, SamplingConfig
from rnntext.settings.search import BestOnly, SearchConfig
from rnntext.settings.training import JobConfig
from rnntext.settings.translator import TranslatorConfig, TranslatorTraining

for module in pkgutil.iter_modules(rnntext.settings.__path__):
    importlib.import_module(f"rnntext.settings.{module.name}")

NOT_TRAINED = (SamplingConfig, SearchConfig, BestOnly)


def configs(cls: type[Config] = Config) -> list[type[Config]]:
    """All configs of rnntext itself."""
    found = [sub for child in cls.__subclasses__() for sub in (child, *configs(child))]
    return [sub for sub in found if sub.__module__.startswith("rnntext.")]


FREE_TEXT = {"keep"}  # fields of any text, which their configs check


def forgotten(cls: type[Config]) -> list[str]:
    """What the declarations of a config do not say."""
    found = []
    for name, (hint, _, declared) in Config.flags.__func__(cls).items():  # type: ignore[attr-defined]
        kinds = get_args(hint) or (hint,)
        if not (declared.help[:1].isupper() and declared.help.endswith((".", "..."))):
            found.append(f"{name}: help that is a sentence")
        if declared.group not in GROUPS:
            found.append(f"{name}: group")
        if {int, float} & set(kinds) and declared.low is None:
            found.append(f"{name}: range")
        if str in kinds and not declared.choices and name not in FREE_TEXT:
            found.append(f"{name}: choices")
        if bool in kinds and getattr(cls, name) and not declared.negative:
            found.append(f"{name}: flag that switches it off")
        if cls not in NOT_TRAINED and (declared.resume or cls.resume) not in (MUST_MATCH, MAY_CHANGE):
            found.append(f"{name}: class on resume")
    return found


@pytest.mark.parametrize("cls", configs(), ids=lambda cls: cls.__name__)
def test_nothing_is_forgotten_in_a_declaration(cls: type[Config]) -> None:
    assert forgotten(cls) == []
    assert all(declared.help for declared in cls.options().values())


def test_what_is_forgotten_is_noticed() -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Careless(Config):
        depth: int = option(1, "", "Nowhere")
        style: str = option("plain", "How it looks.", MODEL)
        loud: bool = option(True, "It makes a noise.", MODEL)

    assert forgotten(Careless) == [
        "depth: help that is a sentence",
        "depth: group",
        "depth: range",
        "depth: class on resume",
        "style: choices",
        "style: class on resume",
        "loud: flag that switches it off",
        "loud: class on resume",
    ]


# By doing it ----------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, kw_only=True)
class MoreTraining(CharlmTraining):
    """A training with one more option: this line is all that declares it."""

    look_back: int = option(3, "Number of windows to look back on.", BUDGET, low=1, high=9)


def run(function: Any, *arguments: str) -> Any:
    app = typer.Typer(rich_markup_mode=None)
    app.command("x", cls=function.command_class)(function)
    return typer.testing.CliRunner().invoke(app, arguments)


def test_a_training_option_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    seen: list[MoreTraining] = []

    @training_command(CHARLM)
    def train(
        *, shape: CharlmConfig, budget: MoreTraining, left_open: options.LeftOpen, path: Path, job: Any, observer: Any
    ) -> None:
        """Train."""

    @command()
    def show(*, budget: MoreTraining) -> None:
        """Show."""
        seen.append(budget)

    help_text = run(train, "--help").output
    assert "--look-back" in help_text
    assert "Number of windows to look back on." in help_text
    assert "[default: 3]" in help_text
    run(train, "--look-back", "5", "--print-config")
    assert "look-back = 5\n" in capfd.readouterr().out
    assert run(show, "--look-back", "5").exit_code == 0
    assert seen == [MoreTraining(look_back=5)]
    assert str(run(show, "--look-back", "10").exception) == "--look-back 10: must be between 1 and 9"
    assert MoreTraining.from_json(MoreTraining(look_back=5).to_json()).look_back == 5
    begun = MoreTraining(look_back=5).to_json()
    with pytest.raises(UsageError, match=r"\(--look-back 5 -> 3\)"):
        unfinished.check_same(
            Snapshot("charlm", {"training": begun}, {}, {}, "c0ffee"),
            "charlm",
            {"training": MoreTraining().to_json()},
            [MoreTraining()],
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class MoreSampling(SamplingConfig):
    """Another sampler."""

    typical_p: float | None = option(None, "Draw from typical characters.", SAMPLING, low=0.1, high=1)


def test_a_sampling_option_is_one_line_of_the_settings() -> None:
    seen: list[MoreSampling] = []

    @command()
    def generate(*, sampling: MoreSampling) -> None:
        """Generate."""
        seen.append(sampling)

    assert "--typical-p" in run(generate, "--help").output
    assert run(generate, "--typical-p", "0.5", "--top-k", "3").exit_code == 0
    assert seen == [MoreSampling(typical_p=0.5, top_k=3)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvolutionConfig(TranslatorConfig):
    """Another architecture."""

    width: int = option(3, "Width of the convolutions.", MODEL, low=1, high=9)


def test_an_architecture_needs_no_file_of_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(translator.ARCHITECTURES, "convolution", ConvolutionConfig)  # type: ignore[arg-type]
    monkeypatch.setattr(translator, "KINDS", ("auto", *translator.ARCHITECTURES))
    seen: list[Any] = []

    @command()
    def train(*, shape: TranslatorConfig, budget: TranslatorTraining, left_open: options.LeftOpen) -> None:
        """Train."""
        seen.append((shape, left_open))

    help_text = " ".join(run(train, "--help").output.split())
    assert "auto|transformer|hybrid|gru|convolution" in help_text
    assert "Width of the convolutions. [default: (3)]" in help_text
    assert run(train, "--width", "5").exit_code == 0
    assert seen[-1][0] == ConvolutionConfig(width=5)
    assert "architecture" not in seen[-1][1]
    assert run(train, "--architecture", "convolution", "--untied").exit_code == 0
    assert seen[-1][0] == ConvolutionConfig(tied=False)
    wrong = run(train, "--architecture", "convolution", "--heads", "2")
    assert str(wrong.exception) == "--heads 2: --architecture convolution has no such thing"
    assert (
        str(run(train, "--width", "5", "--heads", "2").exception) == "--heads --width: no architecture has all of these"
    )


def test_no_file_of_the_command_line_names_an_architecture() -> None:
    for path in Path(options.__file__).parent.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not [name for name in translator.ARCHITECTURES if f'"{name}"' in text], path


# The architecture that is left open -----------------------------------------------------------------------------------


def test_what_is_given_decides_where_it_can() -> None:
    def read(**given: Any) -> tuple[TranslatorConfig, frozenset[str]]:
        values = dict.fromkeys(TranslatorConfig.flags()) | {"architecture": "auto"} | given
        values = {n: v for n, v in values.items() if v is not None or n not in TranslatorConfig.options()}
        return TranslatorConfig.from_flags(values), TranslatorConfig.left_open(values)

    assert {"architecture", "layers", "units"} <= read()[1]
    assert read(heads=2)[0].architecture == "transformer"
    assert "architecture" not in read(heads=2)[1]
    assert read(attention="none")[0].architecture == "gru"
    assert "architecture" in read(units=100)[1]  # no architecture was asked for that could refuse it
    with pytest.raises(UsageError, match="--units 100: must be a multiple of twice --heads 3"):
        read(units=100, heads=3)
    with pytest.raises(UsageError, match=r"--architecture grü: must be one of .*; did you mean gru"):
        read(architecture="grü")


def test_settings_of_a_training_are_those_that_must_match() -> None:
    recipe = CharlmRecipe(TextSource(["a.txt"], "0.1"), CharlmConfig(), CharlmTraining())
    settings = beginning.settings(recipe, JobConfig())
    assert settings["job"] == {"warm_start": True}
    assert settings["training"].keys() == CharlmTraining.options().keys()
