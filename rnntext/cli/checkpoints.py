"""The commands `checkpoints list`, `show`, `verify`, `finish`, `promote`, `rollback`, `prune`, `remove`, `pack`,
`unpack` and `export`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnntext.cli import options
from rnntext.cli.console import file_size, note, results, signals_as_exceptions
from rnntext.cli.options import Json, Quiet
from rnntext.cli.watching import Notes
from rnntext.errors import CheckpointError
from rnntext.export import TARGETS
from rnntext.files.atomic import check_new_folder, check_output
from rnntext.settings.base import OUTPUT
from rnntext.settings.training import JobConfig
from rnntext.watch.observer import Observer

if TYPE_CHECKING:
    from rnntext.jobs.checkpoints import Entry

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
_MODEL = "A model: a name under ./checkpoints, or a folder."
Name = Annotated[str, typer.Argument(metavar="NAME|DIR", help=_MODEL)]
OptionalName = Annotated[str | None, typer.Argument(metavar="NAME|DIR", help=_MODEL, show_default="all models")]
OptionalVersion = Annotated[
    str | None, typer.Argument(metavar="VERSION", help=options.VERSION, show_default="the version in service")
]
Keep = Annotated[int, options.field(JobConfig, "keep")]
Promote = Annotated[str, options.field(JobConfig, "promote")]
Tolerance = Annotated[float, options.field(JobConfig, "tolerance")]
Version = Annotated[str, typer.Argument(metavar="VERSION", help=options.VERSION)]


@app.command("list", short_help="List all models, or the versions of one model.")
def list_checkpoints(name: OptionalName = None, as_json: Json = False) -> None:
    """List all models with their version in service, or all versions of one model.

    The columns are: model or version, kind of model, version in service (of one model: whether it is this one),
    held-out score, size in megabytes, and the time at which the training ended. An unfinished training has a line of
    its own, with the step that it has reached and its best score so far.
    """
    from rnntext.jobs import checkpoints
    from rnntext.storage import models

    if name is None:
        entries = [entry for model in models.all_names() for entry in checkpoints.overview(models.home() / model)]
    else:
        entries = checkpoints.entries(checkpoints.find(name))
    if not entries:
        note(f"no models in {models.home()}/; train one first: rnntext train-charlm")
    with results(None) as out:
        for entry in entries:
            if as_json:
                line = json.dumps(entry.to_json())
            elif entry.version == checkpoints.RUN:
                state = f"unfinished, step {entry.facts.get('step', '-')}"
                line = _line(entry, entry.model if name is None else entry.version, state)
            elif name is None:
                line = _line(entry, entry.model, entry.version if entry.in_service else "-")
            else:
                line = _line(entry, entry.version, "in service" if entry.in_service else "-")
            out.write(line + "\n")


def _line(entry: Entry, title: str, state: str) -> str:
    """The line of a model or version in the list, its columns separated by TAB."""
    score = "-"
    if entry.score:
        name, value = entry.score
        score = f"{value:.4f} {name}"
    kind = entry.facts.get("kind", "damaged")
    finished = entry.facts.get("finished", "-")
    return "\t".join(_printable(column) for column in (title, kind, state, score, file_size(entry.size), finished))


def _printable(value: object) -> str:
    """A value as text on one line, without control characters that a terminal would obey: a manifest may come from
    somebody else."""
    return "".join(c if c.isprintable() else "\ufffd" for c in str(value))


@app.command("show", short_help="Show all metadata of a version.")
def show(
    name: Name,
    version: OptionalVersion = None,
    as_json: Json = False,
) -> None:
    """Show all metadata of a version: its data, command, scores, durations and parent version.

    The version "run" is the unfinished training.
    """
    from rnntext.jobs import checkpoints

    entry = checkpoints.entry(checkpoints.find(name), version)
    with results(None) as out:
        if as_json:
            out.write(json.dumps(entry.to_json()) + "\n")
            return
        facts = {"version": entry.version, "in service": entry.in_service, **_scalars(entry.facts), **entry.metrics}
        for key, value in facts.items():
            shown = "-" if value is None else _printable(value)
            out.write(f"{key}: {shown}\n")


def _scalars(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts that fit on one line each. Of those that do not, the score is also among the metrics."""
    return {key: value for key, value in facts.items() if not isinstance(value, dict)}


@app.command("verify", short_help="Check every byte of the stored versions.")
def verify(name: OptionalName = None, as_json: Json = False) -> None:
    """Check every byte of all versions of one model, or of all models, and of unfinished trainings.

    The exit code is 65 if something is damaged.
    """
    from rnntext.jobs import checkpoints
    from rnntext.storage import models

    paths = [models.home() / model for model in models.all_names()] if name is None else [checkpoints.find(name)]
    damaged = 0
    with results(None) as out:
        for path in paths:
            for part, damage in checkpoints.verify(path).items():
                damaged += damage is not None
                record = {"model": path.name, "what": part, "damage": damage}
                line = json.dumps(record) if as_json else f"{path.name}\t{part}\t{damage or 'ok'}"
                out.write(line + "\n")
    if damaged:
        raise CheckpointError(f"{damaged} damaged; a whole version comes back with: rnntext checkpoints rollback NAME")


