"""Builds the sdist and the wheel, and tries them in fresh environments: without extras, and with each extra.

    make test-packages                                   with the Python of .venv
    make test-packages PYTHONS="python3.12 python3.13"   and with others, without extras

The wheel is built from the sdist, as a packager would. Nothing but pip's index is needed; `train` takes 2 GB of disk.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"
MAX_LIGHT = 125.0  # MB of site-packages without extras, pip and rnntext's own environment aside
LINES = GOLDEN / "transformer-subword" / "input.txt"
TRANSLATOR = ["-m", str(GOLDEN / "transformer-subword")]
GENERATE = ["generate", "The miller ", "-m", str(GOLDEN / "charlm-lstm"), "-n", "60", "--temperature", "0"]
TRANSLATE = ["translate", str(LINES), *TRANSLATOR, "--beam", "1"]
TRAIN = ["train-charlm", "valley", "--size", "tiny", "--steps", "3"]
FORECASTER = ["-m", str(GOLDEN / "forecaster-gru")]
# For each extra a command that needs it. TensorBoard draws what is trained.
NEEDS = {
    "evaluate": ["evaluate", str(LINES), str(LINES), *TRANSLATOR],
    "ctranslate2": [*TRANSLATE, "--engine", "ctranslate2"],
    "onnxruntime": [*GENERATE, "--engine", "onnxruntime"],
    "formats": ["translate", "/dev/null", *TRANSLATOR, "--format", "srt"],
    "onnx": ["checkpoints", "export", TRANSLATOR[1], "--to", "onnx", "-o", "onnx"],
    "plot": ["forecast", str(GOLDEN / "forecaster-gru" / "input.txt"), *FORECASTER, "--plot", "forecast.png"],
    "train": [*TRAIN, "-m", "./model"],
    "tensorboard": [*TRAIN, "-m", "./drawn", "--tensorboard", "curves"],
}
SHARED = ("man/man1/rnntext.1", "bash-completion/completions/rnntext", "zsh/site-functions/_rnntext")


class Environment:
    """A fresh environment without pip, and an empty folder beside it in which its commands run.

    Args:
        folder: to make it in.
        python: the interpreter.
        packages: what to install.
    """

    def __init__(self, folder: Path, python: str, *packages: str) -> None:
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        self.root = folder / "venv"
        ours = ("PYTHON", "RNNTEXT_", "VIRTUAL_ENV")
        self._variables = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self._variables["RNNTEXT_CONFIG"] = ""
        self._checked([python, "-m", "venv", "--without-pip", str(self.root)])
        self.install(*packages)

    def install(self, *packages: str) -> None:
        """Installs packages by this interpreter's pip."""
        self._checked([sys.executable, "-m", "pip", "--python", str(self.root), "install", "--quiet", *packages])

    def _checked(self, command: list[str]) -> None:
        subprocess.run(command, check=True, cwd=self.home, env=self._variables)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of rnntext."""
        command = [str(self.root / "bin" / "rnntext"), *arguments]
        return subprocess.run(command, cwd=self.home, env=self._variables, capture_output=True, text=True, check=False)

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of its interpreter."""
        command = [str(self.root / "bin" / "python"), *arguments]
        return subprocess.run(command, cwd=self.home, env=self._variables, capture_output=True, text=True, check=False)

    def megabytes(self) -> float:
        """The size of all that is installed."""
        (packages,) = (self.root / "lib").glob("python*/site-packages")
        return sum(path.lstat().st_size for path in packages.rglob("*") if path.is_file()) / 1e6


def light(environment: Environment) -> Iterator[str]:
    """What is wrong in an environment without extras."""
    # 1. What needs no extra works as it does here.
    for arguments in (["--help"], ["--version"], GENERATE, TRANSLATE, ["corpora", "show", "valley"]):
        here = [sys.executable, "-m", "rnntext", *arguments]
        expected = subprocess.run(here, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for done in (environment.run(*arguments), environment.python("-m", "rnntext", *arguments)):
            if (done.returncode, done.stdout) != (0, expected):
                yield f"{arguments[0]}: code {done.returncode}, {done.stderr.strip()}"
    # 2. What needs one says which.
    for extra, arguments in NEEDS.items():
        done = environment.run(*arguments)
        if (done.returncode, done.stderr.count("\n")) != (2, 1) or f"pip install 'rnntext[{extra}]'" not in done.stderr:
            yield f"without {extra}: code {done.returncode}, {done.stderr.strip()}"
    # 3. The files beside the package are there, and it is small.
    yield from (f"share/{name} is missing" for name in SHARED if not (environment.root / "share" / name).is_file())
    if environment.megabytes() > MAX_LIGHT:
        yield f"{environment.megabytes():.1f} MB are more than {MAX_LIGHT:g}"


def with_extra(environment: Environment, extra: str) -> Iterator[str]:
    """What is wrong in an environment with one extra."""
    done = environment.run(*NEEDS[extra])
    if done.returncode != 0:
        yield f"code {done.returncode}, {done.stderr.strip()[-500:]}"


def build(folder: Path) -> tuple[Path, Path]:
    """The sdist and the wheel that is built from it."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "build"], check=True)
    subprocess.run([python, "-m", "build", "--outdir", folder, ROOT], check=True, stdout=subprocess.DEVNULL)
    (sdist,) = folder.glob("*.tar.gz")
    (wheel,) = folder.glob("*.whl")
    return sdist, wheel


def trials(folder: Path, sdist: Path, wheel: Path, pythons: list[str]) -> Iterator[tuple[str, float, list[str]]]:
    """For each environment: what it is, its size in MB, and what is wrong."""
    environment = Environment(folder / "sdist", sys.executable, str(sdist))
    yield "sdist", environment.megabytes(), list(light(environment))
    for number, python in enumerate((sys.executable, *pythons)):
        environment = Environment(folder / f"light-{number}", python, str(wheel))
        version = environment.python("-c", "import platform; print(platform.python_version())").stdout.strip()
        yield f"wheel, Python {version}", environment.megabytes(), list(light(environment))
    for extra in NEEDS:
        if extra == "tensorboard":  # in the environment of `train`
            before = environment.run(*NEEDS[extra])
            wrong = [] if before.returncode == 0 or f"'rnntext[{extra}]'" in before.stderr else [before.stderr.strip()]
            environment.install(f"{wheel}[{extra}]")
            yield "train,tensorboard", environment.megabytes(), wrong + list(with_extra(environment, extra))
        else:
            environment = Environment(folder / extra, sys.executable, f"{wheel}[{extra}]")
            yield extra, environment.megabytes(), list(with_extra(environment, extra))


def main() -> int:
    """Builds, tries, and prints a table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pythons", nargs="*", help="more interpreters, for environments without extras")
    with tempfile.TemporaryDirectory(prefix="rnntext-packages-") as name:
        folder = Path(name)
        (folder / "build").mkdir()
        sdist, wheel = build(folder / "build")
        for file in (sdist, wheel):
            print(f"{file.name}\t{file.stat().st_size / 1e6:.1f} MB", flush=True)
        failures = 0
        for title, size, wrong in trials(folder, sdist, wheel, parser.parse_args().pythons):
            print(f"{title}\t{size:.1f} MB\t{'; '.join(wrong) or 'works'}", flush=True)
            failures += len(wrong)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
