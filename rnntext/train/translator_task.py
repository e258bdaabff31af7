"""What the training loop needs to know to train a translation model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from rnntext.config import (
    SEARCH_TOKENS,
    GRUConfig,
    SearchConfig,
    TransformerConfig,
    TranslatorConfig,
    TranslatorTraining,
)
from rnntext.run import translators
from rnntext.run.forcing import log_probabilities
from rnntext.run.search import search_all
from rnntext.run.threads import blas_threads
from rnntext.text.bitext import Pair
from rnntext.text.bleu import bleu
from rnntext.text.tokens import PAD, Language, Subwords, SubwordSampler
from rnntext.train.gru_translator import GRUTranslator
from rnntext.train.halves import side_by_side
from rnntext.train.losses import cross_entropy
from rnntext.train.pipelines import PairBatches, Sentences, filled, framed
from rnntext.train.precision import choose
from rnntext.train.recurrent import Tensor
from rnntext.train.transformer import Transformer
from rnntext.train.translator import Translator

MODELS: dict[type, type[Transformer] | type[GRUTranslator]] = {TransformerConfig: Transformer, GRUConfig: GRUTranslator}
SAMPLES = 5  # translations shown at an evaluation
STRETCH = 1.25  # drawn segmentations of a batch over the longest usual one, in tokens, at the most
TRIES = 2  # to draw a segmentation within it
GREEDY = SearchConfig(beam=1)


class TranslatorTask:
    """A translation model and its pairs of sentences, as `train.loop.Task` wants it.

    Args:
        languages: of source and target.
        pairs: the training sentences' ids.
        held_out: normalised pairs that are not trained on.
    """

    def __init__(
        self,
        config: TranslatorConfig,
        training: TranslatorTraining,
        languages: tuple[Language, Language],
        pairs: tuple[Sentences, Sentences],
        held_out: Sequence[Pair],
    ) -> None:
        self.config, self.training, self.languages = config, training, languages
        self.held_out = held_out
        self.accumulate = training.accumulate
        rate, seed = training.subword_sampling, training.seed
        tokenizers = [language.tokenizer for language in languages]
        self.samplers = [SubwordSampler(t, rate, seed) for t in tokenizers if rate and isinstance(t, Subwords)]
        sizes = (len(languages[0]), len(languages[1]))
        self.model: Translator = MODELS[type(config)](config, sizes, training, choose(training.precision))  # type: ignore[arg-type]
        self.batches = PairBatches(*pairs, training.batch_tokens, training.seed, training.accumulate)
        self.steps_per_epoch = self.batches.steps_per_epoch
        self.units_per_step = float((pairs[1].lengths + 1).sum() / self.steps_per_epoch)
        self.signature = (tf.TensorSpec([None, None], tf.int32),) * 2
        self.sources = [languages[0].encode(source) for source, _ in held_out]
        self.targets = [languages[1].encode(target) for _, target in held_out]
        self.answers: list[str] = []

    def batch(self, index: int) -> tuple[np.ndarray, ...]:
        """Source ids `[batch, source]`, target ids with START and END `[batch, target + 2]`."""
        if not self.samplers:
            return self.batches.batch(index)
        generator = np.random.default_rng([self.training.seed, index])
        which = self.batches.pairs(index)
        sources, targets = (self._sampled(side, which, generator) for side in (0, 1))
        return filled(sources), filled([framed(target) for target in targets])

    def _sampled(self, side: int, which: np.ndarray, generator: np.random.Generator) -> list[np.ndarray]:
        """Ids of other segmentations of a batch's sentences. Drawn ones are longer, a few by far, and a batch is as
        wide as its longest sentence: one that stays longer than STRETCH allows is segmented as usual."""
        language, sampler = self.languages[side], self.samplers[side]
        found = [(self.batches.source, self.batches.target)[side][i] for i in which]
        most = min(STRETCH * max(len(ids) for ids in found), self.training.longest)
        for row, text in enumerate([language.decode(ids) for ids in found]):
            for _ in range(TRIES):
                tokens = sampler.split(text, generator)
                if len(tokens) <= most:
                    found[row] = language.lookup(tokens)
                    break
        return found

    def start_state(self) -> list[Tensor]:
        """Nothing: sentences know nothing of one another."""
        return []

    def loss(self, batch: tuple[Tensor, ...], carried: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Mean cross-entropy in nats per target token, END included, with smoothed labels."""
        kernel, bias = self.model.output_weights()
        across = tf.transpose(kernel)

        def losses(half: Sequence[Tensor], carried: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
            source, target = map(_trimmed, half)
            labels = target[:, 1:]
            hidden = self.model.decode(target[:, :-1], self.model.encode(source, True), True)
            real = labels != PAD
            rows, wanted = tf.boolean_mask(hidden, real), tf.boolean_mask(labels, real)
            operands = tf.as_dtype(self.model.operands)
            return cross_entropy(rows, kernel, across, bias, wanted, self.training.smoothing, operands), []

        return side_by_side(losses, batch, carried)

    def evaluate(self, values: list[np.ndarray]) -> dict[str, float]:
        """BLEU of greedy translations and nats per token of the held-out pairs, computed by the NumPy engine: what is
        measured is what is shipped."""
        model = translators.build(self.config, self.model.arrays(values))
        with blas_threads():
            forbidden = self.languages[1].forbidden
            found = dict(search_all(model, self.sources, GREEDY, forbidden, SEARCH_TOKENS, with_scores=False))
            nats = -log_probabilities(model, self.sources, self.targets, SEARCH_TOKENS).sum()
        self.answers = [self.languages[1].decode(found[index][0].ids) for index in range(len(self.sources))]
        references = [target for _, target in self.held_out]
        return {
            "bleu": bleu(self.answers, references),
            "nats_per_token": float(nats / sum(len(target) + 1 for target in self.targets)),
        }

    def rank(self, metrics: Mapping[str, float]) -> tuple[float, ...]:
        """More BLEU is better; equal BLEU: fewer nats."""
        return metrics["bleu"], -metrics["nats_per_token"]

    def examples(self) -> list[str]:
        """Some held-out sentences with the model's answers and the references."""
        shown = zip(self.held_out[:SAMPLES], self.answers, strict=False)
        return [
            line for (source, target), answer in shown for line in (f"  < {source}", f"  = {target}", f"  > {answer}")
        ]


def _trimmed(ids: Tensor) -> Tensor:
    """Without the last columns, where they are nothing but PAD; two at least remain."""
    used = tf.reduce_sum(tf.cast(tf.reduce_any(ids != PAD, axis=0), tf.int32))
    return ids[:, : tf.maximum(used, 2)]
