"""Every promise in its short form. The full one: make soak PROMISE=n."""

from pathlib import Path

import pytest
from soak.harness import Case
from soak.promises import PROMISES

CASES = [
    pytest.param(case, id=f"{number} {case.name}")
    for number, promise in PROMISES.items()
    for case in promise.cases(False)
]


@pytest.mark.parametrize("case", CASES)
def test_the_promise_is_kept(case: Case, tmp_path: Path) -> None:
    assert any(case.run(tmp_path).values())
