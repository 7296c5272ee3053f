"""Processors that may really be used."""

import os
from pathlib import Path

import pytest

from gradlab.execution.cores import num_cores


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
