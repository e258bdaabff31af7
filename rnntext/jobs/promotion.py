"""The end of a training: a new version is written, compared with the version in service, and promoted or not."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from rnntext.errors import CheckpointError
from rnntext.files.atomic import remove_folder
from rnntext.jobs.recipe import IncomparableError, Recipe, Run
from rnntext.jobs.unfinished import Options
from rnntext.settings.training import JobConfig
from rnntext.storage import checkpoint, models, service
from rnntext.storage.checkpoint import Checkpoint
from rnntext.storage.json_files import to_json
from rnntext.storage.weights import HONEST, to_bytes
from rnntext.text import overlap
from rnntext.words import counted

SEEN = "seen.bin"  # file with the sketch of all data that a version and its parents have learnt from
MAX_SHARED = 0.05  # share of the held-out data that somebody has learnt from; more is worth a remark


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a job ended.

    >>> import rnntext
    >>> model = rnntext.ForecastConfig(architecture="seasonal-naive", window=14, horizon=7)
    >>> outcome = rnntext.train_forecast("sales.csv", "checkpoints/weekly", model)
    >>> outcome.state, outcome.version, outcome.promoted, outcome.label
    ('finished', '000001', True, 'MASE')

    Attributes:
        state: "finished", "paused" (the same command goes on), "unchanged" (there was nothing to do) or "rehearsed" (a
            dry run).
        version: the new version; if unchanged, the newest one; if paused, None.
        promoted: whether the new version went into service.
        score: of the new version on the held-out data.
        mae: mean absolute error of a forecaster on them, in units of the data.
        champion: score of the version that was in service before, on the same data.
        steps: of the run so far.
        seconds: that the run has taken so far.
        parameters: number of parameters of the model.
        label: the name of the score.
        parent: the version whose weights the run began with.
        reason: why the new version did not go into service; of `checkpoints finish`, why there was nothing to do.
        remark: what makes the comparison unfair, if anything does.
    """

    state: str
    version: str | None = None
    promoted: bool = False
    score: float | None = None
    mae: float | None = None
    champion: float | None = None
    steps: int = 0
    seconds: float = 0.0
    parameters: int = 0
    label: str = ""
    parent: str | None = None
    reason: str | None = None
    remark: str | None = None

    def to_json(self) -> dict[str, Any]:
        """All fields by name, for --json."""
        return dataclasses.asdict(self)

    def sentence(self, path: str) -> str:
        """The outcome in one sentence for the user."""
        if self.state == "paused":
            return f"{path}: paused and saved at step {self.steps}; the same command goes on from there"
        if self.state == "unchanged" and self.reason is not None:
            return f"{path}: nothing to do: {self.reason}; the newest version is {self.version}"
        if self.state == "unchanged":
            return (
                f"{path}: nothing to do: version {self.version} was made of the same data with the same settings; "
                "--force trains all the same"
            )
        error = "" if self.mae is None else f" (MAE {self.mae:.4g})"
        steps = counted(self.steps, "step")
        score = f"version {self.version}: {self.score:.4f} held-out {self.label}{error} after {steps}"
        if self.promoted:
            return f"{path}: {score}; now in service"
        if self.reason is None:
            return f"{path}: {score}; not put into service"
        return f"{path}: {score}; not put into service: {self.reason}; --promote always would"


@dataclasses.dataclass(frozen=True)
class Trained:
    """The best weights of a run.

    Attributes:
        arrays: the weights by name.
        honest: the weights before the last fit, which have not seen the held-out data; None: there was no last fit.
        metrics: of the evaluation at which the weights were the best, those before the last fit.
        step: of that evaluation.
        steps: of the whole run.
        seconds: that the whole run took.
    """

    arrays: dict[str, np.ndarray]
    metrics: dict[str, float]
    step: int
    steps: int
    seconds: float
    honest: dict[str, np.ndarray] | None = None

    @property
    def parameters(self) -> int:
        """The number of all weights."""
        return sum(array.size for array in self.arrays.values())


@dataclasses.dataclass(frozen=True)
class _Comparison:
    """Score of the version in service, why it stays, and what makes the comparison unfair; see Outcome."""

    champion: float | None = None
    reason: str | None = None
    remark: str | None = None


def finish(run: Run, champion: Any | None, path: Path, job: JobConfig, trained: Trained) -> Outcome:
    """Writes the new version, puts it into service if it deserves it, and removes old versions and the run.

    Args:
        champion: the model in service.
        path: the model's folder, whose lock the caller holds.
    """
    family = run.recipe.family
    score = trained.metrics[family.metric]

    # 1. Compare it with the version in service.
    comparison = _Comparison()
    if champion is not None and job.promote == "better":
        comparison = _compare(run, champion, score, job.tolerance)

    # 2. Write it, unless this very run wrote it and was killed before it could go on.
    version = _written_by(path, run.snapshot.run, trained)
    if version is None:
        version = _write(run, path, job, trained, comparison.champion)

    # 3. Put it into service.
    is_better = job.promote == "better" and comparison.reason is None
    promoted = job.promote == "always" or is_better
    if promoted:
        service.put(path, version)

    # 4. Remove what is no longer needed.
    service.prune(path, job.keep)
    remove_folder(path / "run")
    return Outcome(
        "finished",
        version,
        promoted,
        score,
        mae=trained.metrics.get("mae"),
        champion=comparison.champion,
        steps=trained.steps,
        seconds=trained.seconds,
        parameters=trained.parameters,
        label=family.label,
        parent=run.snapshot.parent,
        reason=comparison.reason,
        remark=comparison.remark,
    )


