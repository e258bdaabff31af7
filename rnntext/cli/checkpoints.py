"""checkpoints list, show, verify, promote, rollback, prune, pack, unpack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnntext.cli import options
from rnntext.cli.console import note, results
from rnntext.cli.options import Json, Quiet
from rnntext.config import JobConfig
from rnntext.errors import CheckpointError
from rnntext.files.atomic import check_output, output_file

if TYPE_CHECKING:
    from rnntext.jobs.checkpoints import Entry

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
Name = Annotated[str, typer.Argument(metavar="NAME|DIR", help="The model.")]
AnyName = Annotated[str | None, typer.Argument(metavar="NAME|DIR", help="The model.", show_default="all")]
OneVersion = Annotated[
    str | None, typer.Argument(metavar="VERSION", help="As in checkpoints list NAME.", show_default="in service")
]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="As in checkpoints list NAME.")]


@app.command("list", short_help="List models, or versions of a model.")
def list_checkpoints(name: AnyName = None, as_json: Json = False) -> None:
    """List all models with their version in service, or all versions of one model.

    Model or version, kind, whether it is in service, score, megabytes, when it was finished.
    """
    from rnntext.jobs import checkpoints
    from rnntext.storage import models

    if name is None:
        found = [checkpoints.serving(models.home() / known) for known in models.names()]
    else:
        found = checkpoints.entries(checkpoints.find(name))
    with results(None) as out:
        for entry in found:
            title = entry.model if name is None else entry.version
            out.write((json.dumps(entry.to_json()) if as_json else _line(title, entry)) + "\n")


def _line(title: str, entry: Entry) -> str:
    score = f"{entry.score[1]:.4f} {entry.score[0]}" if entry.score else "-"
    columns = [
        title,
        str(entry.facts.get("kind", "damaged")),
        entry.version if title != entry.version else "in service" if entry.in_service else "-",
        score,
        f"{entry.size / 2**20:.1f} MB",
        str(entry.facts.get("finished", "-")),
    ]
    return "\t".join(map(_plain, columns))


def _plain(value: object) -> str:
    """On one line, and without what could command a terminal: manifests may come from strangers."""
    return "".join(c if c.isprintable() else "\ufffd" for c in str(value))


@app.command("show", short_help="Show what is known about a version.")
def show(
    name: Name,
    version: OneVersion = None,
    as_json: Json = False,
) -> None:
    """Show what is known about a version: data, command, scores, durations, parent."""
    from rnntext.jobs import checkpoints

    entry = checkpoints.entry(checkpoints.find(name), version)
    with results(None) as out:
        if as_json:
            out.write(json.dumps(entry.to_json()) + "\n")
            return
        facts = {"version": entry.version, "in service": entry.in_service, **_flat(entry.facts), **entry.metrics}
        for key, value in facts.items():
            out.write(f"{key}: {'-' if value is None else _plain(value)}\n")


def _flat(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts that fit on a line each; the score stands among the metrics, too."""
    return {key: value for key, value in facts.items() if not isinstance(value, dict)}


@app.command("verify", short_help="Check every byte.")
def verify(name: AnyName = None, as_json: Json = False) -> None:
    """Check every byte of all versions of a model, or of all models, and of an unfinished training.

    Exits with 65 if something is damaged.
    """
    from rnntext.jobs import checkpoints
    from rnntext.storage import models

    paths = [checkpoints.find(name)] if name is not None else [models.home() / known for known in models.names()]
    wrong = 0
    with results(None) as out:
        for path in paths:
            found = checkpoints.verify(path)
            wrong += sum(damage is not None for damage in found.values())
            for what, damage in found.items():
                record = {"model": path.name, "what": what, "damage": damage}
                out.write((json.dumps(record) if as_json else f"{path.name}\t{what}\t{damage or 'ok'}") + "\n")
    if wrong:
        raise CheckpointError(f"{wrong} damaged; a whole version comes back with: rnntext checkpoints rollback NAME")


@app.command("promote")
def promote(name: Name, version: Version, quiet: Quiet = False) -> None:
    """Put a version into service."""
    from rnntext.jobs import checkpoints

    path = checkpoints.find(name)
    note(f"{path}: version {checkpoints.promote(path, version)} is in service", quiet)


@app.command("rollback", short_help="Put the version before back into service.")
def rollback(name: Name, quiet: Quiet = False) -> None:
    """Put the version back into service that was there before."""
    from rnntext.jobs import checkpoints

    path = checkpoints.find(name)
    note(f"{path}: version {checkpoints.rollback(path)} is in service", quiet)


@app.command("prune", short_help="Remove old versions.")
def prune(name: Name, keep: options.Keep = JobConfig.keep, quiet: Quiet = False) -> None:
    """Remove all but the newest versions; the one in service and the one before it stay."""
    from rnntext.jobs import checkpoints

    path = checkpoints.find(name)
    JobConfig(keep=keep)  # checks it
    removed = checkpoints.prune(path, keep)
    note(f"{path}: removed {', '.join(removed) or 'nothing'}", quiet)


@app.command("pack", short_help="Write a version as one file.")
def pack(
    name: Name,
    output: Annotated[
        Path,
        typer.Option(
            *("-o", "--output"),
            metavar="FILE.tar",
            callback=options.checked(check_output),
            help="The file, whole or not at all.",
        ),
    ],
    version: OneVersion = None,
    quiet: Quiet = False,
) -> None:
    """Write a version, with its vocabulary and all that is known about it, as one file for another machine."""
    from rnntext.jobs import checkpoints

    path = checkpoints.find(name)
    data = checkpoints.pack(path, version)
    with output_file(output, "--output") as file:
        file.write(data)
    note(f"try, elsewhere: rnntext checkpoints unpack {output.name} {path.name}", quiet)


@app.command("unpack", short_help="Take in a version from a file.")
def unpack(
    archive: Annotated[Path, typer.Argument(metavar="FILE.tar", help="From checkpoints pack.")],
    name: Name,
    quiet: Quiet = False,
) -> None:
    """Take in a version from a file, checked to the last byte; it goes into service if the model has none there."""
    from rnntext.jobs import checkpoints
    from rnntext.storage import models

    path = models.folder(name)
    version, serving = checkpoints.unpack(archive, path)
    what = "is in service" if serving else f"is not in service yet; try: rnntext checkpoints promote {name} {version}"
    note(f"{path}: version {version} {what}", quiet)
