"""When a training counts as diverged: then it ends, and no version is written."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rnntext.errors import DivergedError
from rnntext.run.arrays import Array
from rnntext.settings.training import TrainingConfig
from rnntext.storage.weights import MAX_WEIGHT
from rnntext.train.state import Position

SMOOTHING = 0.98  # decay of the moving average of the training loss that is shown and watched
MAX_GROWTH = 2.0  # of the smoothed loss over the loss at the start
WARM_LOSS = 2.0  # nats per unit; a smaller loss at the start of a warm start counts as this


def watch_loss(position: Position, loss: float, config: TrainingConfig, usual_loss: float, warm: bool) -> None:
    """Notes the loss of a step in `position`.

    Args:
        position: where the run stands before the step is counted.
        loss: in nats per unit.
        config: the warm-up ends before a growing loss is divergence.
        usual_loss: what a batch may cost at the start, as the first batch may be easier than most; 0 if unknown.
        warm: the run began with the weights of an older model.

    Raises:
        DivergedError: the loss is NaN, infinite, or, after the warm-up, smoothed above `MAX_GROWTH` times its start.
    """
    # 1. Update the loss at the start and the smoothed loss.
    if position.first_loss is None:
        tolerated = WARM_LOSS if warm else 0.0
        position.first_loss = max(loss, tolerated)
    if position.smooth_loss is None:
        position.smooth_loss = loss
    else:
        position.smooth_loss = SMOOTHING * position.smooth_loss + (1 - SMOOTHING) * loss

    # 2. Compare them.
    start = max(position.first_loss, usual_loss)
    warmed_up = position.step >= config.warmup
    grown = position.smooth_loss > MAX_GROWTH * start
    if math.isfinite(loss) and not (warmed_up and grown):
        return
    raise DivergedError(
        f"training diverged at step {position.step + 1} (loss {loss:.4g}, at the start {start:.4g}); "
        f"no version was written: try a --learning-rate below {config.learning_rate:g}"
    )


def check_weights(values: Sequence[Array], step: int) -> None:
    """Returns if a checkpoint may have such weights.

    Raises:
        DivergedError: a weight is NaN, or larger than `MAX_WEIGHT`.
    """
    for value in values:
        largest = np.abs(value).max(initial=0)
        if not largest <= MAX_WEIGHT:  # true for NaN, too
            raise DivergedError(f"the weights at step {step} are not numbers, or far too large; no version was written")


def check_score(rank: Sequence[float], step: int) -> None:
    """Returns if the score of an evaluation is a number.

    Args:
        rank: what `Family.rank` makes of the metrics.
        step: steps taken before the evaluation.

    Raises:
        DivergedError: it is not.
    """
    finite = [math.isfinite(value) for value in rank]
    if not all(finite):
        raise DivergedError(f"the held-out score at step {step} is not a number; no version was written")
