"""What several tests need: tiny models, some that are made by hand, and a textbook's recurrent layers in float64."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from hypothesis import settings

from rnntext.jobs.translation import TranslationModel
from rnntext.run import translators
from rnntext.run.attention import EPSILON
from rnntext.run.charlm import Charlm, shapes
from rnntext.run.ensemble import TranslatorEnsemble
from rnntext.run.model import Model
from rnntext.run.search import search_all
from rnntext.run.threads import blas_threads
from rnntext.run.windows import Scale
from rnntext.settings.charlm import CharlmConfig
from rnntext.settings.forecaster import ForecastConfig
from rnntext.settings.search import SearchConfig
from rnntext.settings.translator import ARCHITECTURES, GRUConfig, HybridConfig, TransformerConfig, TranslatorConfig
from rnntext.storage import checkpoint
from rnntext.storage.json_files import to_json
from rnntext.text.tokenizers import Characters
from rnntext.text.tokens import END, RESERVED, Language, to_files
from rnntext.text.vocabulary import CharVocabulary

examples = settings(max_examples=100)  # for @given
ALPHABET = "\nabcdefghijklmnopqrstuvwxyz"
Arrays = dict[str, np.ndarray]


def random_arrays(config: CharlmConfig, vocabulary_size: int, seed: int = 0, scale: float = 0.5) -> Arrays:
    """Normally distributed weights, biases included."""
    generator = np.random.default_rng(seed)
    found = shapes(config, vocabulary_size).items()
    return {name: generator.normal(0.0, scale, shape).astype(np.float32) for name, shape in found}


def tiny_charlm(
    cell: str = "lstm", layers: int = 2, characters: str = "\nabcde", seed: int = 0, scale: float = 0.5
) -> Charlm:
    """A character model with random weights."""
    config = CharlmConfig(cell=cell, layers=layers, units=5, embedding=3)
    return Charlm(config, CharVocabulary(list(characters)), random_arrays(config, len(characters) + 1, seed, scale))


def alphabet_weights(lowercase: bool = False) -> tuple[CharlmConfig, str, Arrays]:
    """A model that knows the alphabet: after each letter the next one is by far the likeliest; z, line break, a."""
    size = len(ALPHABET) + 1  # ids: 0 is [UNK], 1 the line break, 2 ... 27 the letters
    config = CharlmConfig(cell="rnn", layers=1, units=size, embedding=size, lowercase=lowercase)
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes(config, size).items()}
    # h is 1 for the letter that was just read, 0 for all others
    arrays["embedding"] = arrays["layer0.kernel"] = 5 * np.eye(size, dtype=np.float32)
    for index in range(1, size):
        arrays["logits.kernel"][index, index % (size - 1) + 1] = 20.0
    return config, ALPHABET, arrays


def save_charlm(root: Path, config: CharlmConfig, characters: Sequence[str], arrays: Mapping[str, np.ndarray]) -> Path:
    """Puts a character model into service in a folder."""
    files = {
        "config.json": to_json({"model": config.to_json()}),
        "vocabulary.json": to_json(list(characters)),
    }
    checkpoint.promote(root, checkpoint.write_version(root, "charlm", files, arrays, {}))
    return root


# The textbook's layers: one text, one step, plain sigmoids; Keras's order of gates ---------------------------------


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def rnn_step(x, h, c, W, R, b):  # noqa: N803
    return np.tanh(x @ W + h @ R + b), c


def lstm_step(x, h, c, W, R, b):  # noqa: N803
    i, f, g, o = np.split(x @ W + h @ R + b, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(x, h, c, W, R, b):  # noqa: N803
    xz, xr, xh = np.split(x @ W + b[0], 3)
    hz, hr, hh = np.split(h @ R + b[1], 3)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    return z * h + (1 - z) * np.tanh(xh + r * hh), c


def textbook_logits(config: CharlmConfig, arrays: Mapping[str, np.ndarray], ids: Sequence[int]) -> np.ndarray:
    """Logits after each character of a text, `[time, vocabulary]`, float64."""
    step = {"rnn": rnn_step, "lstm": lstm_step, "gru": gru_step}[config.cell]
    a = {name: array.astype(np.float64) for name, array in arrays.items()}
    states = [(np.zeros(config.units), np.zeros(config.units)) for _ in range(config.layers)]
    logits = []
    for character in ids:
        x = a["embedding"][character]
        for index, (h, c) in enumerate(states):
            weights = (a[f"layer{index}.{name}"] for name in ("kernel", "recurrent_kernel", "bias"))
            states[index] = step(x, h, c, *weights)
            x = states[index][0]
        logits.append(x @ a["logits.kernel"] + a["logits.bias"])
    return np.array(logits)


# Translators ----------------------------------------------------------------------------------------------------------


def translator_arrays(
    config: TranslatorConfig, sizes: tuple[int, int], seed: int = 0, scale: float = 0.3, bias: float = 0.1
) -> Arrays:
    """Normally distributed weights; the scales of layer normalisation about one."""
    generator = np.random.default_rng(seed)
    found = {}
    for name, shape in translators.shapes(config, *sizes).items():
        spread = bias if name.endswith((".bias", ".scale")) else scale
        found[name] = (generator.normal(0.0, spread, shape) + name.endswith(".scale")).astype(np.float32)
    return found


TINY_TRANSFORMER = TransformerConfig(layers=2, units=8, heads=2, feedforward=12)
TINY_HYBRID = HybridConfig(layers=2, decoder_layers=2, units=8, heads=2, feedforward=12)
TINY_GRU = GRUConfig(layers=2, units=6, embedding=5)


def tiny_translator(
    config: TranslatorConfig = TINY_TRANSFORMER, sizes: tuple[int, int] = (12, 12), seed: int = 0, scale: float = 0.3
) -> Model:
    """A translation model with random weights."""
    return translators.build(config, translator_arrays(config, sizes, seed, scale))


def sentences(count: int, ids: int, seed: int = 0, shortest: int = 1, longest: int = 40) -> list[np.ndarray]:
    """Random sentences of a vocabulary of `ids` ids; each length is as likely as any other."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(shortest, longest + 1, count)
    return [generator.integers(RESERVED, ids, length).astype(np.int32) for length in lengths]


