"""Settings of the training of any model, and of the job that runs it."""

from __future__ import annotations

import dataclasses

from rnntext.settings.base import BUDGET, JOB, LEARNING, MAY_CHANGE, MUST_MATCH, Config, inherited, option

SCHEDULES = ("cosine", "wsd", "inverse-root", "constant")
PRECISIONS = ("auto", "float32", "bfloat16")
PROMOTIONS = ("better", "always", "never")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig(Config):
    """The training of any model. It ends when the first of `epochs`, `steps` and `time_limit` (seconds) is reached.

    These limits must be the same when an unfinished training is continued, as the learning rate of every step depends
    on the last one.
    """

    resume = MUST_MATCH
    epochs: int | None = option(None, "Stop after this many passes over the training data.", BUDGET, low=1)
    steps: int | None = option(None, "Stop after this many optimizer steps.", BUDGET, low=1)
    time_limit: float | None = option(
        None,
        "Stop early enough for the whole command to end within this time.",
        BUDGET,
        low=1,
        duration=True,
        shown="10m if no other limit is given",
    )
    patience: int | None = option(
        None, "Stop after this many consecutive evaluations without an improvement.", BUDGET, low=1
    )
    learning_rate: float = option(
        3e-3, "Peak learning rate, which is reached after the warm-up.", LEARNING, low=0, high=1
    )
    warmup: int = option(
        100,
        "Number of steps over which the learning rate rises linearly from 0; at most a tenth of the run.",
        LEARNING,
        low=1,
    )
    schedule: str = option(
        "cosine",
        "Schedule of the learning rate after the warm-up; wsd (warm-up, stable, decay): constant until a decay at the "
        "end; constant: without a warm-up, too.",
        LEARNING,
        choices=SCHEDULES,
    )
    dropout: float = option(0.5, "Dropout rate between layers.", LEARNING, low=0, high=0.95)
    beta_2: float = option(
        0.99, "Decay rate of Adam's second moment estimates.", LEARNING, low=0, high=0.99999, hidden=True
    )
    average: float = option(
        0.998,
        "Decay rate of the exponential moving average of the weights; the average is evaluated and stored.",
        LEARNING,
        low=0,
        high=0.99999,
        hidden=True,
    )
    seed: int = option(
        1,
        "Seed of all random numbers. With --steps or --epochs, the same seed gives the same model on the same machine.",
        BUDGET,
        low=0,
        high=2**31 - 1,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SizedTraining(TrainingConfig):
    """The training of a model whose size `rnntext.sizes` can choose."""

    learning_rate: float = inherited(TrainingConfig, "learning_rate", by_size=True)
    schedule: str = inherited(TrainingConfig, "schedule", by_size=True)
    dropout: float = inherited(TrainingConfig, "dropout", by_size=True)
    precision: str = option(
        "auto",
        "Data type of matrix products; auto: bfloat16 if the processor has instructions for it and it is faster for a "
        "model of this kind and size, else float32.",
        BUDGET,
        choices=PRECISIONS,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class JobConfig(Config):
    """The job that runs a training: when it saves and pauses, and whether the new version goes into service.

    >>> import rnntext
    >>> rnntext.JobConfig(promote="always", pause_after=3 * 3600).keep
    3

    Times are in seconds.
    """

    resume = MAY_CHANGE
    promote: str = option(
        "better",
        "When the new version goes into service; better: if its held-out score is not worse than that of the present "
        "version.",
        JOB,
        choices=PROMOTIONS,
    )
    tolerance: float = option(
        0.0, "Difference of the scores up to which a worse score counts as not worse.", JOB, low=0
    )
    keep: int = option(
        3, "Number of newest versions to keep, beside the one in service and the one before it.", JOB, low=1
    )
    warm_start: bool = option(
        True,
        "Begin with the weights and the vocabulary of the version in service, or with new ones.",
        JOB,
        negative="--from-scratch",
        resume=MUST_MATCH,
    )
    force: bool = option(False, "Train even if data and settings are those of the last training.", JOB)
    fresh: bool = option(False, "Discard an unfinished training instead of continuing it.", JOB)
    dry_run: bool = option(
        False, "Take a few steps, say what the training would be, take and need, and write nothing.", JOB
    )
    save_every: float = option(
        120.0,
        "Time between two saves; the training is saved at each evaluation, too.",
        JOB,
        low=0,
        duration=True,
        shown="2m",
    )
    pause_after: float | None = option(
        None, "Save and end after this time; the same command continues the training.", JOB, low=0, duration=True
    )
    wait: float = option(
        0.0, "Maximum time to wait for another job that trains this model.", JOB, low=0, duration=True, shown="0s"
    )
    command: str = option("", "The command line, as it is stored with the version.", JOB, hidden=True)