@app.command("finish", short_help="End an unfinished training now.")
def finish(
    name: Name,
    promote: Promote = JobConfig.promote,
    tolerance: Tolerance = JobConfig.tolerance,
    keep: Keep = JobConfig.keep,
    quiet: Quiet = False,
) -> None:
    """End an unfinished training where it stands: make a version of its best weights so far.

    The version goes into service by the rules of every training. That of a forecaster has not learnt from the held-out
    data, as there is no last fit on all data before a training's own end.
    """
    from rnntext.jobs import checkpoints, finishing

    path = checkpoints.find(name)
    job = JobConfig(promote=promote, tolerance=tolerance, keep=keep)
    outcome = finishing.finish(path, job, Observer() if quiet else Notes())
    note(outcome.sentence(str(path)), quiet)


@app.command("promote", short_help="Put a version into service.")
def promote(name: Name, version: Version, quiet: Quiet = False) -> None:
    """Put a version into service, in place of the one that is there."""
    from rnntext.jobs import checkpoints

    path = checkpoints.find(name)
    note(f"{path}: version {checkpoints.promote(path, version)} is in service", quiet)


@app.command("rollback", short_help="Put the previous version back into service.")
def rollback(name: Name, quiet: Quiet = False) -> None:
    """Put the version back into service that was there before the present one."""
    from rnntext.jobs import checkpoints

    path = checkpoints.find(name)
    note(f"{path}: version {checkpoints.rollback(path)} is in service", quiet)


@app.command("prune", short_help="Remove old versions.")
def prune(name: Name, keep: Keep = JobConfig.keep, quiet: Quiet = False) -> None:
    """Remove all but the newest versions. The version in service and the one before it are kept, too."""
    from rnntext.jobs import checkpoints

    path = checkpoints.find(name)
    JobConfig(keep=keep)  # raises UsageError if it is out of range
    removed = checkpoints.prune(path, keep)
    note(f"{path}: removed {', '.join(removed) or 'nothing'}", quiet)


@app.command("remove", short_help="Remove a version.")
def remove(name: Name, version: Version, quiet: Quiet = False) -> None:
    """Remove one version, whatever its age. The version in service cannot be removed."""
    from rnntext.jobs import checkpoints

    path = checkpoints.find(name)
    note(f"{path}: removed {checkpoints.remove(path, version)}", quiet)


@app.command("pack", short_help="Write a version as one file.")
def pack(
    name: Name,
    output: Annotated[
        Path,
        options.output_option(
            check_output,
            "The file to write, which appears only when it is complete; - is stdout.",
            *("-o", "--output"),
            metavar="FILE.tar",
            standard_output=True,
        ),
    ],
    version: OptionalVersion = None,
    quiet: Quiet = False,
) -> None:
    """Write a version with its vocabulary and all its metadata as one file, to be unpacked on another machine."""
    from rnntext.jobs import checkpoints

    path = checkpoints.find(name)
    data = checkpoints.pack(path, version)
    with results(output) as out:
        out.write(data)
    archive = shlex.quote(output.name) if output else "-"
    note(f"try, elsewhere: rnntext checkpoints unpack {archive} {shlex.quote(path.name)}", quiet)


@app.command("unpack", short_help="Add a version from a file.")
def unpack(
    archive: Annotated[
        str, typer.Argument(metavar="FILE.tar", help="A file that checkpoints pack wrote; - reads stdin.")
    ],
    name: Name,
    quiet: Quiet = False,
) -> None:
    """Add a version from a file, after a check of every byte. It goes into service if no version is there."""
    from rnntext.jobs import checkpoints
    from rnntext.storage import models

    path = models.folder(name)
    version, serving = checkpoints.unpack(archive, path)
    state = "is in service"
    if not serving:
        state = f"is not in service yet; try: rnntext checkpoints promote {shlex.quote(name)} {version}"
    note(f"{path}: version {version} {state}", quiet)


@app.command("export", short_help="Write a version for another program.")
def export(
    name: Name,
    target: Annotated[str, options.choice("The format.", *TARGETS, name="to", group=OUTPUT)],
    output: Annotated[
        Path,
        options.output_option(
            check_new_folder,
            "The folder to make, which appears only when it is complete.",
            *("-o", "--output"),
            metavar="DIR",
        ),
    ],
    version: OptionalVersion = None,
    quiet: Quiet = False,
) -> None:
    """Write a version for another program, with all that it takes to use it there: vocabulary, scales, and a README.

    ctranslate2: a Transformer for CTranslate2. keras: a file of weights, and code that rebuilds the model of Keras's
    own layers. onnx: graphs for ONNX Runtime and others, with an example in Python. text: numbers, names and equations,
    enough to write an engine in another language.
    """
    from rnntext.jobs import checkpoints
    from rnntext.jobs.export import export

    with signals_as_exceptions():
        export(checkpoints.find(name), target, output, version)
    note(f"read {output / 'README.md'}", quiet)
