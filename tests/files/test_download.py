"""Downloads from a server that behaves well, and from one that does not."""

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from files.web import Handler, Server, serving

from rnntext.errors import DataError, InputOutputError, RnntextError
from rnntext.files import download
from rnntext.files.download import Download

BODY = bytes(range(256)) * 40
SHA256 = hashlib.sha256(BODY).hexdigest()
HALF = len(BODY) // 2


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(download, "PAUSE", 0.0)
    monkeypatch.setattr(download, "getproxies", dict)
    with serving() as started:
        yield started


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def wanted(server: Server, folder: Path, path: str = "/file", **others: object) -> Download:
    given: dict[str, object] = {"size": len(BODY), "sha256": SHA256, "progress": lambda received, size: None}
    return Download(server.address + path, folder / "partial", **(given | others))  # type: ignore[arg-type]


def refused(download: Download, error: type[RnntextError], words: str) -> None:
    with pytest.raises(error, match=words):
        download.receive()


def test_a_file_is_received_and_its_progress_told(server: Server, tmp_path: Path) -> None:
    server.answers["/file"] = lambda request: request.send(BODY)
    told: list[tuple[int, int | None]] = []
    wish = wanted(server, tmp_path, size=None, sha256=None, progress=lambda *numbers: told.append(numbers))
    assert wish.receive() == SHA256
    assert wish.path.read_bytes() == BODY
    assert told[-1] == (len(BODY), len(BODY))
    wish.remove()
    assert list(tmp_path.iterdir()) == []


def breaks_off(request: Handler) -> None:
    """Sends half of what it announces at first, and then the rest."""
    if request.headers["Range"] is None:
        request.send(BODY[:HALF], length=len(BODY))
    else:
        request.send_range(BODY)


@pytest.mark.parametrize("size", [len(BODY), None])
def test_a_file_that_breaks_off_is_completed(server: Server, tmp_path: Path, size: int | None) -> None:
    server.answers["/file"] = breaks_off
    assert wanted(server, tmp_path, size=size).receive() == SHA256
    assert server.requests == [("/file", None), ("/file", f"bytes={HALF}-")]


def test_a_length_that_is_too_small_is_noticed_by_that_of_the_catalogue(server: Server, tmp_path: Path) -> None:
    def answer(request: Handler) -> None:
        if request.headers["Range"] is None:
            request.send(BODY, length=HALF)
        else:
            request.send_range(BODY)

    server.answers["/file"] = answer
    assert wanted(server, tmp_path).receive() == SHA256


def test_a_server_that_stalls_is_asked_again(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: Handler) -> None:
        if request.headers["Range"] is None:
            request.send(BODY[:HALF], length=len(BODY))
            server.release.wait()
        else:
            request.send_range(BODY)

    monkeypatch.setattr(download, "SECONDS", 0.3)
    server.answers["/file"] = answer
    assert wanted(server, tmp_path).receive() == SHA256


def test_another_process_goes_on_where_one_was_killed(server: Server, tmp_path: Path) -> None:
    server.answers["/file"] = lambda request: request.send_range(BODY)
    (tmp_path / "partial").mkdir()
    (tmp_path / "partial" / "download").write_bytes(BODY[:100])
    assert wanted(server, tmp_path).receive() == SHA256
    assert server.requests == [("/file", "bytes=100-")]


def test_what_cannot_be_verified_is_not_resumed(server: Server, tmp_path: Path) -> None:
    server.answers["/file"] = lambda request: request.send_range(BODY)
    (tmp_path / "partial").mkdir()
    (tmp_path / "partial" / "download").write_bytes(b"of another file")
    assert wanted(server, tmp_path, sha256=None).receive() == SHA256
    assert server.requests == [("/file", None)]


@pytest.mark.parametrize("status", [200, 206, 416])
def test_a_server_that_cannot_resume_sends_all_again(server: Server, tmp_path: Path, status: int) -> None:
    """It ignores the range, sends another one, or has none."""

    def answer(request: Handler) -> None:
        if request.headers["Range"] is None or status == 200:
            request.send(BODY)
        else:
            request.send(BODY[50:], status, Content_Range=f"bytes 50-{len(BODY) - 1}/{len(BODY)}")

    server.answers["/file"] = answer
    (tmp_path / "partial").mkdir()
    (tmp_path / "partial" / "download").write_bytes(BODY[:100])
    assert wanted(server, tmp_path).receive() == SHA256


def test_a_server_that_always_breaks_off_is_given_up(server: Server, tmp_path: Path) -> None:
    server.answers["/file"] = lambda request: request.send(b"", length=len(BODY))
    refused(wanted(server, tmp_path), InputOutputError, r"/file: the connection breaks off, 5 times; .*--mirror$")
    assert len(server.requests) == download.TRIES


def test_a_busy_server_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.answers["/file"] = lambda request: request.send(*((b"", 503) if len(server.requests) < 3 else (BODY,)))
    assert wanted(server, tmp_path).receive() == SHA256


