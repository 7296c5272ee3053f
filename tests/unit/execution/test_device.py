"""What `--device` means."""

import subprocess
import sys

import pytest

from gradlab.errors import UsageError
from gradlab.execution import device


def test_cpu_is_cpu() -> None:
    assert device.resolve("cpu") == "cpu"
    assert device.kind("cpu") == "cpu"
    assert device.kind("cuda:3") == "cuda"


@pytest.mark.parametrize(
    ("number", "asked", "given"),
    [(0, "auto", "cpu"), (2, "auto", "cuda:0"), (2, "cuda", "cuda:0"), (2, "cuda:1", "cuda:1")],
)
def test_devices_that_are_there(monkeypatch: pytest.MonkeyPatch, number: int, asked: str, given: str) -> None:
    monkeypatch.setattr(device, "_gpu_possible", lambda: True)
    monkeypatch.setattr(device, "_num_gpus", lambda: number)
    assert device.resolve(asked) == given


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
    monkeypatch.setattr(device, "_num_gpus", lambda: number)
    with pytest.raises(UsageError, match=words):
        device.resolve(asked)


@pytest.mark.parametrize("version", ["2.13.0+cpu", "2.13.0"])
def test_auto_asks_torch_only_where_there_could_be_a_gpu(version: str) -> None:
    code = f"""
import sys
from gradlab.execution import device
device.version = lambda name: {version!r}
device._DRIVERS = ()
assert device.resolve("auto") == "cpu"
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
