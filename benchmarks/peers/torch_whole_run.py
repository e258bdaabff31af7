"""A whole training of a character model in PyTorch, as `train-charlm` does it: warm-up and cosine, an average of the
weights that is evaluated on the last tenth of the text, again and again.

    python -m benchmarks.peers.torch_whole_run TEXT HISTORY STEPS UNITS THREADS PRECISION
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel

from benchmarks.peers.torch_charlm import Training

EVERY = 100  # steps between evaluations
AVERAGE = 0.998
PARTS = 64  # of the held-out text, read side by side
BEFORE = 256  # characters that are read before each part, and not scored


def averaged(average: Tensor, value: Tensor, done: Tensor) -> Tensor:
    """The moving average of the weights."""
    decay = min(AVERAGE, (1.0 + float(done)) / (10.0 + float(done)))
    return average + (1.0 - decay) * (value - average)


@torch.no_grad()
def evaluate(model: nn.Module, ids: Tensor) -> float:
    """Nats per character of a text behind its first BEFORE characters, in parts, the state carried along each."""
    model.eval()
    length = (len(ids) - 1 - BEFORE) // PARTS
    parts = ids[: BEFORE + PARTS * length + 1].unfold(0, BEFORE + length + 1, length).T
    state, total = None, 0.0
    for x, y in zip(parts[:-1].split(BEFORE), parts[1:].split(BEFORE)):
        scored = state is not None
        logits, state = model(x, state)
        if scored:
            total += float(nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum"))
    model.train()
    return total / (PARTS * length)


def main(arguments: Sequence[str]) -> None:
    """The command."""
    text, history, steps, units, threads, precision = arguments
    sizes = {"layers": 2, "units": int(units), "streams": 64, "window": 128}
    training = Training(text, "lstm", **sizes, precision=precision, threads=int(threads), malloc="keeps", held_out=0.1)
    most = int(steps)
    warm_up = min(100, most // 10)

    def rate(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1.0 + math.cos(math.pi * (step - warm_up) / (most - warm_up)))

    schedule = LambdaLR(training.optimizer, rate)
    average = AveragedModel(training.model, avg_fn=averaged)
    for step in range(1, most + 1):
        training.run()
        schedule.step()
        average.update_parameters(training.model)
        if step % EVERY == 0:
            with Path(history).open("a", encoding="utf-8") as file:
                nats = evaluate(average, training.held_out)
                file.write(json.dumps({"step": step, "nats_per_character": nats}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
