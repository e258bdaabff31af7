"""What all comparisons share: the command's options, where data lie, and trained models, made once and kept."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rnntext.text.catalogue import DEFAULT, DEFAULT_PAIRS, get
from rnntext.text.lines import read_text

Pairs = str | tuple[str, str]
RNNTEXT = (str(Path(sys.executable).parent / "rnntext"),)  # as users start it
SETS = ("test_2016_flickr", "val", "train")  # Multi30k's


@dataclasses.dataclass(frozen=True)
class Options:
    """The command's options.

    Attributes:
        data: folder with public data, in it or in folders below it; without it the bundled corpora serve.
        quick: whether it is only to be shown that all works.
        work: folder for models and other things that are made on the way.
    """

    data: Path | None
    quick: bool
    work: Path

    def sized(self, full: int, quick: int) -> int:
        """One number or the other."""
        return quick if self.quick else full

    def found(self, name: str) -> Path | None:
        """A file of this name among the data."""
        return next(iter(sorted(self.data.rglob(name))), None) if self.data else None

    @property
    def text(self) -> str:
        """tinyshakespeare's file, or the name of the bundled text."""
        return str(self.found("input.txt") or DEFAULT)

    @property
    def text_name(self) -> str:
        """What `text` is, in words."""
        return "the bundled text" if self.text == DEFAULT else "tinyshakespeare"

    @property
    def pairs(self) -> tuple[Pairs, Pairs]:
        """Sentence pairs to learn from and held-out ones: Multi30k, English-German, or the bundled grammar."""
        names = ("train.en", "train.de", "val.en", "val.de")
        files = [str(path) for name in names if (path := self.found(name))]
        if len(files) < len(names):
            return DEFAULT_PAIRS, "grammar-heldout"
        return (files[0], files[1]), (files[2], files[3])

    @property
    def corpus(self) -> str:
        """What `pairs` are, in words."""
        return "the bundled grammar" if self.pairs[0] == DEFAULT_PAIRS else "Multi30k"

    def lines(self, count: int) -> Path:
        """A file with so many source sentences, first of all such as were not trained on."""
        if self.pairs[0] == DEFAULT_PAIRS:
            text = get("grammar-heldout").read() + get(DEFAULT_PAIRS).read()
        else:
            text = "".join(read_text(str(file)) for name in SETS if (file := self.found(f"{name}.en")))
        lines = [line.split("\t")[0] for line in text.removesuffix("\n").split("\n")]
        return self.write(f"lines-{count}.txt", "".join(f"{lines[n % len(lines)]}\n" for n in range(count)))

    def file(self, name: str) -> Path:
        """Where a file of this name may be made."""
        self.work.mkdir(parents=True, exist_ok=True)
        return self.work / name

    def write(self, name: str, content: str) -> Path:
        """Makes a file."""
        path = self.file(name)
        path.write_text(content, encoding="utf-8")
        return path

    def translator(self, name: str, arguments: Sequence[str], budget: str) -> Path:
        """A translation model of this name, trained by rnntext unless it has been before; `budget` is a time limit."""
        pairs, held_out = self.pairs
        if isinstance(pairs, str):
            data = [pairs, "--validation", str(held_out)]
        else:
            flags = ("--source", "--target", "--validation-source", "--validation-target")
            data = [part for both in zip(flags, [*pairs, *held_out], strict=True) for part in both]
        path = self.work / "models" / f"{name}-{'bundled' if isinstance(pairs, str) else 'multi30k'}"
        if not (path / "current").exists():
            print(f"{path}: training this model first, which is kept", file=sys.stderr)
            limit = ["--steps", "100"] if self.quick else ["--time-limit", budget]
            shape = ["--size", "large", *arguments]  # the same on every machine
            command = [*RNNTEXT, "train-translate", *data, *shape, "--model", str(path), *limit, "--quiet"]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return path
