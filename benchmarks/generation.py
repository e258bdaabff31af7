"""Generation, ours and PyTorch's, side by side: characters per second on one stream and on 32.

    .venv/bin/python benchmarks/generation.py --torch-python PATH/TO/A/VENV/WITH/TORCH/bin/python

Ours, with one thread and with two, is `rnntext.run` with random weights, exactly the code behind `rnntext generate`;
the peer is a loop over `torch.nn.LSTMCell`, with the embedding, the output layer and the draw, in inference mode, at
its best thread count. OPENBLAS_* variables are taken away, so that NumPy chooses its kernels as it does for users.
Each measurement is a process of its own; ours and theirs alternate, round after round; what counts is the median of the
rounds' ratios. Both draw from 66 characters at temperature 0.8.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

SHAPES = [(1, 256), (2, 512), (2, 1024)]
VOCABULARY, EMBEDDING = 66, 128


def measure_ours(layers: int, units: int, streams: int, characters: int, threads: int) -> float:
    """Characters per second of all streams together."""
    import numpy as np

    from rnntext.config import CharlmConfig, SamplingConfig
    from rnntext.jobs.generate import sample
    from rnntext.run.charlm import Charlm, shapes
    from rnntext.text.vocabulary import CharVocabulary

    config = CharlmConfig(layers=layers, units=units, embedding=EMBEDDING)
    rng = np.random.default_rng(0)
    arrays = {n: rng.normal(0, 0.05, s).astype(np.float32) for n, s in shapes(config, VOCABULARY).items()}
    model = Charlm(config, CharVocabulary([chr(33 + i) for i in range(VOCABULARY - 1)]), arrays)
    for _ in sample(model, [1], 50, streams, 1, SamplingConfig(), threads):
        pass
    started = time.perf_counter()
    for _ in sample(model, [1], characters, streams, 1, SamplingConfig(), threads):
        pass
    return characters * streams / (time.perf_counter() - started)


def measure_torch(layers: int, units: int, streams: int, characters: int, threads: int) -> float:
    """The same with PyTorch."""
    import torch

    torch.set_num_threads(threads)
    embedding = torch.nn.Embedding(VOCABULARY, EMBEDDING)
    cells = [torch.nn.LSTMCell(units if i else EMBEDDING, units) for i in range(layers)]
    output = torch.nn.Linear(units, VOCABULARY)

    def run(steps: int) -> None:
        states = [(torch.zeros(streams, units), torch.zeros(streams, units)) for _ in cells]
        ids = torch.zeros(streams, dtype=torch.long)
        for _ in range(steps):
            x = embedding(ids)
            for index, cell in enumerate(cells):
                states[index] = cell(x, states[index])
                x = states[index][0]
            probabilities = torch.softmax(output(x) / 0.8, dim=-1)
            ids = torch.multinomial(probabilities, 1)[:, 0]

    with torch.inference_mode():
        run(50)
        started = time.perf_counter()
        run(characters)
        return characters * streams / (time.perf_counter() - started)


def _child(python: str, arguments: list[str]) -> float:
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import generation; generation.child()"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    command = [python, "-c", code, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(done.stdout)


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return round(statistics.median(a / b for a, b in zip(ours, theirs, strict=True)), 2)


def child() -> None:
    """What a measuring process runs."""
    side, *numbers = sys.argv[1:]
    if side == "ours":
        from rnntext.__main__ import prepare_blas

        prepare_blas()
        print(measure_ours(*map(int, numbers)))
    else:
        print(measure_torch(*map(int, numbers)))


def main() -> None:
    """Measures every shape and prints one JSON line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-python", required=True, help="an interpreter that has torch")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for streams in (1, 32):
        for layers, units in SHAPES:
            characters = max(300, 4_000_000 // (units * layers * (8 if streams > 1 else 1)))
            shape = [str(layers), str(units), str(streams), str(characters)]
            threads = max("12", key=lambda t: _child(options.torch_python, ["torch", *shape, t]))
            one, two, theirs = [], [], []
            for _ in range(options.rounds):
                one.append(_child(sys.executable, ["ours", *shape, "1"]))
                theirs.append(_child(options.torch_python, ["torch", *shape, threads]))
                two.append(_child(sys.executable, ["ours", *shape, "2"]))
            row = {
                "layers": layers,
                "units": units,
                "streams": streams,
                "ours": round(statistics.median(one)),
                "ours_2_threads": round(statistics.median(two)),
                "torch": round(statistics.median(theirs)),
                "torch_threads": int(threads),
                "ratio": _ratio(one, theirs),
                "ratio_2_threads": _ratio(two, theirs),
            }
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
