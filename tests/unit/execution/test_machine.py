"""Processors that may really be used, and what `--device` means."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradlab.errors import UsageError
from gradlab.execution import machine
from gradlab.execution.machine import num_cores


@pytest.mark.parametrize(
    ("text", "expected"),
    [("max 100000", 8), ("200000 100000", 2), ("50000 100000", 1), ("9900000 100000", 8), ("nonsense", 8)],
)
def test_a_containers_quota_counts(text: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    quota = tmp_path / "cpu.max"
    quota.write_text(text)
    assert num_cores(quota) == expected


def test_without_a_quota_all_that_are_seen_count(tmp_path: Path) -> None:
    assert num_cores(tmp_path / "none") >= 1


def test_cpu_is_cpu() -> None:
    assert machine.resolve("cpu") == machine.resolve("CPU") == "cpu"
    assert machine.kind("cpu") == "cpu"
    assert machine.kind("cuda:3") == "cuda"


@pytest.mark.parametrize(
    ("number", "asked", "given"),
    [(0, "auto", "cpu"), (2, "auto", "cuda:0"), (2, "cuda", "cuda:0"), (2, "cuda:1", "cuda:1")],
)
def test_devices_that_are_there(monkeypatch: pytest.MonkeyPatch, number: int, asked: str, given: str) -> None:
    monkeypatch.setattr(machine, "_gpu_possible", lambda: True)
    monkeypatch.setitem(machine.ACCELERATORS, "cuda", lambda: number)
    assert machine.resolve(asked) == given


@pytest.mark.parametrize(
    ("number", "asked", "words"),
    [
        (0, "cuda", "no GPU that it can use"),
        (1, "cuda:1", "sees 1 GPU here"),
        (2, "cuda:7", "sees 2 GPUs here"),
        (1, "gpu", "expected auto, cpu, cuda or cuda:N"),
        (1, "", "expected auto"),
        (1, "cuda:-1", "expected auto"),
    ],
)
def test_devices_that_are_not(monkeypatch: pytest.MonkeyPatch, number: int, asked: str, words: str) -> None:
    monkeypatch.setitem(machine.ACCELERATORS, "cuda", lambda: number)
    with pytest.raises(UsageError, match=words):
        machine.resolve(asked)


@pytest.mark.parametrize("version", ["2.13.0+cpu", "2.13.0"])
def test_auto_asks_torch_only_where_there_could_be_a_gpu(version: str) -> None:
    code = f"""
import sys
from gradlab.execution import machine
machine.version = lambda name: {version!r}
machine._DRIVERS = ()
assert machine.resolve("auto") == "cpu"
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
