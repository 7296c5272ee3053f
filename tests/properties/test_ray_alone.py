"""A cluster that a sweep starts on its own machine: nobody else can reach it, and it ends with the sweep, however that ends."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from gradlab.results.store import Store

pytest.importorskip("ray")
pytestmark = [pytest.mark.ray, pytest.mark.slow]

SWEEP = """
name: alone
experiment:
  name: long
  model: {depth: 3, width: 8, activation: tanh}
  data: {source: xor, samples: 100, batch_size: 10}
  train: {steps: 20, lr: 0.1}
  record: {every: 1000}
include: [{seed: 0}, {seed: 1}, {seed: 2}, {seed: 3, train.steps: 20000000}]
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def descendants(pid: int) -> list[int]:
    """A process and those that it and its children have started."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def listening(pids: list[int]) -> set[str]:
    """Addresses at which processes take connections."""
    addresses = {}
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            parts = line.split()
            if parts[3] == "0A":
                held = parts[1].partition(":")[0]
                raw = b"".join(struct.pack("<I", int(held[at : at + 8], 16)) for at in range(0, len(held), 8))
                addresses[parts[9]] = socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)
    found = set()
    for pid in pids:
        try:
            targets = [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:
            continue
        found |= {
            addresses[target[8:-1]] for target in targets if target.startswith("socket:[") and target[8:-1] in addresses
        }
    return found  # fmt: skip


def is_loopback(address: str) -> bool:
    known = ip_address(address)
    return (getattr(known, "ipv4_mapped", None) or known).is_loopback


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A sweep on Ray of three short runs and an endless one, once the short ones are stored."""
    (tmp_path / "home").mkdir()
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    command = [sys.executable, "-m", "gradlab", "sweep", "sweep.yaml", "--executor", "ray", "--workers", "2", "--out", "runs",
               "--max-runs-per-batch", "1", "--quiet"]  # fmt: skip
    environment = os.environ | {"HOME": str(tmp_path / "home"), "RAY_AUTH_MODE": "disabled"}
    with (tmp_path / "stderr").open("wb") as stderr:
        started = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=stderr, stderr=stderr, start_new_session=True
        )
    until = time.monotonic() + 90
    try:
        while len(Store(tmp_path / "runs").handles()) < 3:
            assert started.poll() is None, (tmp_path / "stderr").read_text()
            assert time.monotonic() < until, (tmp_path / "stderr").read_text()
            time.sleep(0.5)
        yield started
    finally:
        started.kill()
        started.wait()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
def test_it_listens_on_the_loopback_alone_asks_for_a_token_and_ends_with_a_signal(
    driver: subprocess.Popen[bytes], tmp_path: Path, ending: signal.Signals
) -> None:
    processes = descendants(driver.pid)
    assert len(processes) >= 4  # the driver, Ray's two servers, and a worker
    addresses = listening(processes)
    assert addresses
    assert all(map(is_loopback, addresses)), addresses
    modes = {
        pid: dict(line.partition("=")[::2] for line in Path(f"/proc/{pid}/environ").read_text().split("\0"))
        for pid in processes[1:]
        # The title that one gives itself may stand where its environment stood; it is started by those that are looked at.
        if not Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::")
    }
    assert len(modes) >= 3
    assert {one.get("RAY_AUTH_MODE") for one in modes.values()} == {"token"}
    assert {len(one.get("RAY_AUTH_TOKEN", "")) for one in modes.values()} == {64}
    assert not (tmp_path / "home" / ".ray").exists()

    driver.send_signal(ending)
    assert driver.wait(60) == -ending  # as with the other executors
    until = time.monotonic() + 60
    while left := [pid for pid in processes if alive(pid)]:
        assert time.monotonic() < until, left
        time.sleep(0.5)
    store = Store(tmp_path / "runs")
    runs = [store.load(handle) for handle in store.handles().values()]
    assert [run.outcome for run in runs] == ["completed"] * 3