def _write(run: Run, path: Path, job: JobConfig, trained: Trained, champion: float | None) -> str:
    """Writes the new version and returns its name.

    Args:
        champion: score of the version in service.
    """
    # 1. Collect the files.
    snapshot = run.snapshot
    metrics = {**trained.metrics, "step": trained.step, "steps": trained.steps, "seconds": trained.seconds}
    seen = overlap.merge(snapshot.arrays["seen"], snapshot.arrays["inherited"])
    files = {**model_files(run), "metrics.json": to_json(metrics), SEEN: overlap.to_bytes(seen)}
    if trained.honest is not None:
        files[HONEST] = to_bytes(trained.honest)

    # 2. Collect the facts for the manifest.
    family = run.recipe.family
    about = {
        "run": snapshot.run,
        "parent": snapshot.parent,
        "corpus": snapshot.corpus,
        "settings": settings_digest(snapshot.options),
        "command": job.command,
        "score": {"name": family.metric, "value": trained.metrics[family.metric], "champion": champion},
        "finished": service.timestamp(),
        **run.material.about,
    }
    return checkpoint.write_version(path, family.kind, files, trained.arrays, about)


def model_files(run: Run) -> dict[str, bytes]:
    """The files that make a model of weights, by name."""
    return {"config.json": to_json(_config(run.recipe)), **run.material.files}


def _config(recipe: Recipe) -> Options:
    """All options of model and training, with the values that were chosen for those that the command left open."""
    model = {}
    for name in recipe.options["model"]:
        if hasattr(recipe.model, name):  # Options of another architecture are no fields of this one.
            model[name] = getattr(recipe.model, name)
    return {"model": {**model, **recipe.model.to_json()}, "training": recipe.training.to_json()}


def settings_digest(options: Options) -> str:
    """SHA-256 of options; it does not depend on their order."""
    ordered = {}
    for group, values in sorted(options.items()):
        ordered[group] = dict(sorted(values.items()))
    return hashlib.sha256(to_json(ordered)).hexdigest()


def _compare(run: Run, champion: Any, score: float, tolerance: float) -> _Comparison:
    """The score of the version in service, and why it stays, if it does.

    Args:
        score: of the new version.
        tolerance: how much worse than the version in service the new one may be.
    """
    try:
        run.recipe.check_comparable(champion)
        champion_score = run.material.score(champion)
    except IncomparableError as error:
        return _Comparison(reason=str(error))
    reason = None
    if run.recipe.family.lead(champion_score, score) > tolerance:
        reason = f"the version in service is better ({champion_score:.4f})"
    return _Comparison(champion_score, reason, _unfair(run, champion))


def seen_by(model: Any | None) -> overlap.Hashes:
    """Sketch of all data that a model and its parents have learnt from; empty if there is no model, or it has none."""
    stored = b"" if model is None else model.checkpoint.files.get(SEEN, b"")
    return overlap.from_bytes(stored)


def _unfair(run: Run, champion: Any) -> str | None:
    """A remark if the version in service has trained on the held-out data. What these data have in common with the new
    version's own training data (sayings, headings) does not count."""
    held_out = run.material.held_out()
    champion_share = overlap.share(held_out, seen_by(champion))
    own_share = overlap.share(held_out, run.snapshot.arrays["seen"])
    if champion_share - own_share <= MAX_SHARED:
        return None
    return (
        f"the version in service (or its parents) trained on {champion_share:.0%} of the held-out text, "
        "which flatters it"
    )


def _written_by(path: Path, run: str, trained: Trained) -> str | None:
    """The name of the newest version, if this run has written it after so many steps, with the last fit if there was
    one; otherwise None. A run that was to be finished early, and was killed meanwhile, may have gone on."""
    latest = newest(path)
    if latest is None or latest.manifest.get("run") != run:
        return None
    lacks_last_fit = trained.honest is not None and HONEST not in latest.files
    if latest.json("metrics.json").get("steps") != trained.steps or lacks_last_fit:
        return None
    return latest.version


def newest(path: Path) -> Checkpoint | None:
    """The newest version, in service or not; None if there is none or it is damaged."""
    names = models.versions(path)
    if not names:
        return None
    try:
        return checkpoint.load_version(path / "versions" / names[-1])
    except CheckpointError:
        return None
