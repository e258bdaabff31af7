"""All promises that have a soak."""

from fuzz.hostile import PROMISE_10, PROMISE_11
from golden.promise import PROMISE_18
from soak.harness import Promise

PROMISES: dict[int, Promise] = {promise.number: promise for promise in (PROMISE_10, PROMISE_11, PROMISE_18)}
