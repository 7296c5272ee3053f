"""What `--device` means on this machine."""

import re
from pathlib import Path

from gradlab.errors import UsageError
from gradlab.results.environment import version

_DEVICE = re.compile(r"cpu|cuda(?::(?P<index>\d{1,3}))?")
_DRIVERS = ("/proc/driver/nvidia/version", "/dev/dxg")
"""Where Linux, and Linux inside Windows, show an NVIDIA driver."""


def resolve(device: str = "auto") -> str:
    """The device to train on.

    torch is imported only where the machine could have a GPU that it can use, or where one is asked for.

    Args:
        device: `auto` (a GPU where there is one), `cpu`, `cuda` or `cuda:N`.

    Returns:
        `cpu` or `cuda:N`.

    Raises:
        UsageError: If the device is not there, or the word is none of these.
    """
    if device == "auto":
        return "cuda:0" if _gpu_possible() and _num_gpus() else "cpu"
    match = _DEVICE.fullmatch(device)
    if match is None:
        raise UsageError(f"--device {device}: expected auto, cpu, cuda or cuda:N")
    if device == "cpu":
        return device
    index, number = int(match["index"] or 0), _num_gpus()
    if index >= number:
        have = f"{number} GPU{'s' if number > 1 else ''}" if number else "no GPU that it can use"
        raise UsageError(
            f"--device {device}: torch {version('torch')} sees {have} here; --device auto takes what there is"
        )
    return f"cuda:{index}"


def spread(device: str = "auto") -> tuple[str, ...]:
    """The devices that workers take in turns: every GPU, unless one is named; else the processor.

    Args:
        device: As for `resolve`.

    Raises:
        UsageError: As for `resolve`.
    """
    first = resolve(device)
    if kind(first) == "cpu" or ":" in device:
        return (first,)
    return tuple(f"cuda:{index}" for index in range(_num_gpus()))


def kind(device: str) -> str:
    """`cpu` or `cuda`, of a resolved device."""
    return device.partition(":")[0]


def _gpu_possible() -> bool:
    """Whether it is worth asking torch for a GPU."""
    if (version("torch") or "").endswith("+cpu"):
        return False
    return any(Path(driver).exists() for driver in _DRIVERS)


def _num_gpus() -> int:
    """GPUs that torch can use."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0
