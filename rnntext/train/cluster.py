"""Several processes, on one machine or on many, that train one model together.

TensorFlow's collective operations connect them, add up what each of them has computed (a ring, over gRPC), and notice
when one of them has gone. All must ask for the same sums in the same order. So the chief says before each of them what
comes next, and hears with the same sum whether a signal has asked any process to stop.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import numpy as np
import tensorflow as tf

from rnntext.errors import LostPeerError, UsageError
from rnntext.run.arrays import Array
from rnntext.train.alone import Alone, Kind
from rnntext.train.products import Tensor
from rnntext.train.share import Share, Shareable
from rnntext.train.task import Carried, Task
from rnntext.train.tf_config import NAME, Place

NUMBER = np.dtype(np.int64)  # in which everything but gradients is sent: a sum with zeros changes no bit of it
PIECE = 2**21  # numbers that are sent at a time
FACTS = 3  # numbers in a word of the chief
LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
    tf.errors.UnknownError,
)


@dataclasses.dataclass(frozen=True)
class Word:
    """What the chief says.

    Attributes:
        kind: what comes next.
        number: of the step, or of the bytes that follow.
        rate: the learning rate of the step.
    """

    kind: Kind
    number: int = 0
    rate: float = 0.0


class Cluster(Alone):
    """One of several processes that train a model together. Must be made before TensorFlow is used; waits for all.

    Args:
        place: which process this is.

    Attributes:
        own_signal: returns the number of the signal that has asked this process to stop, or 0.
    """

    def __init__(self, place: Place) -> None:
        self.rank = place.rank
        self.count = len(place.addresses)
        self.own_signal: Callable[[], int] = lambda: 0
        gpus = tf.config.list_physical_devices("GPU")
        tf.config.set_visible_devices(gpus[:1], "GPU")  # Each of several would count as a process of its own.
        ring = tf.distribute.experimental.CommunicationImplementation.RING
        options = tf.distribute.experimental.CommunicationOptions(implementation=ring)
        self._strategy = tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
        spec = tf.TensorSpec([None], tf.int64)
        self._sum = tf.function(self._all_reduce, input_signature=(spec,), autograph=False)

    def share(self, task: Task) -> Task:
        """See Alone."""
        return Share(cast(Shareable, task), self.rank, self.count)

    # Sums -------------------------------------------------------------------------------------------------------------

    def _all_reduce(self, vector: Tensor) -> Tensor:
        """The sum of a vector over all processes, in a graph."""

        def add(own: Tensor) -> Tensor:
            own = tf.identity(own)  # A tensor from outside has no device yet, which `all_reduce` asks for.
            return tf.distribute.get_replica_context().all_reduce("sum", own)

        return self._strategy.run(add, args=(vector,))

    def total(self, tensors: list[Any]) -> list[Any]:
        """See Alone. All go through the ring as one vector, in float32."""
        dense = [tf.convert_to_tensor(tensor) for tensor in tensors]
        flat = [tf.reshape(tf.cast(tensor, tf.float32), [-1]) for tensor in dense]
        total = self._all_reduce(tf.concat(flat, axis=0))
        parts = tf.split(total, [part.shape[0] for part in flat])
        return [
            tf.cast(tf.reshape(part, tensor.shape), tensor.dtype) for part, tensor in zip(parts, dense, strict=True)
        ]

    def _added(self, numbers: Array) -> Array:
        """The sums of integers over all processes, at once."""
        with self.guarded():
            sums: Array = self._sum(tf.constant(numbers, tf.int64)).numpy()
        return sums

    def _exchanged(self, content: bytes | memoryview) -> bytes:
        """As many bytes as are given, at most a piece: each byte is 0 in all processes but one, whose byte is kept."""
        size = len(content)
        numbers = np.zeros(-(-size // NUMBER.itemsize), NUMBER)
        numbers.view(np.uint8)[:size] = np.frombuffer(content, np.uint8)
        return self._added(numbers).tobytes()[:size]

    # The chief's words ------------------------------------------------------------------------------------------------

    def _word(self, word: Word | None) -> Word:
        """The chief's word, in all processes; the chief gives it."""
        numbers = np.zeros(FACTS + self.count, NUMBER)
        if word is not None:
            numbers[:FACTS] = word.kind, word.number, np.float64(word.rate).view(NUMBER)
        numbers[FACTS + self.rank] = self.own_signal()
        sums = self._added(numbers)
        signals = [int(number) for number in sums[FACTS:] if number]
        self.signal = self.signal or next(iter(signals), 0)
        kind, number, rate = sums[:FACTS]
        return Word(Kind(kind), int(number), float(rate.view(np.float64)))

    def tell(self, kind: Kind, number: int = 0, rate: float = 0.0) -> None:
        """See Alone."""
        self._word(Word(kind, number, rate))

    def hear(self) -> Word:
        """What the chief says next."""
        return self._word(None)

    def send(self, kind: Kind, pieces: Iterable[bytes | memoryview]) -> None:
        """See Alone."""
        views = [memoryview(piece) for piece in pieces]
        self.tell(kind, sum(len(view) for view in views))
        step = PIECE * NUMBER.itemsize
        for view in views:
            for begin in range(0, len(view), step):
                part = view[begin : begin + step]
                self._added(np.array([len(part)]))
                self._exchanged(part)

    def received(self, word: Word) -> Iterator[bytes]:
        """The bytes that the chief sends after a word, piece by piece."""
        left = word.number
        while left:
            [size] = self._added(np.array([0]))
            piece = self._exchanged(bytes(size))
            left -= len(piece)
            yield piece

    def end(self, content: bytes) -> None:
        """Tells the others how the training has ended, and waits until they know."""
        with contextlib.suppress(LostPeerError):
            self.send(Kind.END, [content])
            self.part()

    def part(self) -> None:
        """Waits until all processes have come here: one that has gone is not missed any more."""
        with contextlib.suppress(LostPeerError):
            self._added(np.array([0]))

    # What all have ----------------------------------------------------------------------------------------------------

    def gather(self, content: bytes) -> list[bytes]:
        """The bytes that each process gives, in the order of their ranks."""
        sizes = np.zeros(self.count, NUMBER)
        sizes[self.rank] = len(content)
        sizes = self._added(sizes)
        return [self._exchanged(content if rank == self.rank else bytes(size)) for rank, size in enumerate(sizes)]

    def own(self, carried: Carried) -> Carried:
        """See Alone."""
        return [tensor[self.rank :: self.count] for tensor in carried]

    def whole(self, carried: Carried) -> Carried:
        """See Alone."""
        return [self._put_together(np.asarray(tensor)) for tensor in carried]

    def _put_together(self, rows: Array) -> Array:
        """The rows `[batch, ...]` of all processes, given those of this one."""
        [batch] = self._added(np.array([len(rows)]))
        whole = np.zeros((batch, *rows.shape[1:]), rows.dtype)
        whole[self.rank :: self.count] = rows
        content = self._exchanged(whole.tobytes())
        return np.frombuffer(content, rows.dtype).reshape(whole.shape)

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """See Alone."""
        try:
            yield
        except LOST as error:
            raise LostPeerError(
                "another process of this training has ended or cannot be reached; "
                "the same commands go on from the last saved state"
            ) from error


_connected: list[Cluster] = []


def connected(place: Place) -> Cluster:
    """This process among the others, when all are there: once in the life of a process.

    Raises:
        LostPeerError: the own port is in use, or others are still there that took part in an earlier start.
        UsageError: TensorFlow has been used before.
    """
    address = place.addresses[place.rank]
    try:
        if not _connected:
            _connected.append(Cluster(place))
    except tf.errors.OpError as error:
        raise LostPeerError(f"{NAME}: {address} cannot take part ({error.message}); try again") from error
    except RuntimeError as error:
        raise UsageError(f"{NAME}: {address} cannot take part ({error}); train in a process of its own") from error
    [cluster] = _connected
    cluster.signal = 0
    return cluster