def test_redirections_are_followed_but_not_for_ever(server: Server, tmp_path: Path) -> None:
    server.answers["/moved"] = lambda request: request.send(b"", 302, Location="/file")
    server.answers["/round"] = lambda request: request.send(b"", 302, Location="/round")
    server.answers["/away"] = lambda request: request.send(b"", 302, Location="file:///etc/passwd")
    server.answers["/nowhere"] = lambda request: request.send(b"", 302, Location="http://[::1/")
    server.answers["/file"] = lambda request: request.send(BODY)
    assert wanted(server, tmp_path, "/moved").receive() == SHA256
    refused(wanted(server, tmp_path / "b", "/round"), InputOutputError, "/round: too many redirects")
    refused(wanted(server, tmp_path / "c", "/away"), InputOutputError, "/away: No host specified; .*--mirror$")
    refused(wanted(server, tmp_path / "d", "/nowhere"), InputOutputError, "/nowhere: Invalid IPv6 URL; .*--mirror$")


@pytest.mark.parametrize("sha256", [SHA256, None])
def test_what_leaves_https_must_be_verified(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sha256: str | None
) -> None:
    asked = download._asked
    plain = server.address
    monkeypatch.setattr(download, "_asked", lambda address, received: asked(f"{plain}/moved", received))
    server.answers["/moved"] = lambda request: request.send(b"", 302, Location=f"{plain}/file")
    server.answers["/file"] = lambda request: request.send(BODY)
    wish = Download("https://far.example/", tmp_path / "partial", len(BODY), sha256, lambda received, size: None)
    if sha256 is None:
        refused(wish, DataError, "sends on to an address without https, .* nothing was saved")
        assert list(tmp_path.iterdir()) == []
    else:
        assert wish.receive() == SHA256


def test_a_web_page_is_not_taken_for_a_file_that_nobody_knows(server: Server, tmp_path: Path) -> None:
    """It asks for a password, for example, and its status is 200."""
    server.answers["/file"] = lambda request: request.send(b"<html>", Content_Type="Text/HTML; charset=utf-8")
    refused(wanted(server, tmp_path, size=None, sha256=None), DataError, "the server sends a web page")
    assert list(tmp_path.iterdir()) == []


def test_a_part_that_nobody_asked_for_is_not_taken_for_the_whole(server: Server, tmp_path: Path) -> None:
    answer = {"Content_Range": f"bytes 0-99/{len(BODY)}"}
    server.answers["/file"] = lambda request: request.send(BODY[:100], 206, **answer)
    refused(wanted(server, tmp_path, size=None, sha256=None), InputOutputError, "no such part of the file, 5 times")


def test_a_wrong_file_is_refused_and_removed(server: Server, tmp_path: Path) -> None:
    server.answers["/file"] = lambda request: request.send(BODY[::-1])
    server.answers["/large"] = lambda request: request.send(BODY + b"!")
    server.answers["/endless"] = lambda request: request.send(b"", length=10**12)
    server.answers["/empty"] = lambda request: request.send(b"")
    refused(wanted(server, tmp_path), DataError, f"the SHA-256 is [0-9a-f]{{64}}, not {SHA256}: another file")
    refused(wanted(server, tmp_path, "/large"), DataError, "larger than the 10,240 bytes of this corpus")
    unknown = wanted(server, tmp_path, "/endless", size=None, sha256=None)
    refused(unknown, DataError, "larger than the at most 1,073,741,824 bytes")
    refused(wanted(server, tmp_path, "/empty", size=None, sha256=None), DataError, "an empty file")
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_is_told_at_once(server: Server, tmp_path: Path, nobody: str) -> None:
    server.answers["/file"] = lambda request: request.send(b"", 404)
    refused(wanted(server, tmp_path), InputOutputError, "/file: the server answers 404 Not Found; name another place")
    assert len(server.requests) == 1
    unreachable = Download(f"http://{nobody}/", tmp_path / "b", None, None, lambda received, size: None)
    refused(unreachable, InputOutputError, r"\] Connection refused; check the network and its proxy$")


def test_the_proxy_of_the_environment_is_used(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nobody: str
) -> None:
    headers: list[str | None] = []

    def answer(request: Handler) -> None:
        headers.append(request.headers["Proxy-Authorization"])
        request.send(BODY)

    server.answers["http://far.example/file"] = answer
    proxy = server.address.replace("http://", "http://user:word@")
    monkeypatch.setattr(download, "getproxies", lambda: {"http": proxy})
    given = (tmp_path / "partial", len(BODY), SHA256, lambda received, size: None)
    assert Download("http://far.example/file", *given).receive() == SHA256
    assert headers == ["Basic dXNlcjp3b3Jk"]
    monkeypatch.setattr(download, "getproxies", lambda: {"http": nobody})
    refused(
        Download("http://far.example/", tmp_path / "b", *given[1:]),
        InputOutputError,
        r"Connection refused; check the .* its proxy$",
    )
