"""`gradlab doctor`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gradlab.cli.options import DEFAULT_OUT, Face, Format, Out, Quiet, Version

if TYPE_CHECKING:
    from collections.abc import Iterator

_FAILED = 3

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


def doctor(out: Out = DEFAULT_OUT, format: Format = Face.TABLE, quiet: Quiet = False, version: Version = False) -> int:
    """Say what gradlab runs on here, and whether anything stands in its way."""
    from gradlab.cli.output import write_table
    from gradlab.report.table import Field, Table

    rows = tuple(_examined(out))
    fields = (Field("what"), Field("state"), Field("found"))
    write_table(Table(fields, rows), format, "checks")
    return 0 if all(state == "ok" for _, state, _ in rows) else _FAILED


def _examined(out: Path) -> "Iterator[tuple[str, str, str]]":
    """What was looked at, `ok` or `problem`, and what was found."""
    from gradlab.execution.examination import examine_torch
    from gradlab.results import environment

    torch_findings = list(examine_torch())  # first, because the environment asks torch where it is loaded
    found = environment.describe("cpu")
    yield "python", "ok", f"{found['python']} on {found['platform']}"
    for package in PACKAGES:
        installed = environment.version(package)
        yield package, "ok" if installed else "problem", installed or "not installed"
    for item in torch_findings:
        yield item.what, "ok" if item.fine else "problem", item.found
    yield "processor", "ok", f"{found['device_name']}, {found['threads']} threads"
    yield "memory", *_memory()
    yield f"{out} can be written", *_writable(out)
    commit = found["git_commit"]
    yield "git commit here", "ok", commit or "none: results will not say which commit they are from"


def _memory() -> tuple[str, str]:
    """Memory of this machine and what is free of it."""
    page = os.sysconf("SC_PAGE_SIZE")
    total, free = os.sysconf("SC_PHYS_PAGES") * page, os.sysconf("SC_AVPHYS_PAGES") * page
    return "ok", f"{total / 2**30:.1f} GiB, {free / 2**30:.1f} GiB free"


def _writable(out: Path) -> tuple[str, str]:
    """Try to write where runs go; nothing is left there."""
    import shutil
    import tempfile

    place = next(path for path in (out, *out.absolute().parents) if path.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=place) as file:
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return "problem", f"{error.strerror}: {place}; name another place with --out"
    return "ok", f"{shutil.disk_usage(place).free / 2**30:.1f} GiB free"
