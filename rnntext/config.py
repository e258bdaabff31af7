"""The single home of every default, and of its validation.

Each dataclass is frozen, knows nothing but numbers and names, and can be written to and read from JSON. The command
line takes its defaults from here; a checkpoint stores what it was made with.
"""

from __future__ import annotations

import dataclasses
import functools
import reprlib
from typing import Any, ClassVar, Self, get_args, get_type_hints

from rnntext.errors import CheckpointError, UsageError

CELLS = ("rnn", "lstm", "gru")
ATTENTIONS = ("additive", "multiplicative", "none")
POSITIONS = ("sinusoidal", "learned")
TOKENS = ("subword", "word", "char")
SCHEDULES = ("cosine", "wsd", "inverse-root", "constant")
SEARCH_TOKENS = 4096  # source tokens that are translated side by side, counted once for each hypothesis
STRATEGIES = ("next", "iterated", "direct", "seq2seq")
SCALES = ("relative", "standard", "none")
LOSSES = ("mse", "huber")
PRECISIONS = ("auto", "float32", "bfloat16")
ENGINES = ("numpy", "ctranslate2")
PROMOTIONS = ("better", "always", "never")


_MOST = 2**40  # absolute value of any whole number


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _check_range(config: Any, low: float, high: float, *names: str) -> None:
    """Raises UsageError unless low <= value <= high for each named field; None passes."""
    for name in names:
        value = getattr(config, name)
        if value is not None and not low <= value <= high:
            limits = f"at least {low}" if high == float("inf") else f"between {low} and {high}"
            raise UsageError(f"{_flag(name)} {value}: must be {limits}")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raises UsageError unless the option's value is one of the choices."""
    if value not in choices:
        raise UsageError(f"{_flag(name)} {value}: must be one of {', '.join(choices)}")


@functools.cache
def _types(cls: type) -> dict[str, Any]:
    """The types of a config's fields. Evaluates source text, ours, once: never while a stranger's file is read."""
    known = {field.name for field in dataclasses.fields(cls)}
    return {name: hint for name, hint in get_type_hints(cls).items() if name in known}


