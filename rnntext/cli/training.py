"""The common part of the training commands: how the job runs, its observers, and its last messages."""

from __future__ import annotations

import dataclasses
import inspect
import json
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnntext.cli import options
from rnntext.cli.command import Command, Function, build, parameters
from rnntext.cli.console import note, results
from rnntext.cli.watching import Notes, watching
from rnntext.errors import NotPromotedError, RnntextError, UsageError
from rnntext.families import Family
from rnntext.files.atomic import check_log, check_output, check_output_folder
from rnntext.settings import charlm, translator
from rnntext.settings.base import DATA, JOB, LEARNING, MODEL
from rnntext.settings.training import JobConfig
from rnntext.sizes import SIZES
from rnntext.system import be_nice
from rnntext.text.lines import ENCODING_ERRORS
from rnntext.train import tf_config
from rnntext.watch.logs import JsonLog, MetricsFile, TensorBoard
from rnntext.watch.observer import Observer, Observers

if TYPE_CHECKING:
    from rnntext.jobs.promotion import Outcome


Size = Annotated[
    str,
    options.choice(
        "Size of the model; auto: the size that suits the data, the time limit and this machine. Options with the "
        "default (by --size) are chosen with it.",
        *("auto", *SIZES),
        name="size",
        group=MODEL,
    ),
]
Teacher = Annotated[
    list[str] | None,
    typer.Option(
        "--teacher",
        metavar="NAME|DIR|in-service",
        help="Learn from another model, too; in-service: from the model that this one is to replace. May be given "
        "several times.",
        rich_help_panel=LEARNING,
    ),
]
TeacherShare = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Share that is learnt from the teacher, of a translator's sentences or of a character model's loss.",
        show_default=f"{translator.TEACHER_SHARE:g} or {charlm.TEACHER_SHARE:g}",
        rich_help_panel=LEARNING,
    ),
]
EncodingErrors = Annotated[
    str,
    options.choice(
        "How to treat invalid UTF-8: refuse the text, or read invalid bytes as U+FFFD.",
        *ENCODING_ERRORS,
        name="encoding_errors",
        group=DATA,
    ),
]
Nice = Annotated[
    int,
    typer.Option(
        min=0, max=19, help="Lower the priority of the process by this much; 19 is the lowest.", rich_help_panel=JOB
    ),
]
FailIfNotPromoted = Annotated[
    bool,
    typer.Option(
        "--fail-if-not-promoted",
        help="Exit with code 3 if the new version does not go into service.",
        rich_help_panel=JOB,
    ),
]
LogFile = Annotated[
    Path | None, options.output_option(check_log, "Append a line of JSON to FILE for each event of the training.")
]
PrometheusFile = Annotated[
    Path | None,
    options.output_option(
        check_output, "Write metrics for the textfile collector of Prometheus to FILE.", metavar="FILE.prom"
    ),
]
TensorBoardFolder = Annotated[
    Path | None,
    options.output_option(
        check_output_folder, "Write learning curves for TensorBoard into DIR.", "--tensorboard", metavar="DIR"
    ),
]


