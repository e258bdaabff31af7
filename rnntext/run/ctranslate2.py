"""CTranslate2, a C++ engine, in place of the NumPy one: the same Transformers and the same search, in 8-bit integers.

A model is converted in memory whenever it is loaded. That takes less time than importing the package
(docs/decisions.md), and no file lies about whose content native code would have to trust.
"""

from __future__ import annotations

import logging
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rnntext.config import SearchConfig, TransformerConfig, TranslatorConfig
from rnntext.errors import UsageError
from rnntext.run.attention import EPSILON, Array
from rnntext.run.batching import batches, length_class
from rnntext.run.search import Hypothesis, answer_limit, length_penalty
from rnntext.run.transformer import MOST_POSITIONS, alignment_layer, sinusoids
from rnntext.text.tokens import RESERVED

OWN = ["<blank>", "<unk>", "<s>", "</s>"]  # the reserved ids, by the names that CTranslate2 knows them by
# Any penalty but zero makes CTranslate2 wait for `beam` finished hypotheses, as our search does; ours ranks them.
_NO_PENALTY = 1e-9
_BATCH = 512  # source tokens that it computes side by side: integers are quickest so


class CTranslate2:
    """A trained Transformer, run by CTranslate2.

    It is brought up at the first search.

    Args:
        config, arrays: the model, as `run.transformer.Transformer` takes it.
        longest: tokens of a source sentence at the most.
        threads: of a matrix product.
        jobs: batches that are computed side by side.
        compute_type: of the products, "int8" or "float32".

    Raises:
        UsageError: CTranslate2 is not installed, or the model is no Transformer.
    """

    def __init__(
        self,
        config: TranslatorConfig,
        arrays: Mapping[str, Array],
        longest: int,
        threads: int = 1,
        jobs: int = 1,
        compute_type: str = "int8",
    ) -> None:
        if not isinstance(config, TransformerConfig):
            raise UsageError("--engine ctranslate2 runs Transformers only; this is another model: leave the option out")
        self.config, self.arrays, self.compute_type = config, arrays, compute_type
        self.threads, self.jobs = threads, jobs
        self.sources = [_name(token) for token in range(len(arrays["source.embedding"]))]
        self._convert(max(MOST_POSITIONS, answer_limit(length_class(longest), SearchConfig())))

    def _convert(self, positions: int) -> None:
        """Makes it ready for answers of so many tokens: CTranslate2 knows no positions but those in a table."""
        self.positions = positions
        self.files = _converted(self.config, self.arrays, positions, self.compute_type)
        self.__dict__.pop("translator", None)

    @cached_property
    def translator(self) -> Any:
        """CTranslate2's own object."""
        import ctranslate2

        ctranslate2.set_log_level(logging.ERROR)
        return ctranslate2.Translator(
            "rnntext",
            files=self.files,
            compute_type=self.compute_type,
            inter_threads=self.jobs,
            intra_threads=self.threads,
            max_queued_batches=-1,  # as many as there are
        )

    def search_all(
        self,
        sentences: Sequence[Array],
        config: SearchConfig,
        forbidden: Sequence[int],
        batch_tokens: int,
        with_attention: bool = False,
        with_scores: bool = True,
    ) -> Iterator[tuple[int, list[Hypothesis]]]:
        """What `run.search.search_all` does. Products of integers depend on their neighbours a little, so now and then
        an answer does, too."""
        grouped = batches([len(sentence) for sentence in sentences], batch_tokens // config.beam)
        limits = [answer_limit(length_class(len(sentences[batch[0]])), config) for batch in grouped]
        if max(limits, default=0) > self.positions:
            self._convert(max(limits))
        begun = [
            self.translator.translate_batch(
                [[self.sources[token] for token in sentences[index].tolist()] for index in batch],
                asynchronous=True,
                max_batch_size=_BATCH,
                batch_type="tokens",
                beam_size=config.beam,
                num_hypotheses=config.beam,
                length_penalty=_NO_PENALTY,
                suppress_sequences=[[_name(token)] for token in forbidden],
                max_input_length=0,
                max_decoding_length=limit,
                return_scores=with_scores or config.beam > 1,
                return_attention=with_attention,
            )
            for batch, limit in zip(grouped, limits, strict=True)
        ]
        for batch, limit, results in zip(grouped, limits, begun, strict=True):
            for index, result in zip(batch, results, strict=True):
                yield index, _hypotheses(result.result(), limit, config)


def _name(token: int) -> str:
    """What CTranslate2, which wants words, calls an id."""
    return OWN[token] if token < RESERVED else str(token)


def _hypotheses(result: Any, limit: int, config: SearchConfig) -> list[Hypothesis]:
    found = []
    scores = result.scores or [math.nan]
    for number, (names, total) in enumerate(zip(result.hypotheses, scores, strict=True)):
        ids = tuple(map(int, names))
        score = total / float(length_penalty(len(ids) + (len(ids) < limit), config.length_penalty))
        attention = np.array(result.attention[number], np.float32)[: len(ids)] if result.attention else None
        found.append(Hypothesis(ids, total, score, attention))
    return sorted(found, key=lambda h: -h.score)[: config.n_best]


def _converted(
    config: TransformerConfig, arrays: Mapping[str, Array], positions: int, compute_type: str
) -> dict[str, bytes]:
    """The files of a model as CTranslate2 stores it, by their names."""
    try:
        from ctranslate2.specs import TransformerSpec
    except ImportError as error:
        raise UsageError(
            "--engine ctranslate2 needs CTranslate2, which is not installed: pip install 'rnntext[ctranslate2]'"
        ) from error
    spec = TransformerSpec.from_config(
        config.layers, config.heads, alignment_layer=alignment_layer(config), alignment_heads=config.heads
    )
    spec.config.layer_norm_epsilon = EPSILON
    arrays = {name: array.copy() for name, array in arrays.items()}  # it rounds them in place
    source = arrays["source.embedding"]
    target = source if config.one_embedding else arrays["target.embedding"]
    spec.encoder.embeddings[0].weight, spec.decoder.embeddings.weight = source, target
    spec.decoder.projection.weight = target if config.tied else np.ascontiguousarray(arrays["logits.kernel"].T)
    spec.decoder.projection.bias = arrays["logits.bias"]
    for side, words, part in [("encoder", "source", spec.encoder), ("decoder", "target", spec.decoder)]:
        table = sinusoids(positions, config.units)
        if config.positions == "learned":
            table = arrays[f"{words}.positions"][np.minimum(np.arange(positions), MOST_POSITIONS - 1)]
        part.position_encodings.encodings = table
        _norm(part.layer_norm, arrays, side)
        for number, layer in enumerate(part.layer):
            ours = f"{side}.{number}"
            _block(layer.self_attention, layer.self_attention.linear, arrays, f"{ours}.itself", "qkv", "output")
            if side == "decoder":
                other = layer.attention
                _block(other, other.linear, arrays, f"{ours}.source", "query", "memory", "output")
            _block(
                layer.ffn, [layer.ffn.linear_0, layer.ffn.linear_1], arrays, f"{ours}.feedforward", "inner", "output"
            )
    spec.register_source_vocabulary([_name(token) for token in range(len(source))])
    spec.register_target_vocabulary([_name(token) for token in range(len(target))])
    spec.validate()
    spec.optimize(quantization=compute_type)
    with tempfile.TemporaryDirectory() as folder:  # it knows no other way
        spec.save(folder)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def _norm(spec: Any, arrays: Mapping[str, Array], block: str) -> None:
    spec.gamma, spec.beta = arrays[f"{block}.norm.scale"], arrays[f"{block}.norm.bias"]


def _block(spec: Any, linear: Sequence[Any], arrays: Mapping[str, Array], ours: str, *names: str) -> None:
    """Layer normalisation and linear layers of a block."""
    _norm(spec.layer_norm, arrays, ours)
    for layer, name in zip(linear, names, strict=True):
        layer.weight = np.ascontiguousarray(arrays[f"{ours}.{name}.kernel"].T)
        layer.bias = arrays[f"{ours}.{name}.bias"]
