"""CTranslate2, a C++ engine, in place of the NumPy one: the same Transformers and the same search, in 8-bit integers.

A model is converted in memory whenever it is loaded. That takes less time than importing the package
(docs/decisions.md), and there is no converted file whose content native code would have to trust.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from rnntext.errors import UsageError
from rnntext.run.arrays import Array, Weights
from rnntext.run.batching import batches, length_class
from rnntext.run.ctranslate2_files import converted, name_of, numbered
from rnntext.run.positions import table_rows
from rnntext.run.search import Hypothesis, answer_limit, best_first, length_penalty
from rnntext.settings.search import SearchConfig
from rnntext.settings.translator import TransformerConfig, TranslatorConfig
from rnntext.text.tokens import Forbidden

# With any length penalty but zero CTranslate2 waits for `beam` finished hypotheses, as our search does. This one is too
# small to change their order; they are ranked with ours afterwards.
_NO_PENALTY = 1e-9
_BATCH_TOKENS = 512  # source tokens that CTranslate2 computes side by side: with integers this is the fastest


class CTranslate2:
    """A trained Transformer, run by CTranslate2, which is started at the first search.

    Args:
        config, arrays: the model, as `run.transformer.Transformer` takes it.
        max_source_length: in tokens.
        threads: number of threads of a matrix product.
        jobs: number of batches that are computed side by side.
        compute_type: data type of the products' operands, "int8" or "float32".

    Attributes:
        files: the converted model: the content of each file by its name.

    Raises:
        UsageError: CTranslate2 is not installed, or the model is no Transformer.
    """

    def __init__(
        self,
        config: TranslatorConfig,
        arrays: Weights,
        max_source_length: int,
        threads: int = 1,
        jobs: int = 1,
        compute_type: str = "int8",
    ) -> None:
        if not isinstance(config, TransformerConfig):
            raise UsageError("--engine ctranslate2 runs Transformers only; this is another model: leave the option out")
        self.config = config
        self.arrays = arrays
        self.compute_type = compute_type
        self.threads = threads
        self.jobs = jobs
        embedding = arrays["source.embedding"]  # [vocabulary, units]
        self.names = numbered(len(embedding))
        self._convert(table_rows(max_source_length))

    def _convert(self, positions: int) -> None:
        """Converts the model for translations of at most `positions` tokens: CTranslate2 reads positions in a table."""
        self.positions = positions
        target_names = numbered(len(self.arrays["logits.bias"]))
        names = (self.names, target_names)
        self.files = converted(self.config, self.arrays, positions, self.compute_type, names, "--engine ctranslate2")
        self.__dict__.pop("translator", None)  # the cached one has the old table

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
            max_queued_batches=-1,  # no limit
        )

    def search_all(
        self,
        sentences: Sequence[Array],
        config: SearchConfig,
        forbidden: Sequence[Forbidden],
    ) -> Iterator[tuple[int, list[Hypothesis]]]:
        """What `run.search.search_all` yields.

        Products of integers depend on their neighbours a little, so now and then a translation does, too.
        """
        # 1. Group the sentences into batches; make room for the longest translation.
        lengths = [len(sentence) for sentence in sentences]
        batch_tokens = config.batch_tokens // config.beam
        grouped = batches(lengths, batch_tokens)
        limits = []
        for batch in grouped:
            padded_length = length_class(lengths[batch[0]])
            limits.append(answer_limit(padded_length, config))
        max_answer = max(limits, default=0)
        if max_answer > self.positions:
            self._convert(max_answer)

        # 2. Begin all batches at once, so that the threads of CTranslate2 always have something to do.
        suppressed = [list(map(name_of, np.atleast_1d(tokens))) for tokens in forbidden]
        begun = []
        for batch, limit in zip(grouped, limits, strict=True):
            members = [sentences[number] for number in batch]
            begun.append(self._begin(members, limit, config, suppressed))

        # 3. Hand out what is done, in the order of the batches.
        for batch, limit, results in zip(grouped, limits, begun, strict=True):
            for number, result in zip(batch, results, strict=True):
                ready = result.result()  # waits for it
                yield number, _hypotheses(ready, limit, config)

    def _begin(
        self,
        sentences: Sequence[Array],
        limit: int,
        config: SearchConfig,
        suppressed: list[list[str]],
    ) -> Any:
        """Begins to translate a batch; returns CTranslate2's asynchronous results, one for each sentence."""
        words = []
        for sentence in sentences:
            ids = sentence.tolist()
            words.append([self.names[token] for token in ids])
        return self.translator.translate_batch(
            words,
            asynchronous=True,
            max_batch_size=_BATCH_TOKENS,
            batch_type="tokens",
            beam_size=config.beam,
            num_hypotheses=config.beam,
            length_penalty=_NO_PENALTY,
            suppress_sequences=suppressed,
            max_input_length=0,
            no_repeat_ngram_size=config.no_repeat_ngram or 0,
            max_decoding_length=limit,
            return_scores=config.scored,
            return_attention=config.with_attention,
        )


def _hypotheses(result: Any, limit: int, config: SearchConfig) -> list[Hypothesis]:
    """The translations of a sentence, the best first, from CTranslate2's result."""
    hypotheses = []
    log_probabilities = result.scores or [math.nan]
    pairs = zip(result.hypotheses, log_probabilities, strict=True)
    for number, (words, log_probability) in enumerate(pairs):
        ids = tuple(map(int, words))
        tokens = len(ids)
        length = tokens  # with END, if it has one
        if tokens < limit:
            length += 1
        penalty = length_penalty(length, config.length_penalty)
        score = log_probability / penalty
        attention = None
        if result.attention:
            rows = result.attention[number]  # of the tokens and, if it has one, of END
            attention = np.array(rows, np.float32)[:tokens]  # [tokens, source]
        hypothesis = Hypothesis(ids, log_probability, score, attention)
        hypotheses.append(hypothesis)
    return best_first(hypotheses, config.n_best)
