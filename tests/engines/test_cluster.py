"""What the other tests here stand on."""

from pathlib import Path

from engines.cluster import run

# A child in the same group, and one in a session of its own; each writes down its number, and then into a pipe.
LEAVES_CHILDREN = """
mkfifo written
for start in '' setsid; do
    $start sh -c 'echo $$ >> pids; echo > written; exec sleep 1000' &
    read line < written
done
exit 3
"""


def test_nothing_is_left_of_a_command(tmp_path: Path) -> None:
    assert run(["sh", "-c", LEAVES_CHILDREN], tmp_path / "log") == (3, 0)
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 2
    for pid in pids:
        commands = Path(f"/proc/{pid}/cmdline")
        assert not commands.exists() or commands.read_bytes() == b""  # it has gone, or waits for its parent to notice
