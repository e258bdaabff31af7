"""What a golden checkpoint answers to its input, by the command line's own processes."""

import subprocess
from pathlib import Path

from cli.shell import CLEAN, PROGRAM

HERE = Path(__file__).parent
NAMES = sorted(path.parent.name for path in HERE.glob("*/current"))


def answer(name: str, **environment: str) -> bytes:
    """All that the model of this name answers, greedily."""
    model, given = HERE / name, HERE / name / "input.txt"
    if name.startswith("forecaster"):
        return _run("forecast", str(given), "-m", str(model), **environment)
    if not name.startswith("charlm"):
        # What the model itself answers: these know so little that they go round in loops.
        return _run("translate", str(given), "-m", str(model), "--beam", "1", "--no-repeat-ngram", "0", **environment)
    prompts = given.read_text().splitlines()
    options = ["-m", str(model), "-n", "120", "--temperature", "0", "--seed", "1", "--repetition-penalty", "1.2"]
    return b"".join(_run("generate", prompt, *options, **environment) for prompt in prompts)


def _run(*arguments: str, **environment: str) -> bytes:
    ended = subprocess.run([*PROGRAM, *arguments], capture_output=True, env={**CLEAN, **environment}, check=True)
    return ended.stdout
