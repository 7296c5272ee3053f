"""What this machine has to train on: processors that may be used, devices, and whether anything stands in the way."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from gradlab.config.text import counted, one_line
from gradlab.errors import UsageError
from gradlab.results.environment import PRODUCTS, describe, overwritten_products, version

PACKAGES = (
    "gradlab",
    "torch",
    "numpy",
    "pydantic",
    "PyYAML",
    "pandas",
    "pyarrow",
    "typer",
    "rich",
    "scikit-learn",
    "matplotlib",
)
"""What gradlab needs."""

_QUOTA = Path("/sys/fs/cgroup/cpu.max")

_ACCELERATOR = re.compile(r"(?P<kind>[a-z]+)(?::(?P<index>\d{1,3}))?")
_DRIVERS = ("/proc/driver/nvidia/version", "/dev/dxg")
"""Where Linux, and Linux inside Windows, show an NVIDIA driver."""


def num_cores(quota: Path = _QUOTA) -> int:
    """Processors of this machine that this process may use, at least 1.

    What a container may use is less than what it sees where it has a quota of time: more threads than that wait for each other.

    Args:
        quota: Where Linux says it, as "MICROSECONDS PERIOD" or "max PERIOD".
    """
    seen = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        allowed, period = quota.read_text().split()
        share = int(allowed) // int(period)
    except (OSError, ValueError):
        return seen
    return max(1, min(seen, share))


def resolve(device: str = "auto") -> str:
    """The device to train on.

    torch is imported only where the machine could have a GPU that it can use, or where one is asked for.

    Args:
        device: `auto` (a GPU where there is one), `cpu`, `cuda` or `cuda:N`.

    Raises:
        UsageError: If the device is not there, or the word is none of these.
    """
    asked, device = device, device.strip().lower()
    if device == "auto":
        return "cuda:0" if _gpu_possible() and ACCELERATORS["cuda"]() else "cpu"
    if device == "cpu":
        return device
    match = _ACCELERATOR.fullmatch(device)
    if match is None or match["kind"] not in ACCELERATORS:
        raise UsageError(f"--device {asked}: expected auto, cpu, cuda or cuda:N")
    index, number = int(match["index"] or 0), ACCELERATORS[match["kind"]]()
    if index >= number:
        have = f"{number} GPU{'s' if number > 1 else ''}" if number else "no GPU that it can use"
        raise UsageError(
            f"--device {device}: torch {version('torch')} sees {have} here; --device auto takes what there is"
        )
    return f"{match['kind']}:{index}"


def spread(device: str = "auto") -> tuple[str, ...]:
    """The devices that workers take in turns: every GPU, unless one is named; else the processor."""
    first = resolve(device)
    if kind(first) == "cpu" or ":" in device:
        return (first,)
    return tuple(f"{kind(first)}:{index}" for index in range(ACCELERATORS[kind(first)]()))


def kind(device: str) -> str:
    """`cpu` or `cuda`, of a resolved device."""
    return device.partition(":")[0]


def _gpu_possible() -> bool:
    if (version("torch") or "").endswith("+cpu"):
        return False
    return any(Path(driver).exists() for driver in _DRIVERS)


def _num_gpus() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


ACCELERATORS: dict[str, Callable[[], int]] = {"cuda": _num_gpus}
"""Kinds of devices beside the processor, and how many torch can use of each."""


def examine(out: Path) -> Iterator[tuple[str, bool, str]]:
    """What training would find here: a name, whether it is as it should be, and what there is. torch is loaded to ask it."""
    of_torch = list(_examine_torch())  # first, because the environment asks torch where it is loaded
    here = describe("cpu")
    yield "python", True, f"{here['python']} on {here['platform']}"
    for package in PACKAGES:
        installed = version(package)
        yield package, bool(installed), installed or "not installed"
    yield from of_torch
    yield "processor", True, f"{here['device_name']}, {counted(int(here['threads']), 'thread')}"
    page = os.sysconf("SC_PAGE_SIZE")
    total, free = os.sysconf("SC_PHYS_PAGES") * page, os.sysconf("SC_AVPHYS_PAGES") * page
    yield "memory", True, f"{total / 2**30:.1f} GiB, {free / 2**30:.1f} GiB free"
    yield f"{out} can be written", *_try_to_write(out)
    commit = here["git_commit"]
    yield "git commit here", True, commit or "none: results will not say which commit they are from"


def _examine_torch() -> Iterator[tuple[str, bool, str]]:
    try:
        import torch
    except Exception as error:  # a broken installation raises whatever it likes
        yield "torch loads", False, f"{type(error).__name__}: {one_line(error, 200)}"
        return
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            memory = torch.cuda.get_device_properties(index).total_memory
            yield f"cuda:{index}", True, f"{torch.cuda.get_device_name(index)}, {memory / 2**30:.1f} GiB"
    else:
        yield "cuda", True, "none: runs train on the cpu"
    asked = overwritten_products()
    instead = f" in place of {asked}" if asked else ""
    yield "MKL_CBWR", True, f"{PRODUCTS}{instead}: a run's numbers do not depend on its batch"


def _try_to_write(out: Path) -> tuple[bool, str]:
    """Whether runs can be written; nothing is left there."""
    place = next(path for path in (out, *out.absolute().parents) if os.path.exists(path))
    try:
        with tempfile.NamedTemporaryFile(dir=place) as file:
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return False, f"{error.strerror}: {place}; name another place with --out"
    return True, f"{shutil.disk_usage(place).free / 2**30:.1f} GiB free"
