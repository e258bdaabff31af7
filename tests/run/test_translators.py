"""The translation models in NumPy against textbook versions in float64, and the promise that neighbours do not matter.

The textbook's versions know no cache, no padding and no batch: one sentence at a time, whole.
"""

import dataclasses
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers import (
    TINY_GRU,
    TINY_HYBRID,
    TINY_TRANSFORMER,
    gru_step,
    sentences,
    strangers,
    tiny_translator,
    translator_arrays,
)

from rnntext.run import translators
from rnntext.run.model import Model
from rnntext.run.search import search
from rnntext.settings.search import SearchConfig
from rnntext.settings.translator import ATTENTIONS, GRUConfig, HybridConfig, TransformerConfig, TranslatorConfig
from rnntext.text.tokens import START
from rnntext.train.processor import features

Weights = dict[str, np.ndarray]
TOLERANCE = 1e-4


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


def tables(config: TranslatorConfig, a: Weights, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source embedding, target embedding and output layer `[width, vocabulary]`."""
    source = a["source.embedding"]
    target = source if config.tied and config.joint else a["target.embedding"]
    return source * math.sqrt(width), target * math.sqrt(width), target.T if config.tied else a["logits.kernel"]


# The textbook's Transformer, and the one whose decoder is recurrent ---------------------------------------------------


def textbook_transformer(
    config: TransformerConfig | HybridConfig, arrays: Weights, source: Sequence[int], target: Sequence[int]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Logits after each target token, `[target, vocabulary]`, and each layer's attention to the source, the mean over
    its heads, `[target, source]`."""
    a = {name: array.astype(np.float64) for name, array in arrays.items()}
    d, width = config.units, config.units // config.heads

    def positions(side: str, count: int) -> np.ndarray:
        if config.positions == "learned":
            return np.array([a[f"{side}.positions"][min(p, 1023)] for p in range(count)])
        angles = [[p / 10000 ** (2 * i / d) for i in range(d // 2)] for p in range(count)]
        return np.array([[*map(math.sin, row), *map(math.cos, row)] for row in angles])

    def norm(name: str, x: np.ndarray) -> np.ndarray:
        mean, variance = x.mean(1, keepdims=True), x.var(1, keepdims=True)
        return (x - mean) / np.sqrt(variance + 1e-6) * a[f"{name}.norm.scale"] + a[f"{name}.norm.bias"]

    def affine(name: str, x: np.ndarray) -> np.ndarray:
        return x @ a[f"{name}.kernel"] + a[f"{name}.bias"]

    def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray, causal: bool) -> tuple[np.ndarray, np.ndarray]:
        found, looked = [], []
        for head in range(config.heads):
            mine = slice(head * width, (head + 1) * width)
            weights = np.zeros((len(q), len(k)))
            for row, query in enumerate(q[:, mine]):
                visible = row + 1 if causal else len(k)
                weights[row, :visible] = softmax(k[:visible, mine] @ query / math.sqrt(width))
            found.append(weights @ v[:, mine])
            looked.append(weights)
        return np.concatenate(found, axis=1), np.mean(looked, axis=0)

    def itself(block: str, x: np.ndarray, causal: bool) -> np.ndarray:
        q, k, v = np.split(affine(f"{block}.qkv", norm(block, x)), 3, axis=1)
        return x + affine(f"{block}.output", attention(q, k, v, causal)[0])

    def recurrent(block: str, x: np.ndarray) -> np.ndarray:
        h, found = np.zeros(d), []
        for normed in norm(block, x):
            weights = (a[f"{block}.gru.{part}"] for part in ("kernel", "recurrent_kernel", "bias"))
            h, _ = gru_step(normed, h, None, *weights)
            found.append(h)
        return x + affine(f"{block}.output", np.array(found))

    def feedforward(block: str, x: np.ndarray) -> np.ndarray:
        return x + affine(f"{block}.output", np.maximum(affine(f"{block}.inner", norm(block, x)), 0))

    source_table, target_table, output = tables(config, a, d)
    x = source_table[list(source)] + positions("source", len(source))
    for layer in range(config.layers):
        x = feedforward(f"encoder.{layer}.feedforward", itself(f"encoder.{layer}.itself", x, causal=False))
    memory = norm("encoder", x)
    x = target_table[list(target)]
    if isinstance(config, TransformerConfig):
        x = x + positions("target", len(target))
    looks = []
    for layer in range(config.layers if isinstance(config, TransformerConfig) else config.decoder_layers):
        if isinstance(config, TransformerConfig):
            x = itself(f"decoder.{layer}.itself", x, causal=True)
        else:
            x = recurrent(f"decoder.{layer}.recurrent", x)
        block = f"decoder.{layer}.source"
        k, v = np.split(affine(f"{block}.memory", memory), 2, axis=1)
        found, looked = attention(affine(f"{block}.query", norm(block, x)), k, v, causal=False)
        x = feedforward(f"decoder.{layer}.feedforward", x + affine(f"{block}.output", found))
        looks.append(looked)
    return norm("decoder", x) @ output + a["logits.bias"], looks


# The textbook's GRU encoder-decoder -----------------------------------------------------------------------------------


def textbook_gru(
    config: GRUConfig, arrays: Weights, source: Sequence[int], target: Sequence[int]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """As above; the attention is one layer's."""
    a = {name: array.astype(np.float64) for name, array in arrays.items()}
    u = config.units

    def run(name: str, inputs: Sequence[np.ndarray], h: np.ndarray) -> list[np.ndarray]:
        found = []
        for x in inputs:
            h, _ = gru_step(x, h, None, *(a[f"{name}.{part}"] for part in ("kernel", "recurrent_kernel", "bias")))
            found.append(h)
        return found

    def score(query: np.ndarray, key: np.ndarray) -> float:
        if config.attention == "multiplicative":
            return float(query @ key)
        mixed = np.tanh(query @ a["attention.query.kernel"] + a["attention.query.bias"] + key)
        return float(mixed @ a["attention.score"])

    source_table, target_table, output = tables(config, a, config.embedding)
    inputs = [source_table[i] for i in source]
    for layer in range(config.layers):
        ahead = run(f"encoder.{layer}.forward", inputs, np.zeros(u))
        back = run(f"encoder.{layer}.backward", inputs[::-1], np.zeros(u))[::-1]
        inputs = [np.concatenate(both) for both in zip(ahead, back, strict=True)]
    memory, final = inputs, np.concatenate([ahead[-1], back[0]])
    states = [np.tanh(final @ a[f"bridge.{n}.kernel"] + a[f"bridge.{n}.bias"]) for n in range(config.layers)]

    logits, looks = [], []
    for token in target:
        (states[0],) = run("decoder.0", [target_table[token]], states[0])
        context = np.zeros(0)
        if config.attention != "none":
            weights = softmax(np.array([score(states[0], m @ a["attention.keys.kernel"]) for m in memory]))
            context = sum(w * m for w, m in zip(weights, memory, strict=True))
            looks.append(weights)
        for layer in range(1, config.layers):
            below = np.concatenate([states[layer - 1], context])
            (states[layer],) = run(f"decoder.{layer}", [below], states[layer])
        top = np.tanh(np.concatenate([states[-1], context]) @ a["output.kernel"] + a["output.bias"])
        logits.append(top @ output + a["logits.bias"])
    return np.array(logits), [np.array(looks)]


TEXTBOOKS = {TransformerConfig: textbook_transformer, HybridConfig: textbook_transformer, GRUConfig: textbook_gru}


def textbook(
    config: TranslatorConfig, arrays: Weights, source: Sequence[int], target: Sequence[int]
) -> tuple[np.ndarray, list[np.ndarray]]:
    return TEXTBOOKS[type(config)](config, arrays, source, target)  # type: ignore[operator]


# Parity ---------------------------------------------------------------------------------------------------------------

EMBEDDINGS = [{"tied": tied, "joint": joint} for tied in (True, False) for joint in (True, False)]
CONFIGS: list[TranslatorConfig] = [
    *(
        dataclasses.replace(TINY_TRANSFORMER, positions=positions, **embeddings)
        for embeddings in EMBEDDINGS
        for positions in ("sinusoidal", "learned")
    ),
    dataclasses.replace(TINY_TRANSFORMER, layers=1, heads=4),
    dataclasses.replace(TINY_TRANSFORMER, layers=3, heads=1, units=6),
    *(dataclasses.replace(TINY_HYBRID, **embeddings) for embeddings in EMBEDDINGS),
    dataclasses.replace(TINY_HYBRID, layers=1, decoder_layers=3, positions="learned"),
    dataclasses.replace(TINY_HYBRID, layers=3, decoder_layers=1, heads=1, units=6),
    *(
        dataclasses.replace(TINY_GRU, attention=attention, layers=layers)
        for attention in ATTENTIONS
        for layers in (1, 2, 3)
    ),
    *(dataclasses.replace(TINY_GRU, **embeddings) for embeddings in EMBEDDINGS[1:]),
]


def name_of(config: TranslatorConfig) -> str:
    default = next(tiny for tiny in (TINY_TRANSFORMER, TINY_HYBRID, TINY_GRU) if type(tiny) is type(config))
    changed = {n: v for n, v in config.to_json().items() if getattr(default, n) != v}
    return " ".join([type(config).__name__.removesuffix("Config"), *(f"{n}={v}" for n, v in changed.items())])


every_config = pytest.mark.parametrize("config", CONFIGS, ids=name_of)
EACH: list[TranslatorConfig] = [
    TINY_TRANSFORMER,
    TINY_HYBRID,
    *(dataclasses.replace(TINY_GRU, attention=a) for a in ATTENTIONS),
]
every_kind = pytest.mark.parametrize("config", EACH, ids=name_of)


def sizes_of(config: TranslatorConfig) -> tuple[int, int]:
    return (12, 12) if config.joint else (9, 14)


def stepped(
    model: Model, sources: list[np.ndarray], targets: np.ndarray, longest: int
) -> tuple[np.ndarray, np.ndarray]:
    """Logits `[batch, time, vocabulary]` after START and after each target token but the last, `[batch, time]`, and
    the attention to the source, `[batch, time, longest]`."""
    state = model.start(sources, longest)
    logits, looked = [], []
    for ids in np.concatenate([np.full((len(targets), 1), START), targets[:, :-1]], axis=1).T:
        logits.append(model.step(state, ids).copy())
        looked.append(state.attention.copy())
    return np.stack(logits, axis=1), np.stack(looked, axis=1)


@every_config
def test_logits_and_attention_are_the_textbooks(config: TranslatorConfig) -> None:
    sizes = sizes_of(config)
    arrays = translator_arrays(config, sizes, seed=3, scale=0.5)
    model = translators.build(config, arrays)
    sources = sentences(5, sizes[0], seed=4, longest=12)
    targets = np.random.default_rng(5).integers(0, sizes[1], (5, 40))  # more than the first caches hold
    logits, looked = stepped(model, sources, targets, 16)
    decoder_layers = {
        TransformerConfig: config.layers,
        HybridConfig: getattr(config, "decoder_layers", 0),
        GRUConfig: 1,  # whose attention is shown
    }
    shown = max(0, decoder_layers[type(config)] - 2)  # the layer whose attention is kept
    for number, source in enumerate(sources):
        expected, looks = textbook(config, arrays, source, [START, *targets[number, :-1]])
        np.testing.assert_allclose(logits[number], expected, atol=TOLERANCE)
        if getattr(config, "attention", "") != "none":
            np.testing.assert_allclose(looked[number, :, : len(source)], looks[shown], atol=TOLERANCE)
            np.testing.assert_array_equal(looked[number, :, len(source) :], 0)
    assert np.abs(logits).max() > 1


@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
def test_more_than_a_thousand_tokens_are_read(positions: str) -> None:
    config = TransformerConfig(layers=1, units=8, heads=1, feedforward=4, positions=positions)
    arrays = translator_arrays(config, (12, 12), scale=0.5)
    source, target = (np.random.default_rng(n).integers(4, 12, 1030) for n in range(2))
    logits, _ = stepped(translators.build(config, arrays), [source], target[None], 1032)
    expected, _ = textbook(config, arrays, source, [START, *target[:-1]])
    np.testing.assert_allclose(logits[0, -10:], expected[-10:], atol=TOLERANCE)
    np.testing.assert_allclose(logits[0, :10], expected[:10], atol=TOLERANCE)


@every_config
def test_arrays_of_a_model_are_named_and_shaped(config: TranslatorConfig) -> None:
    sizes = sizes_of(config)
    found = translators.shapes(config, *sizes)
    width = getattr(config, "embedding", config.units)
    assert found["source.embedding"] == (sizes[0], width)
    assert found.get("target.embedding") == (None if config.tied and config.joint else (sizes[1], width))
    assert found.get("logits.kernel") == (None if config.tied else (width, sizes[1]))
    assert found["logits.bias"] == (sizes[1],)


@every_config
def test_no_array_of_a_model_is_idle(config: TranslatorConfig) -> None:
    def use(arrays: Weights) -> None:
        model = translators.build(config, arrays)
        model.step(model.start([np.array([4, 5])], 8), np.array([START]))

    arrays = translator_arrays(config, sizes_of(config))
    use(arrays)
    for name in arrays:
        with pytest.raises(KeyError, match=name):
            use({n: array for n, array in arrays.items() if n != name})


# Attention and padding ------------------------------------------------------------------------------------------------


@every_kind
def test_each_row_of_attention_is_one_over_the_sentence_and_zero_behind_it(config: TranslatorConfig) -> None:
    model = tiny_translator(config, scale=1.0)
    sources = sentences(20, 12, longest=21)
    found = search(model, sources, 24, SearchConfig(beam=3, n_best=3, with_attention=True), range(3))
    none = getattr(config, "attention", "") == "none"
    for source, hypotheses in zip(sources, found, strict=True):
        for hypothesis in hypotheses:
            assert hypothesis.attention is not None
            assert hypothesis.attention.shape == (len(hypothesis.ids), len(source))
            np.testing.assert_allclose(hypothesis.attention.sum(axis=1), 0 if none else 1, atol=1e-5)
            assert (hypothesis.attention >= 0).all()
    _, looked = stepped(model, sources, np.full((20, 5), 7), 24)
    for source, rows in zip(sources, looked, strict=True):
        np.testing.assert_allclose(rows[:, : len(source)].sum(axis=1), 0 if none else 1, atol=1e-5)
        assert not rows[:, len(source) :].any()


@every_kind
def test_padding_changes_next_to_nothing(config: TranslatorConfig) -> None:
    model = tiny_translator(config, scale=0.5)
    source, targets = sentences(1, 12, seed=9, shortest=5, longest=8)[0], np.full((1, 6), 8)
    logits = [stepped(model, [source], targets, longest)[0] for longest in (8, 16, 40, 128)]
    for others in logits[1:]:
        np.testing.assert_allclose(others, logits[0], atol=1e-5)


# Hypotheses -----------------------------------------------------------------------------------------------------------


@every_kind
@pytest.mark.parametrize("sources", [3, 7])
def test_hypotheses_can_be_exchanged_and_sentences_taken_out(config: TranslatorConfig, sources: int) -> None:
    """Whatever happens to the rows: what a row says next depends on its source and on the tokens it has read."""
    arrays = translator_arrays(config, (12, 12), seed=2, scale=0.7)
    model, beam = translators.build(config, arrays), 3
    given = sentences(sources, 12, seed=3, longest=8)
    generator = np.random.default_rng(4)
    state = model.start(given, 8)
    state.reorder(np.repeat(np.arange(sources), beam))
    read: list[list[int]] = [[] for _ in range(sources * beam)]
    alive = list(range(sources))
    for step in range(36):
        ids = np.full(len(read), START) if not step else generator.integers(3, 12, len(read))
        logits = model.step(state, ids)
        read = [[*tokens, int(token)] for tokens, token in zip(read, ids, strict=True)]
        if step in (0, 1, 4, 31, 32, 35):
            for row, tokens in enumerate(read):
                expected, _ = textbook(config, arrays, given[alive[row // beam]], tokens)
                np.testing.assert_allclose(logits[row], expected[-1], atol=TOLERANCE)
        parents = (np.arange(len(alive))[:, None] * beam + generator.integers(0, beam, (len(alive), beam))).ravel()
        state.reorder(parents)
        read = [read[parent] for parent in parents]
        if step in (1, 10, 31) and len(alive) > 1:
            going_on = np.sort(generator.permutation(len(alive))[: max(1, len(alive) - 2)])
            state.keep(going_on)
            read = [read[number * beam + rank] for number in going_on for rank in range(beam)]
            alive = [alive[number] for number in going_on]


def test_translating_changes_nothing_in_a_model() -> None:
    for config in EACH:
        arrays = translator_arrays(config, (12, 12))
        before = {name: array.copy() for name, array in arrays.items()}
        model = translators.build(config, arrays)
        first, second = (search(model, sentences(5, 12), 40, SearchConfig(beam=2), range(3)) for _ in range(2))
        assert first == second
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, before[name])


# Neighbours -----------------------------------------------------------------------------------------------------------

REALISTIC: list[TranslatorConfig] = [
    TransformerConfig(layers=4, units=128, heads=4),
    TransformerConfig(layers=1, units=96, heads=3, feedforward=200, tied=False),
    *(GRUConfig(layers=2, units=64, embedding=64, attention=attention) for attention in ATTENTIONS),
    HybridConfig(layers=2, units=64, heads=4),
    TINY_TRANSFORMER,
    TINY_HYBRID,
    TINY_GRU,
]
KERNELS = {"Nehalem": "sse4_2", "Sandybridge": "avx", "Haswell": "avx2", "SkylakeX": "avx512bw"}  # need these features
OTHERS = """
from helpers import strangers
from rnntext.settings.translator import GRUConfig, HybridConfig, TransformerConfig
for config in (
    TransformerConfig(layers=1, units=96, heads=3, feedforward=200),
    HybridConfig(layers=1, units=96, heads=3, feedforward=200),
    GRUConfig(layers=1, units=64, embedding=64),
):
    for beam in (1, 5):
        for line in strangers(config, beam):
            print(type(config).__name__, beam, line)
"""


@pytest.mark.parametrize("beam", [1, 5])
@pytest.mark.parametrize(
    "config", REALISTIC, ids=lambda c: f"{type(c).__name__} {c.units} {getattr(c, 'attention', '')}"
)
def test_an_answer_does_not_depend_on_its_neighbours(config: TranslatorConfig, beam: int) -> None:
    assert strangers(config, beam) == []


@pytest.mark.parametrize("kernels", KERNELS)
def test_neighbours_do_not_matter_on_other_processors_either(kernels: str) -> None:
    if KERNELS[kernels] not in features():
        pytest.skip(f"this processor cannot run OpenBLAS's kernels for {kernels}")
    environment = {**os.environ, "OPENBLAS_CORETYPE": kernels, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", OTHERS], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == ""
