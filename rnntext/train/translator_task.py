"""What the training loop needs to know to train a translation model."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rnntext.families import TRANSLATOR
from rnntext.run import translators
from rnntext.run.arrays import Array
from rnntext.run.batching import in_order
from rnntext.run.forcing import log_probabilities
from rnntext.run.search import search_all
from rnntext.run.threads import blas_threads
from rnntext.settings.search import SEARCH_TOKENS, SearchConfig
from rnntext.settings.translator import GRUConfig, HybridConfig, TransformerConfig, TranslatorConfig, TranslatorTraining
from rnntext.text.bleu import bleu
from rnntext.text.bpe_dropout import SubwordSampler
from rnntext.text.stored_pairs import Pair
from rnntext.text.tokenizers import Subwords
from rnntext.text.tokens import PAD, Language
from rnntext.train.batches import PairBatches, filled, framed
from rnntext.train.gru_translator import GRUTranslator
from rnntext.train.halves import side_by_side
from rnntext.train.hybrid import Hybrid
from rnntext.train.losses import cross_entropy
from rnntext.train.pipelines import SentenceIds
from rnntext.train.precision import choose
from rnntext.train.products import Tensor
from rnntext.train.state import Metrics
from rnntext.train.task import Batch, Carried, Loss
from rnntext.train.transformer import Transformer
from rnntext.train.translator import Translator

MODELS: dict[type, type[Transformer] | type[Hybrid] | type[GRUTranslator]] = {
    TransformerConfig: Transformer,
    HybridConfig: Hybrid,
    GRUConfig: GRUTranslator,
}
SAMPLES = 5  # translations shown at an evaluation
MAX_STRETCH = 1.25  # tokens of a drawn segmentation over those of the batch's longest usual one
MAX_TRIES = 2  # segmentations of a sentence that are drawn until one is not longer than MAX_STRETCH allows
MIN_COLUMNS = 2  # of a batch, however short its sentences are
GREEDY = SearchConfig(beam=1, with_scores=False)


class TranslatorTask:
    """A translation model and its pairs of sentences, as `train.task.Task` wants it.

    Args:
        config: the model's shape.
        training: batch size, dropout, smoothing, seed and precision.
        languages: of source and target.
        pairs: the training sentences' ids, of source and target.
        held_out: normalised pairs that are not trained on.
    """

    family = TRANSLATOR
    usual_loss = 0.0

    def __init__(
        self,
        config: TranslatorConfig,
        training: TranslatorTraining,
        languages: tuple[Language, Language],
        pairs: tuple[SentenceIds, SentenceIds],
        held_out: Sequence[Pair],
    ) -> None:
        # 1. Keep the arguments.
        self.config = config
        self.training = training
        self.languages = languages
        self.held_out = held_out

        # 2. Build the model.
        source, target = languages
        model_class = MODELS[type(config)]
        sizes = (len(source), len(target))
        shapes = translators.shapes(config, *sizes).values()
        operands = choose(training.precision, sum(map(math.prod, shapes)))
        self.model: Translator = model_class(config, sizes, training, operands)  # type: ignore[arg-type]

        # 3. Cut the training sentences into batches.
        self.sentences = pairs
        self.accumulate = training.accumulate
        self.batches = PairBatches(*pairs, training.batch_tokens, training.seed, training.accumulate)
        self.steps_per_epoch = self.batches.steps_per_epoch
        labels = pairs[1].lengths + 1  # END is one of them
        labels_per_step = labels.sum() / self.steps_per_epoch
        self.units_per_step = float(labels_per_step)
        ids = tf.TensorSpec([None, None], tf.int32)
        self.signature = (ids, ids)
        self.samplers: list[SubwordSampler] = []
        if training.subword_sampling:
            for language in languages:
                if isinstance(language.tokenizer, Subwords):
                    sampler = SubwordSampler(language.tokenizer, training.subword_sampling, training.seed)
                    self.samplers.append(sampler)

        # 4. Look up the held-out sentences.
        self.sources = [source.encode(sentence) for sentence, _ in held_out]
        self.targets = [target.encode(sentence) for _, sentence in held_out]
        self.answers: list[str] = []

    def batch(self, index: int) -> tuple[Array, ...]:
        """Source ids `[batch, source]`, target ids with START and END `[batch, target + 2]`."""
        if not self.samplers:
            return self.batches.batch(index)
        generator = np.random.default_rng([self.training.seed, index])
        pairs = self.batches.pairs(index)  # [batch]
        sources = self._sampled(0, pairs, generator)
        targets = self._sampled(1, pairs, generator)
        framed_targets = [framed(target) for target in targets]
        return filled(sources), filled(framed_targets)

    def _sampled(self, side: int, pairs: Array, generator: np.random.Generator) -> list[Array]:
        """Ids of other segmentations of a batch's sentences (see `SubwordSampler`).

        Drawn segmentations are longer, a few of them by far, and a batch is as wide as its longest sentence: a sentence
        for which only too long ones are drawn is segmented as usual.

        Args:
            side: 0 for the source, 1 for the target.
            pairs: numbers of the pairs, `[batch]`.
            generator: draws the segmentations.
        """
        language = self.languages[side]
        sampler = self.samplers[side]
        sentences = self.sentences[side]
        usual = [sentences[pair] for pair in pairs]
        longest = max(len(ids) for ids in usual)
        max_length = min(MAX_STRETCH * longest, self.training.longest)
        sampled = []
        for ids in usual:
            text = language.decode(ids)
            for _ in range(MAX_TRIES):
                tokens = sampler.split(text, generator)
                if len(tokens) <= max_length:
                    ids = language.lookup(tokens)
                    break
            sampled.append(ids)
        return sampled

    def units(self, batch: tuple[Array, ...]) -> Array:
        """The number of labels of each target sentence, END included, `[batch]`."""
        _, target = batch
        tokens: Array = (target != PAD).sum(axis=1)
        return tokens - 1  # START is no label

    def start_state(self) -> Carried:
        """Nothing: sentences know nothing of one another."""
        return []

    def loss(self, batch: Batch, carried: Carried) -> Loss:
        """Mean cross-entropy with smoothed labels, in nats per target token, END included (scalar); an empty list."""
        kernel, bias = self.model.output_weights()  # [vocabulary, width], [vocabulary]
        across = tf.transpose(kernel)  # [width, vocabulary]
        operands = tf.as_dtype(self.model.operands)

        def losses(half: Batch, carried: Batch) -> Loss:
            source, target = half
            source = _trimmed(source)  # [batch, source]
            target = _trimmed(target)  # [batch, target + 1]
            features = target[:, :-1]  # [batch, target]
            labels = target[:, 1:]  # [batch, target]
            memory = self.model.encode(source, True)
            hidden = self.model.decode(features, memory, True)  # [batch, target, width]
            real = labels != PAD
            hidden = tf.boolean_mask(hidden, real)  # [tokens, width]
            labels = tf.boolean_mask(labels, real)  # [tokens]
            nats = cross_entropy(hidden, kernel, across, bias, labels, self.training.smoothing, operands)  # [tokens]
            return nats, []

        return side_by_side(losses, batch, carried)

    def evaluate(self, values: list[Array]) -> Metrics:
        """BLEU of greedy translations and nats per token of the held-out pairs.

        They are computed by the NumPy engine: what is measured is what is shipped.
        """
        target = self.languages[1]
        arrays = self.model.arrays(values)
        model = translators.build(self.config, arrays)
        with blas_threads():
            numbered = search_all(model, self.sources, GREEDY, target.forbidden)
            self.answers = [target.decode(hypotheses[0].ids) for hypotheses in in_order(numbered)]
            log_p = log_probabilities(model, self.sources, self.targets, SEARCH_TOKENS)  # [pairs]
            nats = -log_p.sum()
        references = [reference for _, reference in self.held_out]
        lengths = [len(ids) + 1 for ids in self.targets]
        tokens = sum(lengths)
        metrics = {}
        metrics["bleu"] = bleu(self.answers, references)
        metrics["nats_per_token"] = float(nats / tokens)
        return metrics

    def examples(self) -> list[str]:
        """Some held-out sentences (<) with the model's answers (>) and the references (=)."""
        lines = []
        samples = self.held_out[:SAMPLES]
        shown = zip(samples, self.answers, strict=False)
        for (source, reference), answer in shown:
            lines.append(f"  < {source}")
            lines.append(f"  = {reference}")
            lines.append(f"  > {answer}")
        return lines


def _trimmed(ids: Tensor) -> Tensor:
    """Ids `[batch, time]` without the last columns, where they are nothing but PAD; two at least remain."""
    used = tf.reduce_any(ids != PAD, axis=0)  # [time]
    used = tf.cast(used, tf.int32)
    columns = tf.reduce_sum(used)
    columns = tf.maximum(columns, MIN_COLUMNS)
    return ids[:, :columns]