def strangers(
    config: TranslatorConfig, beam: int, count: int = 30, ids: int = 500, others: Sequence[TranslatorConfig] = ()
) -> list[str]:
    """Translates random sentences alone, and in batches of two to 64 in random orders: tells whose ids or scores are
    not the same, bit for bit. With others, the model is an ensemble."""
    generator = np.random.default_rng(beam)
    model = tiny_translator(config, (ids, ids), seed=1, scale=0.1)
    if others:
        model = TranslatorEnsemble(
            [model, *(tiny_translator(other, (ids, ids), seed=2, scale=0.1) for other in others)]
        )
    sources = sentences(count, ids, seed=2)

    def found(order: Sequence[int], batch_tokens: int) -> dict[int, list[tuple[tuple[int, ...], float, float]]]:
        search = SearchConfig(beam=beam, n_best=beam, max_length=8, batch_tokens=batch_tokens)
        answers = search_all(model, [sources[index] for index in order], search, range(END))
        return {order[n]: [(h.ids, h.log_probability, h.score) for h in best] for n, best in answers}

    with blas_threads(1):
        alone = found(range(count), 1)
        return [
            f"sentence {index} of {len(sources[index])} tokens in batches of {batch_tokens} tokens"
            for batch_tokens in (48, 250, 64 * 40)
            for index, answers in found(generator.permutation(count).tolist(), batch_tokens).items()
            if answers != alone[index]
        ]


def save_translator(
    root: Path, config: TranslatorConfig, arrays: Mapping[str, np.ndarray], *languages: Language, longest: int = 128
) -> Path:
    """Puts a translation model into service in a folder; one language serves both sides."""
    architecture = next(name for name, cls in ARCHITECTURES.items() if isinstance(config, cls))
    settings = {"model": {"architecture": architecture, **config.to_json()}, "training": {"longest": longest}}
    stored = {"config.json": settings, **to_files(languages[0], languages[-1])}
    files = {name: data if isinstance(data, bytes) else to_json(data) for name, data in stored.items()}
    checkpoint.promote(root, checkpoint.write_version(root, "translator", files, arrays, {}))
    return root


LETTERS = "abcdefghijklmnopqrstuvwxyz"
SPACE = "\u2581"  # how `Characters` writes a space
KNOWN, UNKNOWN_LETTER = LETTERS + SPACE, "?"
FARTHEST = 40  # positions that the shifting translator tells apart
RIGHT, EARLY_END, END_AT_LAST = 10.0, -10.0, 20.0  # logits; all others are zero


def shifted(text: str) -> str:
    """What the shifting translator answers to a normalised sentence: HAL becomes IBM, in small letters."""
    following = dict(zip(LETTERS + " ", LETTERS[1:] + "a ", strict=True))
    return "".join(following.get(letter, UNKNOWN_LETTER) for letter in text)


