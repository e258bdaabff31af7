"""What is shown at a terminal before the first step, and in a locale that has nothing but ASCII."""

import io
import sys

import pytest

from rnntext.cli import watching
from rnntext.cli.watching import ProgressBar


def new_stderr(monkeypatch: pytest.MonkeyPatch, encoding: str = "utf-8") -> io.BytesIO:
    """What is written to stderr from now on."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(written, encoding=encoding))
    return written


def test_a_line_says_that_a_long_preparation_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PREPARING_SECONDS", 0.0)
    written = new_stderr(monkeypatch)
    ProgressBar("chars", "bits", "bits/char")._preparing.join()
    assert written.getvalue() == b"preparing: reads the data, starts TensorFlow\n"


@pytest.mark.parametrize("end", [ProgressBar.close, lambda bar: bar.start(100, 0)])
def test_what_begins_or_ends_in_time_is_not_said_to_prepare(monkeypatch: pytest.MonkeyPatch, end) -> None:
    monkeypatch.setattr(watching, "PREPARING_SECONDS", 600.0)
    written = new_stderr(monkeypatch)
    bar = ProgressBar("chars", "bits", "bits/char")
    end(bar)
    bar._preparing.join()
    bar.close()
    assert b"preparing" not in written.getvalue()


@pytest.mark.parametrize(("encoding", "expected"), [("utf-8", True), ("ascii", False), ("latin-1", False)])
def test_the_spinner_consists_of_characters_that_the_locale_has(
    monkeypatch: pytest.MonkeyPatch, encoding: str, expected: bool
) -> None:
    new_stderr(monkeypatch, encoding)
    assert watching._shows(watching.BRAILLE) is expected