class Config:
    """What the dataclasses below have in common.

    Attributes:
        must_match: fields in which a command must agree with the one that began an unfinished training, because they
            decide what is learnt.
        may_change: fields in which it need not. Every field of a training's configs is in one of the two sets.
    """

    must_match: ClassVar[frozenset[str]] = frozenset()
    may_change: ClassVar[frozenset[str]] = frozenset()

    def to_json(self) -> dict[str, Any]:
        """All fields by name."""
        return dataclasses.asdict(self)  # type: ignore[call-overload,no-any-return]

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Reads what `to_json` wrote; a missing field takes its default.

        Raises:
            CheckpointError: not an object, an unknown field, or a value of another type than the field's.
        """
        if not isinstance(values, dict):
            raise CheckpointError("config: not an object with the fields of a model")
        types = _types(cls)  # type: ignore[arg-type]
        for name, value in values.items():
            if name not in types:
                raise CheckpointError(f"config field {reprlib.repr(name)} is unknown to this version of rnntext")
            allowed = get_args(types[name]) or (types[name],)
            if type(value) not in allowed and not (float in allowed and type(value) is int):
                raise CheckpointError(
                    f"config field {name!r}: {reprlib.repr(value)} is not of type {allowed[0].__name__}"
                )
            odd_text = isinstance(value, str) and not (value.isascii() and value.isprintable() and len(value) <= 64)
            if odd_text or (isinstance(value, int) and abs(value) > _MOST):
                # The message that names the limits or choices would not be fit for a terminal.
                raise CheckpointError(f"config field {name!r}: {reprlib.repr(value)} is out of range")
        try:
            return cls(**values)
        except UsageError as error:
            raise CheckpointError(f"config: {error}") from error


@dataclasses.dataclass(frozen=True, kw_only=True)
class CharlmConfig(Config):
    """A character model: embedding, `layers` recurrent layers of `units`, softmax over characters.

    `lowercase` belongs to the model, as it decides what its prompts look like.
    """

    must_match = frozenset({"cell", "layers", "units", "embedding", "lowercase"})
    cell: str = "lstm"
    layers: int = 2
    units: int = 512
    embedding: int = 128
    lowercase: bool = False

    def __post_init__(self) -> None:
        check_choice("cell", self.cell, CELLS)
        _check_range(self, 1, 64, "layers")
        _check_range(self, 1, 16384, "units", "embedding")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TranslatorConfig(Config):
    """What all encoder-decoders have in common; one of the two below is meant.

    `tokens` are subwords, words or characters, of both languages together (`joint`) or of each alone. With `tied`,
    embeddings and output layer are one matrix; with separate vocabularies, the target's embedding and the output layer.
    """

    must_match = frozenset({"tokens", "joint", "tied", "lowercase"})
    tokens: str = "subword"
    joint: bool = True
    tied: bool = True
    lowercase: bool = False

    def __post_init__(self) -> None:
        check_choice("tokens", self.tokens, TOKENS)

    @property
    def architecture(self) -> str:
        """Its name on the command line and in a checkpoint."""
        return next(name for name, cls in ARCHITECTURES.items() if type(self) is cls)

    @property
    def one_embedding(self) -> bool:
        """Whether source and target share their embedding."""
        return self.tied and self.joint


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransformerConfig(TranslatorConfig):
    """A Transformer encoder-decoder (Vaswani et al. 2017), normalised before each block (pre-norm).

    `units` is the width of the model, `feedforward` that of the blocks' inner layer; `positions` are sinusoidal or
    learned.
    """

    must_match = TranslatorConfig.must_match | frozenset({"layers", "units", "heads", "feedforward", "positions"})
    layers: int = 4
    units: int = 128
    heads: int = 4
    feedforward: int = 256
    positions: str = "sinusoidal"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_range(self, 1, 64, "layers", "heads")
        _check_range(self, 1, 16384, "units", "feedforward")
        check_choice("positions", self.positions, POSITIONS)
        if self.units % (2 * self.heads):
            raise UsageError(f"--units {self.units}: must be a multiple of twice --heads {self.heads}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class GRUConfig(TranslatorConfig):
    """A GRU encoder-decoder: a bidirectional encoder and a decoder that attends to it (Bahdanau, Cho, Bengio 2015).

    `attention` is additive (Bahdanau), multiplicative (Luong, Pham, Manning 2015) or none.
    """

    must_match = TranslatorConfig.must_match | frozenset({"layers", "units", "embedding", "attention"})
    layers: int = 2
    units: int = 256
    embedding: int = 256
    attention: str = "additive"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_range(self, 1, 64, "layers")
        _check_range(self, 1, 16384, "units", "embedding")
        check_choice("attention", self.attention, ATTENTIONS)


ARCHITECTURES: dict[str, type[TransformerConfig] | type[GRUConfig]] = {
    "transformer": TransformerConfig,
    "gru": GRUConfig,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig(Config):
    """How any model is trained. Of `epochs`, `steps` and `time_limit` (seconds) the first to be reached ends the run.

    `beta_2` is Adam's, `warmup` the number of steps in which the learning rate rises, `schedule` its way down after
    that, `patience` the number of evaluations without a better one that end a run early, `average` the decay of the
    moving average of weights that is evaluated and shipped.
    """

    # The budget, too: the learning rate of every step depends on where the run ends.
    must_match = frozenset({"epochs", "steps", "time_limit", "patience", "learning_rate", "warmup", "schedule"}) | {
        "beta_2",
        "dropout",
        "average",
        "precision",
        "seed",
    }
    epochs: int | None = None
    steps: int | None = None
    time_limit: float | None = None
    learning_rate: float = 3e-3
    beta_2: float = 0.99
    warmup: int = 100
    schedule: str = "cosine"
    patience: int | None = None
    dropout: float = 0.5
    average: float = 0.998
    precision: str = "auto"
    seed: int = 1

    def __post_init__(self) -> None:
        infinity = float("inf")
        _check_range(self, 1, infinity, "epochs", "steps", "time_limit", "patience", "warmup")
        _check_range(self, 0, 1, "learning_rate")
        _check_range(self, 0, 0.99999, "average", "beta_2")
        _check_range(self, 0, 0.95, "dropout")
        _check_range(self, 0, 2**31 - 1, "seed")
        check_choice("precision", self.precision, PRECISIONS)
        check_choice("schedule", self.schedule, SCHEDULES)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CharlmTraining(TrainingConfig):
    """How a character model is trained.

    `window` is the number of steps of truncated back-propagation through time, `batch_size` the number of parallel
    streams, `dropout` the rate between layers, `recurrent_dropout` the rate on the recurrent connections (one mask per
    window, Gal and Ghahramani 2016).
    """

    must_match = TrainingConfig.must_match | frozenset({"batch_size", "window", "vocabulary_size", "recurrent_dropout"})
    batch_size: int = 64
    window: int = 128
    vocabulary_size: int | None = None
    recurrent_dropout: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_range(self, 1, 65536, "batch_size", "window")
        _check_range(self, 1, 1_000_000, "vocabulary_size")
        _check_range(self, 0, 0.95, "recurrent_dropout")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TranslatorTraining(TrainingConfig):
    """How a translation model is trained.

    `batch_tokens` is sentences x tokens of the longer side, about; `accumulate` batches make a step; pairs with a side
    of more than `longest` tokens are left out; `smoothing` is that of the labels (Szegedy et al. 2016);
    `subword_sampling` the rate at which merges of subwords, where there are any, are left out in training (BPE-dropout;
    Provilkov, Emelianenko, Voita 2020).
    """

    must_match = TrainingConfig.must_match | frozenset(
        {"batch_tokens", "accumulate", "longest", "vocabulary_size", "smoothing", "subword_sampling"}
    )
    learning_rate: float = 3e-3
    beta_2: float = 0.98
    warmup: int = 1000
    dropout: float = 0.3
    average: float = 0.999
    batch_tokens: int = 2048
    accumulate: int = 1
    longest: int = 256
    vocabulary_size: int = 8000
    smoothing: float = 0.1
    subword_sampling: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_range(self, 1, 10_000_000, "batch_tokens", "vocabulary_size")
        _check_range(self, 5, 4096, "longest")
        _check_range(self, 1, 1024, "accumulate")
        _check_range(self, 0, 0.9, "smoothing", "subword_sampling")


@dataclasses.dataclass(frozen=True, kw_only=True)
class JobConfig(Config):
    """How a training runs and what becomes of it, whatever it trains.

    `promote` says when the new version goes into service: if it is not worse than the one there by more than
    `tolerance` (in units of the score), always, or never; `keep` is the number of newest versions that are kept.
    `fresh` drops an unfinished training and starts over; `force` trains although nothing has changed since the last
    run; with `warm_start` a run begins with the weights and the vocabulary of the version in service. The state is
    saved every `save_every` seconds; after `pause_after` seconds a session ends, to be continued by the same command;
    `wait` is for how many seconds to wait for another job. `command` is kept with the version.
    """

    must_match = frozenset({"warm_start"})
    may_change = frozenset(
        {"promote", "tolerance", "keep", "fresh", "force", "save_every", "pause_after", "wait", "command"}
    )
    promote: str = "better"
    tolerance: float = 0.0
    keep: int = 3
    fresh: bool = False
    force: bool = False
    warm_start: bool = True
    save_every: float = 120.0
    pause_after: float | None = None
    wait: float = 0.0
    command: str = ""

    def __post_init__(self) -> None:
        infinity = float("inf")
        check_choice("promote", self.promote, PROMOTIONS)
        _check_range(self, 0, infinity, "tolerance", "save_every", "pause_after", "wait")
        _check_range(self, 1, infinity, "keep")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchConfig(Config):
    """How a translation is searched for.

    `beam` hypotheses are kept (1: greedy); a finished one is worth its log-probability divided by
    ((5 + length) / 6) ** `length_penalty` (Wu et al. 2016); `max_length` limits the tokens of an answer (None: twice
    those of the source and ten more).
    """

    beam: int = 5
    length_penalty: float = 1.0
    n_best: int = 1
    max_length: int | None = None

    def __post_init__(self) -> None:
        _check_range(self, 1, 256, "beam", "n_best")
        _check_range(self, 0, 10, "length_penalty")
        _check_range(self, 1, 100_000, "max_length")
        if self.n_best > self.beam:
            raise UsageError(f"--n-best {self.n_best}: must not be more than --beam {self.beam}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SamplingConfig(Config):
    """How characters are drawn. `temperature` 0 takes the likeliest one; None switches a filter off."""

    temperature: float = 0.8
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        _check_range(self, 0, 100, "temperature")
        _check_range(self, 1, float("inf"), "top_k")
        _check_range(self, 1e-6, 1, "top_p", "min_p")
        _check_range(self, 0.01, 100, "repetition_penalty")


# Forecasting ----------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Architecture:
    """What a kind of forecaster consists of: recurrent layers of a cell (None: no recurrence), how many and how wide,
    and whether a convolution comes before them."""

    cell: str | None = None
    layers: int = 0
    units: int = 0
    convolution: bool = False


FORECASTERS = {
    "naive": Architecture(),
    "seasonal-naive": Architecture(),
    "linear": Architecture(),
    "rnn": Architecture("rnn", 1, 1),
    "deep-rnn": Architecture("rnn", 2, 20),
    "lstm": Architecture("lstm", 2, 20),
    "gru": Architecture("gru", 2, 20),
    "conv-gru": Architecture("gru", 2, 20, convolution=True),
}
BASELINES = ("naive", "seasonal-naive")  # that have nothing to learn


@dataclasses.dataclass(frozen=True, kw_only=True)
class ForecastConfig(Config):
    """A forecaster: reads `window` values, predicts the next one or the next `horizon` ones.

    `strategy` is one of: next (predicts one value, is measured on one), iterated (the same model, measured on `horizon`
    values, each appended to what the next one is predicted from), direct (all at once), seq2seq (all at once, at every
    step of the window; used and measured at the last). `layers` and `units` are None for the architecture's own (see
    FORECASTERS). With `recurrent_output` the last layer is recurrent, not dense; the architecture rnn has such a layer
    where it predicts one number. `scale` says what the network sees: differences to the window's first value in, to the
    (seasonal) naive forecast out (relative), values with mean 0 and standard deviation 1 (standard), or values as they
    are (none). With `linear`, and differences out, a linear model of the window is added to what a recurrent network
    with a dense output answers. `season` is a number of steps (None: found in the training data).
    """

    must_match = frozenset(
        {
            "architecture",
            "strategy",
            "window",
            "horizon",
            "layers",
            "units",
            "recurrent_output",
            "linear",
            "scale",
            "season",
        }
    )
    architecture: str = "gru"
    strategy: str = "direct"
    window: int = 50
    horizon: int = 10
    layers: int | None = None
    units: int | None = None
    recurrent_output: bool = False
    linear: bool = True
    scale: str = "relative"
    season: int | None = None

    def __post_init__(self) -> None:
        check_choice("architecture", self.architecture, tuple(FORECASTERS))
        check_choice("strategy", self.strategy, STRATEGIES)
        check_choice("scale", self.scale, SCALES)
        _check_range(self, 1, 65536, "window", "horizon", "season")
        _check_range(self, 1, 64, "layers")
        _check_range(self, 1, 16384, "units")
        kind = FORECASTERS[self.architecture]
        for name in ("layers", "units"):
            if kind.cell is None and getattr(self, name) is not None:
                raise UsageError(
                    f"--{name} {getattr(self, name)}: --architecture {self.architecture} has no such thing"
                )
        if self.recurrent_output and kind.cell != "rnn":
            raise UsageError("--recurrent-output: needs --architecture rnn or deep-rnn")
        if kind.convolution and self.window < CONVOLUTION:
            raise UsageError(f"--window {self.window}: --architecture {self.architecture} needs at least {CONVOLUTION}")

    @property
    def ahead(self) -> int:
        """Values that the network predicts at once."""
        return 1 if self.strategy in ("next", "iterated") else self.horizon

    @property
    def measured(self) -> int:
        """Values that it is measured on."""
        return 1 if self.strategy == "next" else self.horizon

    def stack(self) -> tuple[int, ...]:
        """Units of each recurrent layer, a recurrent output layer not included."""
        kind = FORECASTERS[self.architecture]
        layers = kind.layers if self.layers is None else self.layers
        return (kind.units if self.units is None else self.units,) * layers


CONVOLUTION, STRIDE = 4, 2  # of the conv-gru's convolution


@dataclasses.dataclass(frozen=True, kw_only=True)
class ForecastTraining(TrainingConfig):
    """How a forecaster is trained: on `batch_size` windows at a time, with the mean squared error, or with Huber's loss
    (squared up to one standard deviation, linear above it), which outliers cannot lead astray."""

    must_match = TrainingConfig.must_match | frozenset({"batch_size", "loss"})
    learning_rate: float = 5e-3
    beta_2: float = 0.999
    dropout: float = 0.2
    average: float = 0.99
    batch_size: int = 32
    loss: str = "huber"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_range(self, 1, 65536, "batch_size")
        check_choice("loss", self.loss, LOSSES)
