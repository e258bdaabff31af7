"""Files from the web: received piece by piece, resumed, limited in size, and verified."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import getproxies, proxy_bypass

from rnntext.errors import DataError, InputOutputError
from rnntext.files.atomic import append_bytes, remove_folder
from rnntext.version import __version__

MAX_BYTES = 2**30  # of a file whose size is not known
SECONDS = 30.0  # without a byte, after which a server counts as stalled
TRIES = 5  # to receive the rest of a file
PAUSE = 1.0  # seconds before the second try; doubled before each further one
_CHUNK = 2**18  # bytes that are received at once
_BUSY = (408, 429, 500, 502, 503, 504)  # answers that may be others soon
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": f"Mozilla/5.0 (compatible; rnntext/{__version__})"}

Progress = Callable[[int, int | None], None]  # is given the bytes received so far, and those of the whole file


class _InterruptedError(Exception):
    """A file was not received to its end; another try may go on with it."""


class Download:
    """A file to be received.

    Args:
        address: begins with http:// or https://.
        folder: where the file is kept while it is incomplete; it need not exist. An incomplete file that an earlier
            process has left there is completed, if it can be verified.
        size: of the file in bytes; None if it is not known.
        sha256: its digest in hexadecimal digits; None if it is not known. Such a file is never resumed: what was
            received before might be of another one.
        progress: is told how far it is.

    Attributes:
        path: of the file.
    """

    def __init__(self, address: str, folder: Path, size: int | None, sha256: str | None, progress: Progress) -> None:
        self.path = folder / "download"
        self._address = address
        self._size = size
        self._sha256 = sha256
        self._progress = progress

    def receive(self) -> str:
        """Receives the file, and returns its SHA-256.

        Raises:
            InputOutputError: the server cannot be reached, has no such file, or breaks off again and again.
            DataError: it sends another file, which is removed.
        """
        for number in range(1, TRIES + 1):
            try:
                self._receive_rest()
                break
            except _InterruptedError as error:
                if number == TRIES:
                    advice = "try again later, or another place with --mirror"
                    raise InputOutputError(f"{self._address}: {error}, {TRIES} times; {advice}") from error
            time.sleep(PAUSE * 2 ** (number - 1))
        return self._verified()

    def remove(self) -> None:
        """Removes what was received."""
        remove_folder(self.path.parent)

    def _received(self) -> int:
        """Bytes that need not be received again."""
        if self._sha256 is None:
            self.remove()
        return self.path.stat().st_size if self.path.exists() else 0

    def _receive_rest(self) -> None:
        """Receives what is missing.

        Raises:
            _InterruptedError: something is missing still.
        """
        import urllib3

        received = self._received()
        if received and received == self._size:
            return
        try:
            answer = _asked(self._address, received)
            try:
                self._save(answer, received)
            finally:
                answer.close()  # A connection that is kept would hold the rest of the answer.
        except ValueError as error:  # of an address, this one or that of a redirection
            advice = "check the proxy, or name another place with --mirror"
            raise InputOutputError(f"{self._address}: {str(error).rstrip('.')}; {advice}") from error
        except urllib3.exceptions.HTTPError as error:
            cause = getattr(error, "reason", None) or error
            cause = getattr(cause, "original_error", cause)  # of a proxy
            is_connected = isinstance(cause, (urllib3.exceptions.ReadTimeoutError, urllib3.exceptions.ProtocolError))
            if not received and not is_connected:
                raise InputOutputError(f"{self._address}: {_said(cause)}; check the network and its proxy") from error
            raise _InterruptedError(_said(cause)) from error

    def _save(self, answer: Any, received: int) -> None:
        """Adds the content of an answer to the file."""
        # 1. Look at the status.
        if answer.status in _BUSY:
            raise _InterruptedError(f"the server answers {answer.status} {answer.reason}")
        if answer.status == 416 or (answer.status == 206 and not (received and _continues(answer, received))):
            self.remove()
            raise _InterruptedError("the server has no such part of the file")
        if answer.status not in (200, 206):
            place = "name another place with --mirror"
            raise InputOutputError(f"{self._address}: the server answers {answer.status} {answer.reason}; {place}")
        if answer.status == 200 and received:  # the whole file, again
            self.remove()
            received = 0

        if self._sha256 is None and (reason := _distrusted(self._address, answer)):
            raise DataError(f"{self._address}: {reason}, so that nothing was saved; {_ELSEWHERE}")

        # 2. Look at the length.
        rest: int | None = answer.length_remaining
        announced = None if rest is None else received + rest
        self._check_size(announced or 0)

        # 3. Save the content.
        while chunk := answer.read1(_CHUNK, decode_content=False):  # what has come, before the server stalls
            received += len(chunk)
            self._check_size(received)
            append_bytes(self.path, chunk)
            self._progress(received, self._size or announced)
        if self._size is not None and received < self._size:
            raise _InterruptedError(f"it ends after {received:,} of {self._size:,} bytes")

    def _check_size(self, size: int) -> None:
        """Raises DataError if a file of this size is not the one that is to be received."""
        if size > (self._size or MAX_BYTES):
            self.remove()
            expected = f"{self._size:,} bytes" if self._size else f"at most {MAX_BYTES:,} bytes"
            raise DataError(f"{self._address}: larger than the {expected} of this corpus: another file; {_ELSEWHERE}")

    def _verified(self) -> str:
        """The SHA-256 of the file, which is removed if it should be another one."""
        if not self.path.exists():
            raise DataError(f"{self._address}: an empty file; {_ELSEWHERE}")
        with open(self.path, "rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if self._sha256 not in (None, sha256):
            self.remove()
            raise DataError(
                f"{self._address}: the SHA-256 is {sha256}, not {self._sha256}: another file, or a damaged one; "
                f"{_ELSEWHERE}"
            )
        return sha256


_ELSEWHERE = "get it again, or from another place with --mirror"


def _asked(address: str, received: int) -> Any:
    """The answer of a server that is asked for a file from a byte on. Redirections are followed, and the proxies of the
    environment used."""
    import urllib3
    from urllib3.util import make_headers, parse_url

    url = parse_url(address)
    proxies = getproxies()
    proxy = proxies.get(url.scheme or "", proxies.get("all"))
    others: dict[str, Any] = {
        "timeout": urllib3.Timeout(connect=SECONDS, read=SECONDS),
        "retries": urllib3.Retry(total=None, connect=0, read=0, status=0, other=0, redirect=10),
    }
    manager: urllib3.PoolManager
    if proxy and not proxy_bypass(url.netloc or ""):
        if "://" not in proxy:
            proxy = f"http://{proxy}"
        secret = parse_url(proxy).auth
        proxy_headers = make_headers(proxy_basic_auth=secret) if secret else None
        manager = urllib3.ProxyManager(proxy, proxy_headers=proxy_headers, **others)
    else:
        manager = urllib3.PoolManager(**others)
    headers = {**_HEADERS, "Range": f"bytes={received}-"} if received else _HEADERS
    return manager.request("GET", address, headers=headers, preload_content=False)


def _continues(answer: Any, received: int) -> bool:
    """Whether an answer begins after the bytes that have been received."""
    return str(answer.headers.get("Content-Range", "")).startswith(f"bytes {received}-")


def _distrusted(address: str, answer: Any) -> str | None:
    """Why an answer may be anything but the file, where no digest of the file tells; None if nothing looks so."""
    if str(answer.headers.get("Content-Type", "")).lower().startswith("text/html"):
        return "the server sends a web page"
    places = [str(step.redirect_location).lower() for step in answer.retries.history]
    if address.startswith("https://") and any(place.startswith("http://") for place in places):
        return "the server sends on to an address without https, where anybody on the way can change the file"
    return None


def _said(error: object) -> str:
    """What an error of urllib3 says, without the names of objects."""
    import urllib3

    is_new = isinstance(error, urllib3.exceptions.NewConnectionError)  # which counts as a time-out
    if isinstance(error, urllib3.exceptions.TimeoutError) and not is_new:
        return f"nothing came for {SECONDS:g} s"
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return "the connection breaks off"
    return str(error).rpartition("): ")[2]