def _shared(
    job: JobConfig,
    fail_if_not_promoted: FailIfNotPromoted = False,
    nice: Nice = 0,
    log_json: LogFile = None,
    metrics_file: PrometheusFile = None,
    tensorboard: TensorBoardFolder = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Only its signature is used: the options that every training command has."""


def training_command(family: Family, *examples: str) -> Callable[[Function], Function]:
    """A decorator that makes a command of a function that trains a model and returns the outcome.

    The options of the job are added to the function's own. Its parameters `path`, `job` and `observer` are no options:
    they are the model's folder, the settings of the job and the observer that the options ask for.

    Args:
        family: the kind of model.
        examples: command lines for the help.
    """

    def decorate(train: Function) -> Function:
        keyword = inspect.Parameter.KEYWORD_ONLY
        model = inspect.Parameter("model", keyword, default=family.name, annotation=options.Model)
        own = [parameter for parameter in parameters(train) if parameter.name not in ("path", "job", "observer")]
        shared = parameters(_shared)

        def body(arguments: dict[str, Any], values: Mapping[str, Any]) -> None:
            command_line = shlex.join(["rnntext", *sys.argv[1:]])
            job = dataclasses.replace(arguments["job"], command=command_line)
            given = {parameter.name: arguments[parameter.name] for parameter in own}
            _run(family, lambda path, observer: train(**given, path=path, job=job, observer=observer), values)

        return build([model, *own, *shared], train.__doc__, examples, body, _WatchedCommand)

    return decorate


class _WatchedCommand(Command):
    """A command whose metrics file tells of a wrong command line, too, which no training hears of."""

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """See Typer."""
        given = list(args)
        try:
            return super().make_context(info_name, args, parent, **extra)
        except (typer.TyperException, RnntextError, OSError) as error:
            forgiving = dict.fromkeys(("resilient_parsing", "ignore_unknown_options", "allow_extra_args"), True)
            _tell_failure(super().make_context(info_name, given, parent, **{**extra, **forgiving}).params, error)
            raise

    def invoke(self, ctx: Any) -> Any:
        """See Typer."""
        try:
            return super().invoke(ctx)
        except UsageError as error:
            _tell_failure(ctx.params, error)
            raise


def _tell_failure(values: Mapping[str, Any], error: Exception) -> None:
    """Notes a failure in the metrics file that the options name, if they do and it can be written."""
    file = values.get("metrics_file")
    if file is not None and str(file) != "-" and not values.get("dry_run"):
        with suppress(OSError, RnntextError):
            if not _follows():
                MetricsFile(file, Path(values["model"]).name).error(str(error))


def _follows() -> bool:
    """Whether this process follows the chief of several that train together, who alone writes and talks.

    Raises:
        UsageError: TF_CONFIG is malformed.
    """
    place = tf_config.place()
    return place is not None and place.rank > 0


def _run(family: Family, train: Callable[[Path, Observer], Outcome], values: Mapping[str, Any]) -> None:
    """Runs a training and reports its outcome.

    Args:
        family: the kind of model.
        train: trains it, given its folder and the observer.
        values: the values of all options by name.
    """
    from rnntext.storage.models import folder

    # 1. Train.
    name = values["model"]
    path = folder(name)
    follows = _follows()
    quiet = values["quiet"] or follows
    be_nice(values["nice"])
    with _observers(family, path, values, follows) as observer:
        outcome = train(path, observer)
    # 2. Report the outcome, and how to use the model.
    if values["as_json"] and not follows:
        with results(None) as out:
            record = {"model": str(path), **outcome.to_json()}
            out.write(json.dumps(record) + "\n")
    sentence = outcome.sentence(str(path))
    if values["fail_if_not_promoted"] and outcome.state == "finished" and not outcome.promoted:
        raise NotPromotedError(sentence)
    note(sentence, quiet)
    if outcome.promoted:
        quoted = {option: shlex.quote(str(value)) for option, value in values.items()}
        use = family.use.format(**quoted)
        model = "" if name == family.name else f" -m {shlex.quote(name)}"
        note(f"try: rnntext {use}{model}", quiet)


@contextmanager
def _observers(family: Family, path: Path, values: Mapping[str, Any], follows: bool) -> Iterator[Observer]:
    """The observers that the options ask for; a process that follows another one only notes that it does."""
    if follows:
        yield Observer() if values["quiet"] else Notes()
        return
    makers: dict[str, Callable[[Path], Observer]] = {
        "log_json": lambda file: JsonLog(file, path.name),
        "metrics_file": lambda file: MetricsFile(file, path.name),
        "tensorboard": TensorBoard,
    }
    files = [make(values[name]) for name, make in makers.items() if values[name] is not None and not values["dry_run"]]
    with watching(values["quiet"], family.unit, family.metric, family.label, examples=values["verbose"]) as console:
        yield Observers([console, *files])
