"""Which data type `--precision auto` is."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from helpers import TINY_TRANSFORMER

from rnntext.run import translators
from rnntext.text.tokenizers import Characters
from rnntext.text.tokens import RESERVED, Language
from rnntext.train import precision
from rnntext.train.precision import MIN_PARAMETERS, choose


@pytest.fixture(params=[frozenset({"avx512_bf16"}), frozenset({"amx_bf16"}), frozenset({"avx2"})], ids=sorted)
def native(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the processor multiplies bfloat16 itself."""
    monkeypatch.setattr(precision, "features", lambda: request.param)
    return request.param != {"avx2"}


def test_auto_is_bfloat16_where_it_is_native_and_the_model_large_enough(native: bool) -> None:
    assert choose("auto") == ("bfloat16" if native else "float32")
    assert choose("auto", MIN_PARAMETERS) == ("bfloat16" if native else "float32")
    assert choose("auto", MIN_PARAMETERS - 1) == "float32"


@pytest.mark.parametrize("chosen", ["float32", "bfloat16"])
def test_what_is_asked_for_is_taken(native: bool, chosen: str) -> None:
    assert choose(chosen) == choose(chosen, 1) == chosen


@pytest.mark.parametrize(("characters", "expected"), [(50, "float32"), (30_000, "bfloat16")])
def test_a_translator_is_judged_by_its_size(characters: int, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from rnntext.settings.translator import TranslatorTraining
    from rnntext.train import tensorflow

    tensorflow.start(1)
    from rnntext.train.pipelines import SentenceIds
    from rnntext.train.translator_task import TranslatorTask

    monkeypatch.setattr(precision, "features", lambda: {"amx_bf16"})
    config = dataclasses.replace(TINY_TRANSFORMER, units=64)
    language = Language(Characters(), map(chr, range(0x4E00, 0x4E00 + characters)))
    counted = sum(math.prod(s) for s in translators.shapes(config, len(language), len(language)).values())
    assert (counted >= MIN_PARAMETERS) == (expected == "bfloat16")
    pairs = SentenceIds(np.full(20, RESERVED, np.int32), np.full(5, 4))
    task = TranslatorTask(config, TranslatorTraining(steps=1), (language, language), (pairs, pairs), [])
    assert task.model.operands == expected
