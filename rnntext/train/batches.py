"""From ids to the batches of a training step. The labels of a batch are its features, shifted by one."""

from __future__ import annotations

import numpy as np

from rnntext.run.arrays import Array
from rnntext.run.attention import pad
from rnntext.text.tokens import END, START
from rnntext.train.pipelines import SentenceIds


class CharStreams:
    """A text as `batch` parallel streams, cut into windows; a function of (seed, step).

    Window w + 1 of a stream goes on where window w ended, so that the recurrent state can be carried over. Each epoch
    begins at another offset, so that windows are not always cut at the same places.

    Args:
        ids: `[time]`.
        batch: number of streams; a short text gets fewer.
        window: steps of truncated back-propagation through time (Williams, Peng 1990).
        seed: of the offsets.
    """

    def __init__(self, ids: Array, batch: int, window: int, seed: int) -> None:
        self.ids = ids
        self.window = window
        self.seed = seed
        labels = len(ids) - 1  # the first character is nobody's successor
        max_batch = labels // (2 * window)  # so that a stream has two windows
        self.batch = max(1, min(batch, max_batch))
        step_labels = self.batch * window
        steps = (labels - window) // step_labels  # A window stays free for the offset.
        self.steps_per_epoch = max(1, steps)
        self.stride = self.steps_per_epoch * window  # between the beginnings of two streams
        used = self.batch * self.stride
        self.slack = labels - used  # the largest offset

    def windows(self, step: int) -> tuple[Array, Array]:
        """Features and labels of a step, both `[batch, time]`, int32."""
        epoch, index = divmod(step, self.steps_per_epoch)
        generator = np.random.default_rng([self.seed, epoch])
        offsets = self.slack + 1
        offset = int(generator.integers(0, offsets))
        first = offset + index * self.window
        streams = np.arange(self.batch)
        begins = first + self.stride * streams  # [batch]
        time = np.arange(self.window + 1)
        begins = begins[:, None]  # [batch, 1]
        places = begins + time  # [batch, time + 1]
        characters = self.ids[places]  # [batch, time + 1]
        characters = characters.astype(np.int32)
        features = characters[:, :-1]  # [batch, time]
        labels = characters[:, 1:]  # [batch, time]
        return features, labels


class PairBatches:
    """Pairs of sentences in batches of about equal work, each with sentences of about equal length.

    Everything is a function of (seed, epoch, position).

    Args:
        source, target: ids, without START and END.
        batch_tokens: sentences x tokens of the longer side, about.
        seed: of the order.
        accumulate: number of batches that a step takes.
    """

    def __init__(
        self, source: SentenceIds, target: SentenceIds, batch_tokens: int, seed: int, accumulate: int = 1
    ) -> None:
        self.source = source
        self.target = target
        self.seed = seed
        self.accumulate = accumulate
        target_steps = target.lengths + 1  # from START to the last token, or from the first token to END
        longer = np.maximum(source.lengths, target_steps)
        self.work = longer.astype(np.int64)  # [pairs]
        all_work = self.work.sum()
        batches = max(1, round(all_work / batch_tokens))
        self.steps_per_epoch = max(1, batches // accumulate)
        self._epoch = -1
        self._order: list[Array] = []

    def batch(self, index: int) -> tuple[Array, Array]:
        """Source ids `[batch, source]` and target ids `[batch, target + 2]`, filled with PAD.

        The target has START and END: decoder inputs are all columns but the last, labels all but the first.
        """
        pairs = self.pairs(index)
        sources = [self.source[pair] for pair in pairs]
        targets = [self.target[pair] for pair in pairs]
        targets = [framed(target) for target in targets]
        return filled(sources), filled(targets)

    def pairs(self, index: int) -> Array:
        """Numbers of the pairs in a batch, `[batch]`."""
        step, part = divmod(index, self.accumulate)
        epoch, position = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = self._epoch_order(epoch)
        number = position * self.accumulate + part
        return self._order[number]

    def _epoch_order(self, epoch: int) -> list[Array]:
        """All batches of an epoch, `[batch]` each."""
        # 1. Sort by target length, then by source length, up and down in turn, so that it never jumps. Some noise lets
        # a sentence meet others in each epoch.
        generator = np.random.default_rng([self.seed, epoch])
        pairs = len(self.work)
        source_noise, target_noise = generator.uniform(0, 2, (2, pairs))  # [pairs] each
        target_rank = (self.target.lengths + target_noise) // 2
        direction = 1 - 2 * (target_rank % 2)  # 1 or -1
        source_rank = (self.source.lengths + source_noise) * direction
        order = np.lexsort((source_rank, target_rank))  # [pairs]

        # 2. Cut into batches of about equal work. One that a very long sentence leaves empty gets the first pair.
        batches = self.steps_per_epoch * self.accumulate
        work_so_far = np.cumsum(self.work[order])  # [pairs]
        all_work = self.work.sum() + 1  # so that no number reaches `batches`
        batch_numbers = work_so_far * batches // all_work  # [pairs]
        later_batches = np.arange(1, batches)
        cuts = np.searchsorted(batch_numbers, later_batches)
        parts = []
        for part in np.split(order, cuts):
            if len(part) == 0:
                part = order[:1]
            parts.append(part)

        # 3. Shuffle.
        numbers = generator.permutation(batches)
        return [parts[number] for number in numbers]


def framed(ids: Array) -> Array:
    """START, the ids, END: `[target]` to `[target + 2]`."""
    begin = [START]
    end = [END]
    return np.concatenate([begin, ids, end])


def filled(sentences: list[Array]) -> Array:
    """Sentences as rows, filled up with PAD to the length of the longest one: `[batch, time]`, int32."""
    lengths = [len(ids) for ids in sentences]
    longest = max(lengths)
    return pad(sentences, longest)
