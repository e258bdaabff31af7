"""The end of a training: a new version, and whether it goes into service."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnntext.config import JobConfig
from rnntext.errors import CheckpointError, NewerCheckpointError, UsageError
from rnntext.files.atomic import remove_folder
from rnntext.jobs.recipe import IncomparableError, Recipe
from rnntext.jobs.unfinished import Options, Snapshot
from rnntext.storage import checkpoint, service
from rnntext.storage.checkpoint import Checkpoint, to_json
from rnntext.text import overlap

SEEN = "seen.bin"  # sketch of all text that a version has learnt from, its parents' included
UNFAIR = 0.05  # share of the held-out text that one has trained on and the other has not, which is worth saying


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        state: "finished", "paused" (the same command goes on) or "unchanged" (there was nothing to do).
        version: the new one; the newest one, if unchanged; None if paused.
        promoted: whether it went into service.
        score: of the new version on the held-out text.
        champion: score of the version that was in service before, on the same text.
        parent: the version whose weights the run began with.
        reason: why the new version was not put into service.
        remark: what makes the comparison unfair, if anything does.
    """

    state: str
    version: str | None = None
    promoted: bool = False
    score: float | None = None
    champion: float | None = None
    steps: int = 0
    seconds: float = 0.0
    parameters: int = 0
    label: str = ""
    parent: str | None = None
    reason: str | None = None
    remark: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Everything, for --json."""
        return dataclasses.asdict(self)

    def sentence(self, path: str) -> str:
        """What a person wants to know."""
        if self.state == "paused":
            return f"{path}: paused and saved at step {self.steps}; the same command goes on from there"
        if self.state == "unchanged":
            return (
                f"{path}: nothing to do: version {self.version} was made of the same data with the same settings; "
                "--force trains all the same"
            )
        score = f"version {self.version}: {self.score:.4f} held-out {self.label} after {self.steps} steps"
        if self.promoted:
            return f"{path}: {score}; now in service"
        if self.reason is None:
            return f"{path}: {score}; not put into service"
        return f"{path}: {score}; not put into service: {self.reason}; --promote always would"


@dataclasses.dataclass(frozen=True)
class Trained:
    """The best weights of a run, and how it came to them."""

    arrays: dict[str, np.ndarray]
    metrics: dict[str, float]
    step: int
    steps: int
    seconds: float
    parameters: int


@dataclasses.dataclass(frozen=True)
class _Comparison:
    champion: float | None = None
    reason: str | None = None
    remark: str | None = None


def finish(recipe: Recipe, snapshot: Snapshot, path: Path, job: JobConfig, trained: Trained) -> Outcome:
    """Writes the version, puts it into service if it deserves it, and removes what is not needed any more."""
    score = trained.metrics[recipe.metric]
    found = _compare(recipe, snapshot, path, score, job.tolerance) if job.promote == "better" else _Comparison()
    version = _written(path, snapshot.run) or _write(recipe, snapshot, path, job, trained, found.champion)
    promoted = job.promote == "always" or (job.promote == "better" and found.reason is None)
    if promoted:
        service.put(path, version)
    service.prune(path, job.keep)
    remove_folder(path / "run")
    return Outcome(
        "finished",
        version,
        promoted,
        score,
        found.champion,
        trained.steps,
        trained.seconds,
        trained.parameters,
        recipe.label,
        snapshot.parent,
        found.reason,
        found.remark,
    )


def _write(
    recipe: Recipe, snapshot: Snapshot, path: Path, job: JobConfig, trained: Trained, champion: float | None
) -> str:
    metrics = {**trained.metrics, "step": trained.step, "steps": trained.steps, "seconds": trained.seconds}
    files = {
        "config.json": to_json(_config(recipe)),
        "metrics.json": to_json(metrics),
        SEEN: overlap.to_bytes(overlap.merge(snapshot.arrays["seen"], snapshot.arrays["inherited"])),
        **recipe.files(snapshot),
    }
    about = {
        "run": snapshot.run,
        "parent": snapshot.parent,
        "corpus": snapshot.corpus,
        "settings": settings_digest(snapshot.options),
        "command": job.command,
        "score": {"name": recipe.metric, "value": trained.metrics[recipe.metric], "champion": champion},
        "finished": service.timestamp(),
        **recipe.about(snapshot),
    }
    return checkpoint.write_version(path, recipe.kind, files, trained.arrays, about)


def _config(recipe: Recipe) -> Options:
    """Shape and training, with the values of what the command left open."""
    model = {name: getattr(recipe.model, name) for name in recipe.options["model"] if hasattr(recipe.model, name)}
    return {"model": {**model, **recipe.model.to_json()}, "training": recipe.training.to_json()}


def settings_digest(options: Options) -> str:
    """SHA-256 of options, whatever their order."""
    ordered = {group: dict(sorted(members.items())) for group, members in sorted(options.items())}
    return hashlib.sha256(to_json(ordered)).hexdigest()


def _compare(recipe: Recipe, snapshot: Snapshot, path: Path, score: float, tolerance: float) -> _Comparison:
    """The score of the version in service, if there is a usable one, and why it must stay, if it must."""
    found = champion(path, recipe.kind)
    if found is None:
        return _Comparison()
    try:
        recipe.check_comparable(found)
        other = recipe.score(found, snapshot)
    except IncomparableError as error:
        return _Comparison(reason=str(error))
    except CheckpointError:  # damaged in a way that only shows in use
        return _Comparison()
    lead = other - score if recipe.higher else score - other
    reason = f"the version in service is better ({other:.4f})" if lead > tolerance else None
    return _Comparison(other, reason, _unfair(found, snapshot, recipe.held_out(snapshot)))


def _unfair(found: Checkpoint, snapshot: Snapshot, held_out: overlap.Hashes) -> str | None:
    """Says so if the version in service has trained on the held-out text. What the new version's own training text has
    in common with it (sayings, headings) is not meant."""
    seen = overlap.share(held_out, overlap.from_bytes(found.files.get(SEEN, b"")))
    if seen - overlap.share(held_out, snapshot.arrays["seen"]) <= UNFAIR:
        return None
    return f"the version in service (or its parents) trained on {seen:.0%} of the held-out text, which flatters it"


def _written(path: Path, run: str) -> str | None:
    """The newest version, if this very run wrote it and was killed before it could say so."""
    found = newest(path)
    return found.version if found is not None and found.manifest.get("run") == run else None


def newest(path: Path) -> Checkpoint | None:
    """The newest version, in service or not; None if there is none, or a damaged one."""
    for name in checkpoint.versions(path)[-1:]:
        try:
            return checkpoint.load_version(path / "versions" / name)
        except CheckpointError:
            return None
    return None


def champion(path: Path, kind: str) -> Checkpoint | None:
    """The version in service; None if there is none, or a damaged one: anything that works is better.

    Raises:
        NewerCheckpointError, UsageError: a newer rnntext wrote it, or it is another kind of model.
    """
    if not checkpoint.in_service(path):
        return None
    try:
        found = checkpoint.load(path)
    except NewerCheckpointError:
        raise
    except CheckpointError:
        return None
    if found.kind != kind:
        raise UsageError(f"{path}: this is a {found.kind} model; train a {kind} under another name")
    return found


def usable_parent(recipe: Recipe, found: Checkpoint, defaults: Mapping[str, Any]) -> None:
    """Raises IncomparableError unless a run can begin with the weights of a version."""
    recipe.check_comparable(found)
    stored = found.json("config.json")  # readable, or `check_comparable` would have failed
    model = {**defaults, **stored["model"]}
    wanted = {name: value for name, value in recipe.options["model"].items() if name not in recipe.free}
    changed = [name for name, value in wanted.items() if model.get(name) != value]
    if changed:
        raise IncomparableError(f"the version in service has another shape ({', '.join(changed)})")
