"""All promises that have a soak."""

from cli.streams import PROMISE_12, PROMISE_13, PROMISE_14, PROMISE_15
from crash.damage import PROMISE_5
from crash.faults import PROMISE_4
from crash.guard import PROMISE_7
from crash.limits import PROMISE_19
from crash.resume import PROMISE_1, PROMISE_2, PROMISE_6
from crash.states import PROMISE_3
from crash.storm import PROMISE_9
from crash.together import PROMISE_20
from fuzz.hostile import PROMISE_10, PROMISE_11
from golden.promise import PROMISE_18
from soak.harness import Promise
from soak.suites import PROMISE_8, PROMISE_16, PROMISE_17

PROMISES: dict[int, Promise] = {
    promise.number: promise
    for promise in (
        PROMISE_1,
        PROMISE_2,
        PROMISE_3,
        PROMISE_4,
        PROMISE_5,
        PROMISE_6,
        PROMISE_7,
        PROMISE_8,
        PROMISE_9,
        PROMISE_10,
        PROMISE_11,
        PROMISE_12,
        PROMISE_13,
        PROMISE_14,
        PROMISE_15,
        PROMISE_16,
        PROMISE_17,
        PROMISE_18,
        PROMISE_19,
        PROMISE_20,
    )
}