def parts_of(model: TranslationModel, line: str) -> list[str]:
    """The sentences that a line is translated as."""
    return [model.source.tokenizer.join(part.tokens) for part in model.lines.parts(line)]


def shifting_weights() -> tuple[TransformerConfig, Arrays, Language]:
    """A Transformer made by hand, whose answers are known, with their probabilities: it reads small letters and spaces,
    one at a time and in order, and answers each letter by the next one of the alphabet, each space by a space,
    everything else by "?".

    A vector consists of four blocks, each with a single one: target letter or (encoder) source letter, own position,
    letter that was found in the source, position where it was found. So all vectors of a kind have the same mean and
    variance, and layer normalisation can be undone. Target position t looks at source position t, or at the last one;
    the distance between the two tells when to end.
    """
    language = Language(Characters(), [*KNOWN, UNKNOWN_LETTER])
    v, p = len(language), FARTHEST
    d = 2 * (v + p)
    config = TransformerConfig(
        layers=1, units=d, heads=1, feedforward=1, positions="learned", tied=False, joint=True, tokens="char"
    )
    a = {name: np.zeros(shape) for name, shape in translators.shapes(config, v, v).items()}
    letter, position, found, where = (slice(0, v), slice(v, v + p), slice(v + p, 2 * v + p), slice(2 * v + p, d))
    for side in ("source", "target"):
        a[f"{side}.embedding"][:, letter] = np.eye(v) / d**0.5
        a[f"{side}.positions"][:p, position] = np.eye(p)
        a[f"{side}.positions"][p:, v + p - 1] = 1.0

    def undo(block: str, ones: int) -> None:
        mean = ones / d
        a[f"{block}.bias"] += mean
        a[f"{block}.scale"] += (mean - mean**2 + EPSILON) ** 0.5

    undo("encoder.norm", 2)
    undo("decoder.0.source.norm", 2)
    undo("decoder.norm", 4)
    far = np.abs(np.arange(p)[:, None] - np.arange(p))  # [target, source]
    a["decoder.0.source.query.kernel"][position, :p] = -100.0 * d**0.5 * far
    a["decoder.0.source.memory.kernel"][position, :p] = np.eye(p)
    values = a["decoder.0.source.memory.kernel"][:, d:]
    values[letter, found], values[position, where] = np.eye(v), np.eye(p)
    a["decoder.0.source.output.kernel"] += np.eye(d)
    for known in [*LETTERS, " ", "?", "!"]:
        source = language.encode(known)[0]
        a["logits.kernel"][found][source, language.encode(shifted(known))[0]] = RIGHT
    a["logits.bias"][END] = EARLY_END
    a["logits.kernel"][position, END] = (END_AT_LAST - EARLY_END) * np.arange(p)
    a["logits.kernel"][where, END] = -(END_AT_LAST - EARLY_END) * np.arange(p)
    return config, {name: array.astype(np.float32) for name, array in a.items()}, language


def shifting_log_probability(letters: int) -> float:
    """Of the right answer, of so many letters, its end included."""
    others = RESERVED + len(KNOWN) + 1 - 2  # neither the right letter nor the end
    right = np.exp(RIGHT) / (np.exp(RIGHT) + np.exp(EARLY_END) + others)
    end = np.exp(END_AT_LAST) / (np.exp(END_AT_LAST) + np.exp(RIGHT) + others)
    return float(letters * np.log(right) + np.log(end))


# Forecasters ----------------------------------------------------------------------------------------------------------


def save_forecaster(
    root: Path,
    config: ForecastConfig,
    series: np.ndarray,
    columns: Sequence[str] = ("x",),
    known: Sequence[str] = (),
    *,
    season: int = 1,
    arrays: Mapping[str, np.ndarray] | None = None,
    date_column: str | None = None,
    step: str = "1 row",
    scale_of: Callable[..., Scale] = Scale.learn,
) -> Path:
    """Puts a forecaster into service; the series `[time, columns]` is what it was made on, its last half held out."""
    values, half = series[None].astype(np.float64), len(series) // 2
    scale = scale_of(config, values[:, :half], len(columns), season)
    about = {"columns": list(columns), "known": list(known), "date_column": date_column, "step": step}
    about |= {"scale": scale.to_json(), "naive_errors": [1.0] * len(columns), "spared": True}
    held_out = [[None if np.isnan(v) else v for v in row] for row in series[half - config.window :].tolist()]
    files = {
        "config.json": to_json({"model": config.to_json()}),
        "series.json": to_json(about),
        "held_out.json": to_json(held_out),
    }
    checkpoint.promote(root, checkpoint.write_version(root, "forecaster", files, arrays or {}, {}))
    return root
