"""Models with random weights, made without TensorFlow, and a shell to run commands in."""

import string
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from cli.shell import CLEAN, Shell
from helpers import alphabet_weights, random_arrays, save_charlm

from rnntext.settings.charlm import CharlmConfig

ENGLISH = "\n " + string.ascii_letters + ".,;:!?'\"-()"  # 65 characters: with [UNK], 66 logits
WORLD = ENGLISH + "zażółćęśźńŁ你好世界Приветмир😀👍é"
TINY = CharlmConfig(layers=1, units=16, embedding=8)


def characters_of(text: str) -> str:
    return "".join(dict.fromkeys(text))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of models.

    charlm: English, random weights; world: more scripts; hungry: `[UNK]` is by far the likeliest at any time;
    replaced: was trained on damaged text, so that it knows U+FFFD, and likes it; alphabet: b follows a, c follows b.
    """
    home = tmp_path_factory.mktemp("models")

    def save(name: str, characters: str, likely: Mapping[int, float] = {}) -> None:
        arrays = random_arrays(TINY, len(characters) + 1, seed=1)
        for index, bias in likely.items():
            arrays["logits.bias"][index] = bias
        save_charlm(home / name, TINY, characters, arrays)

    save("charlm", ENGLISH)
    save("world", characters_of(WORLD))
    save("hungry", ENGLISH, {0: 50.0})
    save("replaced", ENGLISH + "\ufffd", {len(ENGLISH) + 1: 5.0})
    save_charlm(home / "alphabet", *alphabet_weights())
    return home


@pytest.fixture
def shell(tmp_path: Path, models: Path) -> Shell:
    """An empty folder to work in, with the models at hand."""
    own = {"RNNTEXT_CHECKPOINTS": str(models), "RNNTEXT_CACHE": str(tmp_path / "cache"), "no_proxy": "*"}
    return Shell(tmp_path, {**CLEAN, **own})


@pytest.fixture(scope="session")
def english() -> str:
    """Text that the models know, long enough to be scored in several parts."""
    words = ["The", "miller", "walks,", "and", "Wren", "asks:", "why?", "Because.\n"]
    return " ".join(np.random.default_rng(5).choice(words, 1200)) + "\n"
