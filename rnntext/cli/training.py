"""What all training commands have in common: options beside data, model and rates, and what they say at the end."""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnntext.cli import options
from rnntext.cli.console import note, results
from rnntext.cli.options import ConfigFile, Json, PrintConfig, Quiet, Verbose, pick, print_settings
from rnntext.cli.watching import watching
from rnntext.config import JobConfig
from rnntext.errors import NotPromotedError
from rnntext.train.logs import JsonLog, MetricsFile, TensorBoard
from rnntext.train.observer import Observer, Observers

if TYPE_CHECKING:
    from rnntext.jobs.promotion import Outcome

Start = Callable[[Path, JobConfig, Observer], "Outcome"]  # trains the model in a folder
Command = Callable[..., None]


@dataclasses.dataclass(frozen=True)
class Family:
    """How one kind of model is spoken of.

    Attributes:
        name: of the model, if the user gives none.
        unit: what is counted, in the plural.
        metric, label: the score's name among the metrics, and what it is called.
        use: the command that uses such a model; may name options of the training in braces.
    """

    name: str
    unit: str
    metric: str
    label: str
    use: str


def _shared(
    promote: options.Promote = JobConfig.promote,
    tolerance: options.Tolerance = JobConfig.tolerance,
    fail_if_not_promoted: options.FailIfNotPromoted = False,
    keep: options.Keep = JobConfig.keep,
    warm_start: options.WarmStart = JobConfig.warm_start,
    force: options.Force = JobConfig.force,
    fresh: options.Fresh = JobConfig.fresh,
    save_every: options.SaveEvery = JobConfig.save_every,
    pause_after: options.PauseAfter = JobConfig.pause_after,
    wait: options.Wait = JobConfig.wait,
    nice: options.Nice = 0,
    log_json: options.LogJson = None,
    metrics_file: options.MetricsFile = None,
    tensorboard: options.TensorBoard = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    config: ConfigFile = None,
    print_config: PrintConfig = False,
) -> None:
    """Only its signature is used: the options that every training command ends with."""


def training_command(family: Family) -> Callable[[Callable[..., Start]], Command]:
    """Makes a command of a function that has the options of one kind of model, the context among them, checks them, and
    returns how to start the training. The shared options are added to its own."""

    def decorate(configure: Callable[..., Start]) -> Command:
        own = inspect.signature(configure, eval_str=True)
        shared = inspect.signature(_shared, eval_str=True)

        def command(**values: Any) -> None:
            context = values["context"]
            start = configure(**{name: values[name] for name in own.parameters})
            job = pick(JobConfig, {**values, "command": shlex.join(["rnntext", *sys.argv[1:]])})
            if values["print_config"]:
                print_settings(context)
            else:
                _run(family, start, job, values)

        parameters = [*own.parameters.values(), *shared.parameters.values()]
        command.__signature__ = own.replace(parameters=parameters, return_annotation=None)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        command.__doc__ = configure.__doc__
        return command

    return decorate


def _run(family: Family, start: Start, job: JobConfig, values: dict[str, Any]) -> None:
    from rnntext.storage.models import folder

    model, quiet = values["model"], values["quiet"]
    path = folder(model)
    os.nice(values["nice"])
    with _observers(family, path, values) as observer:
        outcome = start(path, job, observer)
    if values["as_json"]:
        with results(None) as out:
            out.write(json.dumps({"model": str(path), **outcome.to_json()}) + "\n")
    if values["fail_if_not_promoted"] and outcome.state == "finished" and not outcome.promoted:
        raise NotPromotedError(outcome.sentence(str(path)))
    note(outcome.sentence(str(path)), quiet)
    if outcome.promoted:
        use = family.use.format(**{name: shlex.quote(str(value)) for name, value in values.items()})
        note(f"try: rnntext {use}{'' if model == family.name else f' -m {shlex.quote(model)}'}", quiet)


@contextmanager
def _observers(family: Family, path: Path, values: dict[str, Any]) -> Iterator[Observer]:
    """Everybody who wants to be told."""
    writers: dict[str, Callable[[Path], Observer]] = {
        "log_json": lambda file: JsonLog(file, path.name),
        "metrics_file": lambda file: MetricsFile(file, path.name),
        "tensorboard": TensorBoard,
    }
    found = [make(values[name]) for name, make in writers.items() if values[name] is not None]
    with watching(values["quiet"], family.unit, family.metric, family.label, examples=values["verbose"]) as console:
        yield Observers([console, *found])
