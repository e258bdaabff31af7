"""What a golden checkpoint answers to its input, by processes of their own."""

import subprocess
import sys
from pathlib import Path

from cli.shell import CLEAN, PROGRAM

HERE = Path(__file__).parent
NAMES = sorted(path.parent.name for path in HERE.glob("*/current"))

# Greedy translations of whole lines, as the weights alone give them: what `translate` makes of lines before and after
# its search is no matter of a checkpoint's format.
_TRANSLATE = """
import sys
from pathlib import Path

import rnntext
from rnntext.run.batching import in_order
from rnntext.text.normalize import normalize_line

model = rnntext.load(sys.argv[1])
ids = [model.source.encode(normalize_line(line)) for line in Path(sys.argv[2]).read_text().splitlines()]
sentences = [sentence for sentence in ids if len(sentence)]
found = in_order(model.search_all(sentences, rnntext.SearchConfig(beam=1), model.target.forbidden))
for sentence in ids:
    answer = model.target.decode(next(found)[0].ids) if len(sentence) else ""
    sys.stdout.buffer.write(answer.encode() + b"\\n")
"""


def answer(name: str, **environment: str) -> bytes:
    """All that the model of this name answers, greedily."""
    model, given = HERE / name, HERE / name / "input.txt"
    if name.startswith("forecaster"):
        return _run("forecast", str(given), "-m", str(model), **environment)
    if not name.startswith("charlm"):
        return _output([sys.executable, "-c", _TRANSLATE, str(model), str(given)], **environment)
    prompts = given.read_text().splitlines()
    options = ["-m", str(model), "-n", "120", "--temperature", "0", "--seed", "1", "--repetition-penalty", "1.2"]
    return b"".join(_run("generate", prompt, *options, **environment) for prompt in prompts)


def _run(*arguments: str, **environment: str) -> bytes:
    return _output([*PROGRAM, *arguments], **environment)


def _output(command: list[str], **environment: str) -> bytes:
    return subprocess.run(command, capture_output=True, env={**CLEAN, **environment}, check=True).stdout
