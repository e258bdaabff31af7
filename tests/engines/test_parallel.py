"""GNU parallel: the same bytes as one process, and a killed command is a failure."""

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from engines.cluster import BIN, EXAMPLES, KILLS, Work, run, translating

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
PARTS = 6

pytestmark = pytest.mark.skipif(shutil.which("parallel") is None, reason="GNU parallel is not installed")


def parallel(work: Work, *options: str) -> list[str | Path]:
    block = str(work.size // PARTS)
    return [EXAMPLES / "parallel.sh", work.model, "--block", block, "--jobs", "2", *options]


def test_the_answers_are_those_of_one_process(work: Work, tmp_path: Path) -> None:
    code, _ = run(parallel(work), tmp_path / "log", stdin=work.source, stdout=tmp_path / "out")
    assert code == 0, (tmp_path / "log").read_text()
    assert (tmp_path / "out").read_bytes() == work.answers


@pytest.mark.parametrize("trial", range(KILLS))
def test_a_killed_command_is_a_failure(work: Work, tmp_path: Path, trial: int) -> None:
    code, killed = run(
        parallel(work), tmp_path / "log", stdin=work.source, stdout=tmp_path / "out", victim=translating, busy=trial / 5
    )
    assert killed > 0
    assert code == 137
    assert "This job failed" in (tmp_path / "log").read_text()


def _wait_for(port: int) -> None:
    """Returns when somebody listens there."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"nobody listens on port {port}")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    """This machine, as one that is reached by ssh."""
    key, known = tmp_path / "key", tmp_path / "known"
    for path in (key, tmp_path / "host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": tmp_path / "host",
        "AuthorizedKeysFile": f"{key}.pub",
        "StrictModes": "no",
        "PidFile": "none",
        "UsePAM": "no",
        "SetEnv": f"PATH={BIN}:/usr/local/bin:/usr/bin:/bin",
    }
    Path("/run/sshd").mkdir(exist_ok=True)  # sshd wants it, and its own service makes it
    assert SSHD is not None
    (tmp_path / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in options.items()))
    with subprocess.Popen([SSHD, "-D", "-e", "-f", tmp_path / "sshd_config"], stderr=subprocess.DEVNULL) as server:
        ssh = f"ssh -p {port} -i {key} -o UserKnownHostsFile={known} -o StrictHostKeyChecking=no -o LogLevel=ERROR"
        _wait_for(port)
        yield f"{ssh} {getpass.getuser()}@127.0.0.1"
        server.terminate()


@pytest.mark.skipif(SSHD is None, reason="sshd is not installed")
def test_so_are_they_over_ssh(work: Work, tmp_path: Path, host: str) -> None:
    code, _ = run(parallel(work, "--sshlogin", host), tmp_path / "log", stdin=work.source, stdout=tmp_path / "out")
    assert code == 0, (tmp_path / "log").read_text()
    assert (tmp_path / "out").read_bytes() == work.answers
