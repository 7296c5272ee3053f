"""With what and where a run is trained: versions, device, host, commit. Loads nothing heavy."""

import os
import platform
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from gradlab.config.text import one_line

PRODUCTS = "AUTO,STRICT"
"""What `MKL_CBWR` has to be: MKL's only mode in which a product has the same bits whichever batch it is part of."""

_GIT_SECONDS = 2.0

_overwritten: list[str] = []


def fix_products() -> None:
    """Sets how MKL rounds products, which it reads once, at its first product: this comes before torch is used.

    A user's own value is overwritten: a run's id stands for its bytes on every machine and says nothing of this setting, so a run that
    trained under another one would later be taken for what it is not. `say_products_are_fixed` tells the user.
    """
    asked = os.environ.get("MKL_CBWR", "")
    if asked and asked != PRODUCTS:
        _overwritten[:] = [asked]
    os.environ["MKL_CBWR"] = PRODUCTS


@contextmanager
def products_left_alone() -> Iterator[None]:
    """Lets rooms be loaded that fix products, and undoes that: somebody's own loop is to have the bits that it has without gradlab."""
    asked, overwritten = os.environ.get("MKL_CBWR"), list(_overwritten)
    try:
        yield
    finally:
        _overwritten[:] = overwritten
        if asked is None:
            os.environ.pop("MKL_CBWR", None)
        else:
            os.environ["MKL_CBWR"] = asked


def overwritten_products() -> str | None:
    """The user's own `MKL_CBWR` that `fix_products` overwrote, on one line."""
    return one_line(_overwritten[0], 40) if _overwritten else None


@lru_cache(maxsize=1)
def say_products_are_fixed() -> None:
    """Says on stderr, once and before anything is trained, that the user's own `MKL_CBWR` is overwritten."""
    asked = overwritten_products()
    if asked:
        print(f"MKL_CBWR={asked} is overwritten with {PRODUCTS}, on which a run's bytes rest", file=sys.stderr)


def describe(device: str) -> dict[str, Any]:
    """The environment of a run, for its manifest; torch's version with its build, as in `2.13.0+cpu`."""
    return {
        "gradlab": version("gradlab"),
        "torch": version("torch"),
        "numpy": version("numpy"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": device,
        "device_name": _device_name(device),
        "threads": _threads(),
        "host": socket.gethostname(),
        "git_commit": git_commit(Path.cwd()),
    }


def now() -> str:
    """The time, ISO 8601 in UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


@lru_cache(maxsize=64)
def version(distribution: str) -> str | None:
    """Version of an installed distribution, without importing it; None where it is not installed.

    It is looked up once: that means parsing a file, and every run's id asks.
    """
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def git_commit(directory: Path) -> str | None:
    """Commit that a directory's repository is at; None outside one, before its first commit, and without git."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(directory), "rev-parse", "--verify", "--quiet", "HEAD"],
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    commit = answer.stdout.strip()
    return commit if answer.returncode == 0 and re.fullmatch(r"[0-9a-f]{40,64}", commit) else None


def _device_name(device: str) -> str:
    """What the maker calls the device. torch is asked only where training has loaded it already."""
    torch = sys.modules.get("torch")
    if device.startswith("cuda"):
        return str(torch.cuda.get_device_name(device)) if torch is not None else "unknown"
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(errors="replace"), re.MULTILINE)
    except OSError:
        found = None
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def _threads() -> int | None:
    """Threads that torch computes with; before it is loaded, the processors that this process may use."""
    torch = sys.modules.get("torch")
    if torch is not None:
        return int(torch.get_num_threads())
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
