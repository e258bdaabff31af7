"""A training on several machines, to which each process belongs by TF_CONFIG.

The chief does what a process that trains alone does; in between it tells the others what comes next. They need nothing
but the same command: the data that the chief has read and the state that it goes on with are sent to them, and they
write nothing. All end together, with the same exit code.
"""

from __future__ import annotations

import json
import signal
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnntext.errors import InputOutputError, LostPeerError, RnntextError, StoppedError, UsageError
from rnntext.families import FORECASTER
from rnntext.files.scratch import Scratch
from rnntext.jobs import beginning, training, unfinished
from rnntext.jobs.promotion import Outcome
from rnntext.jobs.recipe import Recipe
from rnntext.jobs.signals import stop_on_signal
from rnntext.jobs.unfinished import Snapshot
from rnntext.settings.training import JobConfig
from rnntext.train import tensorflow
from rnntext.train.alone import Kind
from rnntext.train.tf_config import NAME, Place
from rnntext.watch.observer import Observer

if TYPE_CHECKING:
    from rnntext.train.cluster import Cluster, Word
    from rnntext.train.learner import Learner
    from rnntext.train.task import Task

ENCODING = "utf-8"  # of JSON that is sent


def train_together(place: Place, recipe: Recipe, path: Path, job: JobConfig, observer: Observer) -> Outcome:
    """Takes part in a training, as its chief or as one who follows; returns the chief's outcome.

    Args:
        place: which process this is.
        path: the model's folder; only the chief's is used.
        observer: is told what happens, by the chief.

    Raises:
        UsageError: the command cannot be trained together, or another process has another one.
        LostPeerError: another process has ended.
        RnntextError: see `training.train`; who follows raises the chief's error.
    """
    # 1. Refuse what is for one process only.
    if recipe.family is FORECASTER:
        raise UsageError(f"{NAME}: a forecaster is trained by one process; unset {NAME}")
    if job.dry_run:
        raise UsageError(f"--dry-run: measures one process; unset {NAME}")

    # 2. Meet the others.
    chief = place.addresses[0]
    if place.rank:
        observer.note(f"process {place.rank + 1} of {len(place.addresses)} of one training; its chief is {chief}")
    cluster = _connected(place, recipe.training.seed)
    with cluster.guarded():
        _check_same(cluster, place, recipe, job)
        if place.rank:
            return _follow(cluster, recipe)

    # 3. Lead them.
    try:
        outcome = training.lead(recipe, path, job, observer, cluster)
    except LostPeerError:
        raise
    except (RnntextError, OSError) as error:
        code = error.exit_code if isinstance(error, RnntextError) else InputOutputError.exit_code
        number = error.signal_number if isinstance(error, StoppedError) else None
        cluster.end(_to_bytes({"message": str(error), "code": code, "signal": number}))
        raise
    cluster.end(_to_bytes({"outcome": outcome.to_json()}))
    return outcome


def _connected(place: Place, seed: int) -> Cluster:
    """This process among the others, when all are there. TensorFlow is started.

    Raises:
        LostPeerError, UsageError: see `train.cluster.connected`.
    """
    clusters: list[Cluster] = []

    def connect() -> None:
        from rnntext.train import cluster

        clusters.append(cluster.connected(place))

    # While TensorFlow waits, Python cannot handle a signal: Ctrl-C ends the process.
    in_main_thread = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, signal.SIG_DFL) if in_main_thread else None
    try:
        tensorflow.start(seed, connect)
    finally:
        if in_main_thread:
            signal.signal(signal.SIGINT, handler)
    return clusters[0]


def _check_same(cluster: Cluster, place: Place, recipe: Recipe, job: JobConfig) -> None:
    """Raises UsageError, in all processes, if one of them has another command or other versions than the chief."""
    settings = beginning.settings(recipe, job)
    own = {"versions": unfinished.software(), "kind": recipe.family.kind, "options": settings}
    chief, *others = [json.loads(content) for content in cluster.gather(_to_bytes(own))]
    for rank, other in enumerate(others, start=1):
        differences = _differences(chief, other, recipe)
        if differences:
            cluster.part()
            raise UsageError(
                f"{NAME}: process {rank + 1} ({place.addresses[rank]}) is not like the chief "
                f"({', '.join(differences)}); start all with the same command and the same versions"
            )


def _differences(chief: dict[str, Any], other: dict[str, Any], recipe: Recipe) -> list[str]:
    """What another process has other than the chief: versions, the kind of model, options."""
    differences = []
    for name, version in chief["versions"].items():
        if other["versions"].get(name) != version:
            differences.append(f"{name} {version} -> {other['versions'].get(name)}")
    if other["kind"] != chief["kind"]:
        return [*differences, f"{chief['kind']} -> {other['kind']}"]
    return differences + unfinished.changes(chief["options"], other["options"], beginning.configs(recipe))


# One who follows ------------------------------------------------------------------------------------------------------


def _follow(cluster: Cluster, recipe: Recipe) -> Outcome:
    """Does what the chief says until the training ends; returns the chief's outcome or raises its error."""
    task: Task | None = None
    learner: Learner | None = None
    with stop_on_signal(lambda: None) as request:
        cluster.own_signal = lambda: request.number or 0
        while True:
            word = cluster.hear()
            if word.kind is Kind.RUN:
                snapshot = _snapshot(cluster, word)
                recipe = beginning.settled(recipe, snapshot)
                task = recipe.open(snapshot).task
            elif word.kind is Kind.STATE:
                assert task is not None
                learner = _learner(cluster, word, task, recipe)
            elif word.kind is Kind.END:
                return _ended(cluster, word)
            else:
                assert learner is not None
                if word.kind is Kind.STEP:
                    learner.take(word.number, word.rate)
                else:
                    cluster.whole(learner.carried)


def _snapshot(cluster: Cluster, word: Word) -> Snapshot:
    """The snapshot of the run, which the chief sends; it may be larger than memory."""
    with Scratch(Path(tempfile.gettempdir())) as scratch:
        for piece in cluster.received(word):
            scratch.append(piece)
        return unfinished.from_bytes(scratch.content())


def _learner(cluster: Cluster, word: Word, task: Task, recipe: Recipe) -> Learner:
    """The model in the state that the chief sends."""
    from rnntext.train import state
    from rnntext.train.learner import Learner

    _, arrays = state.from_bytes(b"".join(cluster.received(word)))
    learner = Learner(task, recipe.training, cluster)
    learner.assign(arrays)
    return learner


def _ended(cluster: Cluster, word: Word) -> Outcome:
    """The outcome of the training, which the chief sends; raises the chief's error."""
    end = json.loads(b"".join(cluster.received(word)))
    cluster.part()
    if "outcome" in end:
        return Outcome(**end["outcome"])
    message = f"the chief has ended: {end['message']}"
    if end["signal"] is not None:
        raise StoppedError(message, end["signal"])
    error = RnntextError(message)
    error.exit_code = end["code"]
    raise error


def _to_bytes(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode(ENCODING)
