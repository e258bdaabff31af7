"""What the commands' options have in common: one flag, one meaning, one text."""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from rnntext.config import (
    ARCHITECTURES,
    ATTENTIONS,
    CELLS,
    POSITIONS,
    PRECISIONS,
    PROMOTIONS,
    SCHEDULES,
    TOKENS,
    Config,
)
from rnntext.errors import InputOutputError, UsageError
from rnntext.files.atomic import check_log, check_output, check_output_folder
from rnntext.sizes import SIZES

C = TypeVar("C", bound=Config)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_NOT_IN_FILES = {"config", "print_config", "fresh"}  # a file that says fresh would drop every unfinished run


def duration(text: str | float) -> float:
    """Seconds in "90s", "30m", "1.5h" or plain 90."""
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)([smhd]?)", str(text).strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a duration; write 90s, 30m or 2h")
    return float(match[1]) * _UNITS[match[2]]


def load_config(context: typer.Context, path: Path | None) -> Path | None:
    """Makes the values of a TOML file the command's defaults: flags > file > defaults."""
    if path is None or context.resilient_parsing:
        return path
    import tomllib

    try:
        with open(path, "rb") as file:
            values = {key.replace("_", "-"): value for key, value in tomllib.load(file).items()}
    except OSError as error:
        raise InputOutputError(f"--config {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"--config {path}: not TOML: {error}") from error
    known = {_setting(p): str(p.name) for p in context.command.params if p.name not in _NOT_IN_FILES}
    for key in values:
        if key not in known:
            close = difflib.get_close_matches(key, known, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise UsageError(f"--config {path}: {context.command.name} has no option {key!r}{hint}")
    context.default_map = {known[key]: value for key, value in values.items()}
    return path


def checked(check: Callable[[Path, str], None]) -> Callable[..., Path | None]:
    """A callback for options that name what is written: looks at it before anything is read."""

    def callback(context: typer.Context, parameter: typer.CallbackParam, path: Path | None) -> Path | None:
        if path is not None and not context.resilient_parsing:
            check(path, max(parameter.opts, key=len))
        return path

    return callback


def print_settings(context: typer.Context) -> None:
    """Prints the settings in force as a TOML file that --config reads."""
    for parameter in context.command.params:
        value = context.params.get(str(parameter.name))
        if parameter.name not in _NOT_IN_FILES and value is not None and value != [] and value != ():
            typer.echo(f"{_setting(parameter)} = {_toml(value)}")


def _setting(parameter: Any) -> str:
    """What a parameter is called in a file: its long flag without the dashes."""
    return next((flag[2:] for flag in parameter.opts if flag.startswith("--")), str(parameter.name))


def _toml(value: Any) -> str:
    """JSON's strings, numbers and lists are TOML's, but for DEL, which TOML wants escaped."""
    shown = [str(v) for v in value] if isinstance(value, (list, tuple)) else value
    shown = str(shown) if isinstance(shown, Path) else shown
    return json.dumps(shown, ensure_ascii=False).replace("\x7f", "\\u007f")


def given(open_fields: Collection[str], values: dict[str, Any]) -> dict[str, Any]:
    """The options without those that are left open."""
    return {name: value for name, value in values.items() if value is not None or name not in open_fields}


def pick(cls: type[C], values: dict[str, Any]) -> C:
    """The config dataclass whose fields have these values; further values are ignored."""
    return cls(**{field.name: values[field.name] for field in dataclasses.fields(cls) if field.name in values})  # type: ignore[arg-type]


# Every command
Model = Annotated[
    str, typer.Option("-m", "--model", metavar="NAME|DIR", help="The model: a name under ./checkpoints, or a folder.")
]
Output = Annotated[
    Path | None,
    typer.Option(
        *("-o", "--output"),
        metavar="FILE",
        callback=checked(check_output),
        help="Write the results to FILE (whole or not at all).",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Results as JSON lines.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Show where an unforeseen error came from.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads of a matrix product, where no other work needs them.")]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE.toml",
        is_eager=True,
        callback=load_config,
        help="Read options from a TOML file; flags go before it.",
    ),
]
PrintConfig = Annotated[bool, typer.Option("--print-config", help="Print the options in force as TOML and exit.")]

# Every training command: its data
Validation = Annotated[
    str,
    typer.Option(
        metavar="FRACTION|FILE",
        help="Held-out text: the end of the text (a short time limit scores a part of it), or a file.",
    ),
]
EncodingErrors = Annotated[str, typer.Option(metavar="strict|replace", help="What to do with invalid UTF-8.")]
Lowercase = Annotated[bool, typer.Option("--lowercase", help="Read capitals as small letters.")]

# ... its model
CellKind = Annotated[str, typer.Option("--cell", metavar="|".join(CELLS), help="Kind of recurrent cell.")]
BY_SIZE = "by --size"
Size = Annotated[
    str,
    typer.Option(
        metavar="|".join(("auto", *SIZES)),
        help="What options not given become; auto: what suits the data, the time limit and this machine.",
    ),
]
Layers = Annotated[int | None, typer.Option(help="Recurrent layers.", show_default=BY_SIZE)]
Units = Annotated[int | None, typer.Option(help="Units of a layer.", show_default=BY_SIZE)]
Embedding = Annotated[int | None, typer.Option(help="Size of the embedding vectors.", show_default=BY_SIZE)]


def by_architecture(name: str) -> str:
    """The default of a field that not all architectures have, or not with the same default."""
    return ", ".join(f"{kind} {getattr(cls, name)}" for kind, cls in ARCHITECTURES.items() if hasattr(cls, name))


Heads = Annotated[int | None, typer.Option(help="Attention heads.", show_default=BY_SIZE)]
Feedforward = Annotated[int | None, typer.Option(help="Width of the blocks' inner layer.", show_default=BY_SIZE)]
Positions = Annotated[
    str | None,
    typer.Option(metavar="|".join(POSITIONS), help="Of tokens.", show_default=by_architecture("positions")),
]
Attention = Annotated[
    str | None,
    typer.Option(metavar="|".join(ATTENTIONS), help="Of the decoder.", show_default=by_architecture("attention")),
]
Tokens = Annotated[str, typer.Option(metavar="|".join(TOKENS), help="What sentences consist of.")]

# ... its budget and rates
Epochs = Annotated[int | None, typer.Option(help="Most passes over the text.")]
Steps = Annotated[int | None, typer.Option(help="Most optimizer updates.")]
TimeLimit = Annotated[
    float | None,
    typer.Option(
        parser=duration, metavar="90s|30m|2h", help="The run's whole time. [default: 10m if no other limit is given]"
    ),
]
BatchSize = Annotated[int | None, typer.Option(help="Streams of text read side by side.", show_default=BY_SIZE)]
Window = Annotated[int, typer.Option(help="Steps of back-propagation through time.")]
LearningRate = Annotated[float | None, typer.Option(help="The highest, after the warm-up.", show_default=BY_SIZE)]
Dropout = Annotated[float | None, typer.Option(help="Dropout between layers.", show_default=BY_SIZE)]
RecurrentDropout = Annotated[float | None, typer.Option(help="Dropout from step to step.", show_default=BY_SIZE)]
BatchTokens = Annotated[
    int | None, typer.Option(help="Sentences x tokens of the longer side in a batch, about.", show_default=BY_SIZE)
]
Warmup = Annotated[int, typer.Option(help="Steps in which the learning rate rises.")]
Schedule = Annotated[
    str | None, typer.Option(metavar="|".join(SCHEDULES), help="How the learning rate falls.", show_default=BY_SIZE)
]
Patience = Annotated[int | None, typer.Option(help="End after so many evaluations without a better one.")]
Accumulate = Annotated[int, typer.Option(help="Batches that make one step.")]
Precision = Annotated[str, typer.Option(metavar="|".join(PRECISIONS), help="Type of matrix products.")]
Seed = Annotated[int, typer.Option(help="With --steps or --epochs, the same seed on one machine gives the same model.")]

# ... how it runs
SaveEvery = Annotated[
    float,
    typer.Option(
        parser=duration,
        metavar="90s|2m",
        help="Time between two saves, beside those at each evaluation.",
        show_default="2m",
    ),
]
PauseAfter = Annotated[
    float | None,
    typer.Option(parser=duration, metavar="90s|30m|2h", help="Save and end after this time; the same command goes on."),
]
Wait = Annotated[
    float,
    typer.Option(
        parser=duration, metavar="90s|10m", help="Wait for another job that trains this model.", show_default="0s"
    ),
]
Nice = Annotated[int, typer.Option(min=0, max=19, help="Let other programs go first; 19: all of them.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Drop an unfinished training instead of going on with it.")]
Force = Annotated[bool, typer.Option("--force", help="Train although data and settings are those of the last run.")]
WarmStart = Annotated[
    bool,
    typer.Option(
        "--warm-start/--from-scratch", help="Begin a run with the weights and the vocabulary of the version in service."
    ),
]
RelearnTokens = Annotated[
    bool, typer.Option("--relearn-tokens", help="With a warm start, learn the tokens anew; equal ones keep weights.")
]

# ... what becomes of it
Promote = Annotated[
    str,
    typer.Option(
        metavar="|".join(PROMOTIONS),
        help="When the new version goes into service; better: if not worse than the one there.",
    ),
]
Tolerance = Annotated[float, typer.Option(help="How much worse, in units of the score, still counts as not worse.")]
FailIfNotPromoted = Annotated[
    bool, typer.Option("--fail-if-not-promoted", help="Exit with 3 if the old version stays in service.")
]
Keep = Annotated[int, typer.Option(help="Newest versions to keep, beside the one in service and the one before it.")]

# ... and who watches
LogJson = Annotated[
    Path | None,
    typer.Option(metavar="FILE", callback=checked(check_log), help="Add a JSON line per event to FILE."),
]
MetricsFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.prom",
        callback=checked(check_output),
        help="Keep metrics for Prometheus's textfile collector in FILE.",
    ),
]
TensorBoard = Annotated[
    Path | None,
    typer.Option(
        "--tensorboard",
        metavar="DIR",
        callback=checked(check_output_folder),
        help="Write curves for TensorBoard into DIR.",
    ),
]
