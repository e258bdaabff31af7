"""Settings of translation models: architectures, training, and the search for translations."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from rnntext.errors import UsageError
from rnntext.settings.base import (
    BUDGET,
    DATA,
    LEARNING,
    MODEL,
    MUST_MATCH,
    Config,
    Option,
    check_choice,
    flag,
    inherited,
    option,
)
from rnntext.settings.training import SizedTraining

ATTENTIONS = ("additive", "multiplicative", "none")
POSITIONS = ("sinusoidal", "learned")
TOKENS = ("subword", "word", "char")
TEACHER_SHARE = 1.0  # of the sentences, whose targets are the translations of a teacher
ENGINES = ("numpy", "ctranslate2")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TranslatorConfig(Config):
    """The part of the architecture that all encoder-decoders have in common. Each class of ARCHITECTURES adds its own.

    >>> import rnntext
    >>> model = rnntext.GRUConfig(units=128, embedding=128, tokens="word")
    >>> isinstance(model, rnntext.TranslatorConfig), model.architecture
    (True, 'gru')

    `tokens` are subwords, words or characters, of both languages together (`joint`) or of each alone. With `tied`, the
    embeddings and the output layer share one matrix (Press and Wolf 2017); with separate vocabularies, the embedding of
    the target and the output layer do.
    """

    resume = MUST_MATCH
    tokens: str = option("subword", "Kind of tokens that sentences are split into.", DATA, choices=TOKENS)
    joint: bool = option(True, "Use one vocabulary for both languages, or one for each.", DATA, negative="--separate")
    tied: bool = option(
        True, "Share one matrix between embeddings and output layer, or give each its own.", MODEL, negative="--untied"
    )
    lowercase: bool = option(False, "Lower-case all text of both languages.", DATA)

    @property
    def architecture(self) -> str:
        """The name of the architecture on the command line and in a checkpoint."""
        return next(name for name, cls in ARCHITECTURES.items() if type(self) is cls)

    @property
    def one_embedding(self) -> bool:
        """Whether source and target share one embedding."""
        return self.tied and self.joint

    @property
    def target_embedding(self) -> str:
        """The name of the target's embedding among the weights."""
        return "source.embedding" if self.one_embedding else "target.embedding"

    @classmethod
    def flags(cls) -> dict[str, tuple[Any, Any, Option]]:
        """See Config. TranslatorConfig has the options of all architectures, and --architecture. An option that only an
        architecture declares has the default None, which tells whether it was given."""
        if cls is not TranslatorConfig:
            return super().flags()
        architecture = Option("Kind of encoder-decoder; auto: follows from the size.", MODEL, choices=KINDS)
        flags_of_kind = {kind: config.flags() for kind, config in ARCHITECTURES.items()}
        merged: dict[str, tuple[Any, Any, Option]] = {"architecture": (str, "auto", architecture)}
        for name in dict.fromkeys(name for flags in flags_of_kind.values() for name in flags):
            owners = {kind: flags[name] for kind, flags in flags_of_kind.items() if name in flags}
            hint, default, declared = next(iter(owners.values()))
            if name not in TranslatorConfig.options() and not declared.by_size:
                shown = ", ".join(str(value) for _, value, _ in owners.values())
                hint = hint | None
                default = None
                declared = dataclasses.replace(declared, shown=shown)
            merged[name] = (hint, default, declared)
        return merged

    @classmethod
    def from_flags(cls, values: Mapping[str, Any]) -> TranslatorConfig:
        """See Config. Where the architecture is left open, the config is of one that has all the given options.

        Raises:
            UsageError: an option does not belong to the architecture, or no architecture has all of the options.
        """
        # 1. List the architectures that have all the options that are given.
        kind = named_architecture(values)
        given = _given(values)
        if kind == "auto":
            candidates = _fitting(given)
        else:
            candidates = [kind]
            for name in given:
                if name not in ARCHITECTURES[kind].options():
                    raise UsageError(f"{flag(name)} {values[name]}: --architecture {kind} has no such thing")
        # 2. Make the config of the last one that accepts their values.
        common = {name: values[name] for name in TranslatorConfig.options() if name in values}
        refused: UsageError | None = None
        for candidate in reversed(candidates):
            try:
                return ARCHITECTURES[candidate](**common, **given)
            except UsageError as error:
                refused = error
        assert refused is not None
        raise refused

    @classmethod
    def left_open(cls, values: Mapping[str, Any]) -> frozenset[str]:
        """See Config; "architecture" may be one of the names."""
        if cls is not TranslatorConfig:
            return super().left_open(values)
        names: frozenset[str] = frozenset()
        for config in ARCHITECTURES.values():
            names |= config.left_open(values)
        return names | {"architecture"} if named_architecture(values) == "auto" else names

    @classmethod
    def chosen_by_size(cls) -> frozenset[str]:
        """See Config; "architecture" is one of the names."""
        if cls is not TranslatorConfig:
            return super().chosen_by_size()
        names = frozenset({"architecture"})
        for config in ARCHITECTURES.values():
            names |= config.chosen_by_size()
        return names

    def to_flags(self, left_open: Collection[str]) -> dict[str, Any]:
        """See Config."""
        if "architecture" in left_open:
            return {name: getattr(self, name) for name in TranslatorConfig.options()}
        return {"architecture": self.architecture, **super().to_flags(left_open)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransformerConfig(TranslatorConfig):
    """The architecture of a Transformer encoder-decoder (Vaswani et al. 2017) with layer normalisation before each
    block (pre-norm; Xiong et al. 2020).

    >>> import rnntext
    >>> rnntext.TransformerConfig(layers=2, units=64, heads=2).architecture
    'transformer'

    `units` is the width of the model, `feedforward` that of the hidden layer in each feed-forward block.
    """

    layers: int = option(
        4, "Number of layers on each side; of a hybrid, of its encoder.", MODEL, low=1, high=64, by_size=True
    )
    units: int = option(128, "Units of each layer.", MODEL, low=1, high=16384, by_size=True)
    heads: int = option(
        4, "Number of attention heads in each layer (transformer and hybrid).", MODEL, low=1, high=64, by_size=True
    )
    feedforward: int = option(
        256,
        "Units of the hidden layer in each feed-forward block (transformer and hybrid).",
        MODEL,
        low=1,
        high=16384,
        by_size=True,
    )
    positions: str = option("sinusoidal", "Kind of positional encoding.", MODEL, choices=POSITIONS)

    def check(self) -> None:
        """See Config."""
        if self.units % (2 * self.heads):
            raise UsageError(f"--units {self.units}: must be a multiple of twice --heads {self.heads}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class HybridConfig(TranslatorConfig):
    """The architecture of an encoder-decoder with a Transformer's encoder and a recurrent decoder, which translates
    faster: a GRU takes the place of the decoder's attention to itself (Hsu et al. 2020).

    >>> import rnntext
    >>> rnntext.HybridConfig(decoder_layers=1).architecture
    'hybrid'

    For `units`, `heads`, `feedforward` and `positions` see TransformerConfig.
    """

    layers: int = inherited(TransformerConfig, "layers")
    decoder_layers: int = option(
        2, "Number of layers of the decoder (hybrid only).", MODEL, low=1, high=64, by_size=True
    )
    units: int = inherited(TransformerConfig, "units")
    heads: int = inherited(TransformerConfig, "heads")
    feedforward: int = inherited(TransformerConfig, "feedforward")
    positions: str = inherited(TransformerConfig, "positions")

    check = TransformerConfig.check


@dataclasses.dataclass(frozen=True, kw_only=True)
class GRUConfig(TranslatorConfig):
    """The architecture of a GRU encoder-decoder: a bidirectional encoder, and a decoder that attends to it (Bahdanau,
    Cho, Bengio 2015).

    >>> import rnntext
    >>> rnntext.GRUConfig(attention="multiplicative").architecture
    'gru'

    `attention` is additive (Bahdanau), multiplicative (Luong, Pham, Manning 2015) or none.
    """

    layers: int = option(2, "Number of layers on each side.", MODEL, low=1, high=64, by_size=True)
    units: int = option(256, "Units of each layer.", MODEL, low=1, high=16384, by_size=True)
    embedding: int = option(256, "Size of the embedding vectors (gru only).", MODEL, low=1, high=16384, by_size=True)
    attention: str = option("additive", "Attention mechanism of the decoder.", MODEL, choices=ATTENTIONS)


ARCHITECTURES: dict[str, type[TransformerConfig] | type[HybridConfig] | type[GRUConfig]] = {
    "transformer": TransformerConfig,
    "hybrid": HybridConfig,
    "gru": GRUConfig,
}
KINDS = ("auto", *ARCHITECTURES)


def named_architecture(values: Mapping[str, Any]) -> str:
    """The architecture that a command names; or "auto", if all of them have the options that are given; or the first
    one that has."""
    named = str(values["architecture"])
    check_choice("architecture", named, KINDS)
    fitting = _fitting(_given(values))
    return fitting[0] if named == "auto" and len(fitting) < len(ARCHITECTURES) else named


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are given, of those that only architectures declare. The others always have a value."""
    names = dict.fromkeys(name for config in ARCHITECTURES.values() for name in config.options())
    own = [name for name in names if name not in TranslatorConfig.options()]
    return {name: values[name] for name in own if values.get(name) is not None}


def _fitting(given: Mapping[str, Any]) -> list[str]:
    """Names of the architectures that have all of these options."""
    fitting = [kind for kind, config in ARCHITECTURES.items() if given.keys() <= config.options().keys()]
    if not fitting:
        flags = " ".join(flag(name) for name in given)
        raise UsageError(f"{flags}: no architecture has all of these")
    return fitting


@dataclasses.dataclass(frozen=True, kw_only=True)
class TranslatorTraining(SizedTraining):
    """The training of a translation model.

    >>> import rnntext
    >>> rnntext.TranslatorTraining(epochs=10).smoothing
    0.1

    `smoothing` is label smoothing (Szegedy et al. 2016). `subword_sampling` is the rate at which merges of subwords are
    left out (BPE-dropout; Provilkov, Emelianenko, Voita 2020); it has no effect on words and characters.
    """

    vocabulary_size: int = option(
        8000, "Maximum number of tokens in a vocabulary.", DATA, low=1, high=10_000_000, by_size=True
    )
    longest: int = option(
        256, "Maximum number of tokens of a sentence; pairs with longer ones are left out.", DATA, low=5, high=4096
    )
    batch_tokens: int = option(
        2048, "Approximate batch size: pairs times tokens of the longer side.", BUDGET, low=1, high=10**7, by_size=True
    )
    accumulate: int = option(1, "Number of batches whose gradients are summed in a step.", BUDGET, low=1, high=1024)
    warmup: int = inherited(SizedTraining, "warmup", default=1000)
    beta_2: float = inherited(SizedTraining, "beta_2", default=0.98)
    dropout: float = inherited(SizedTraining, "dropout", default=0.3)
    average: float = inherited(SizedTraining, "average", default=0.999)
    smoothing: float = option(
        0.1, "Label smoothing: probability that is spread evenly over all tokens.", LEARNING, low=0, high=0.9
    )
    subword_sampling: float = option(
        0.1, "Rate at which subword merges are left out (BPE-dropout).", LEARNING, low=0, high=0.9, by_size=True
    )
