"""Every verb that writes, killed at operation after operation: whatever has its name is whole, and the same command goes on.

Started by `test_verb_kills.py` in a process of its own, where forking is cheap and safe:

    python verb_kills.py DIRECTORY STRIDE

Prints what did not hold, a line each, and exits 1 then.
"""

import io
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

CONFIG = """
name: net
model: {depth: 3, width: 8, activation: tanh}
data: {source: xor, samples: 64, batch_size: 16}
train: {steps: 4, lr: 0.1}
"""
SWEEP = (
    "name: grid\nbase: net.yaml\nseeds: 0-1\ngrid: {train.lr: [0.1, 1.0]}\ngates: [share(outcome == completed) == 1]\n"
)

VERBS: dict[str, tuple[str, ...]] = {
    "page": ("report", "net", "-o", "there/page.html"),
    "page of a run": ("report", "@latest"),
    "page of several": ("report", "net", "other"),
    "pages of a sweep": ("report", "grid", "--runs"),
    "figure": ("plot", "net", "-o", "there/figure.svg"),
    "csv": ("export", "@latest", "--to", "csv", "there"),
    "tensorboard": ("export", "@latest", "--to", "tensorboard", "there"),
    "tag": ("tag", "net", "good"),
    "rm": ("rm", "net", "--yes"),
    "new": ("new", "fresh"),
    "comparison": ("compare", "grid", "grid", "--junit", "there/compared.xml", "--summary", "there/compared.md"),
    "curves": ("activations", "relu", "--plot", "there/curves.svg"),
    "sweep": ("sweep", "grid.yaml", "--executor", "inline", "--rerun", "always", "--junit", "there/sweep.xml"),
}

ENDS: dict[str, bytes] = {
    ".html": b"</html>", ".svg": b"</svg>\n", ".csv": b"\n", ".parquet": b"PAR1", ".md": b"\n", ".yaml": b"\n", ".xml": b">\n",
    ".json": b"}\n", ".jsonl": b"\n",
}  # fmt: skip

RUNS = 5
"""Two of a network, one of another, and what the sweep has beside these."""

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_GROWS = (".lock", "asked.jsonl", "null")
"""What is written under its own name: never, line by line, and what keeps nothing."""

CUT = 66
"""Exit code of a command that writes a file under its own name."""

_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate")


def call(argv: tuple[str, ...]) -> tuple[int, str, str]:
    """A command in this process: its exit code and what it printed."""
    from gradlab.cli.main import main

    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([*argv, *(() if argv[0] in ("new", "activations") else ("--out", "runs"))])
    return code, out.getvalue(), err.getvalue()


def make(folder: Path) -> None:
    """Runs of two networks and of a sweep, of which one has a page."""
    folder.mkdir()
    os.chdir(folder)
    (folder / "net.yaml").write_text(CONFIG)
    (folder / "grid.yaml").write_text(SWEEP)
    (folder / "there").mkdir()
    for argv in (
        ("run", "net.yaml", "--seeds", "0-1"),
        ("run", "net.yaml", "-s", "name=other", "-s", "model.depth=2"),
        ("sweep", "grid.yaml", "--executor", "inline"),
        ("report", "@latest"),
        *(argv for name, argv in VERBS.items() if name in ("figure", "page", "curves")),
    ):
        code, _, err = call(argv)
        assert code == 0, err
    (folder / "there" / "page.html").write_bytes(b"old</html>")


def die_at(operation: int) -> None:
    """Kill this process when it comes to its n-th operation that changes what lies on the disk."""
    count = 0

    def tick() -> None:
        nonlocal count
        count += 1
        if count == operation:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in _CHANGES:
            tick()
        elif event == "open" and not isinstance(args[0], int) and isinstance(args[2], int) and args[2] & _WRITES:
            place = Path(os.fsdecode(args[0]))
            if not any(part.startswith(".tmp-") for part in place.parts) and place.name not in _GROWS:
                os._exit(CUT)  # it could be killed before all of it is written
            tick()

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def done(*args: Any, **kwargs: Any) -> Any:
            tick()
            return original(*args, **kwargs)

        return done

    sys.addaudithook(hook)
    for name in ("fsync", "close"):
        setattr(os, name, counted(getattr(os, name)))


def cut_off(folder: Path) -> list[str]:
    """Files under names of their own that are not whole."""
    found = []
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if path.is_dir() or any(part.startswith((".tmp-", ".old-")) for part in parts) or path.name == ".lock":
            continue
        content = path.read_bytes()
        end = ENDS.get(path.suffix, b"")
        if not content or not content.endswith(end):
            found.append(f"{path.relative_to(folder)} ends with {content[-20:]!r}")
    return found


def faults_of(name: str, operation: int, base: Path, folder: Path) -> tuple[list[str], bool]:
    """What does not hold where a verb is killed at an operation, and whether it was."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder)
    os.chdir(folder)
    for path in ("there/figure.svg", "there/curves.svg") if operation % 2 else ():
        os.unlink(path)
    child = os.fork()
    if child == 0:
        try:
            die_at(operation)
            call(VERBS[name])
        finally:
            os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    killed = status == -signal.SIGKILL
    found = cut_off(folder) + (["a file is opened under its own name"] if status == CUT else [])
    code, out, err = call(("list", "--format", "json"))
    if code != 0 or "left out" in err:
        found.append(f"list: {code} {err}")
    elif name != "rm" and len(json.loads(out)["runs"]) != RUNS:
        found.append(f"{len(json.loads(out)['runs'])} of {RUNS} runs are listed")
    call(("clean",))
    found += [f"{path} is left" for mark in (".tmp-*", ".old-*") for path in Path("runs").rglob(mark)]
    code, out, err = call(VERBS[name])
    if code not in (0, 5) and "is there already" not in err:
        found.append(f"again: {code} {err}")
    return [f"{name}, operation {operation}: {fault}" for fault in found], killed


def main() -> int:
    base, folder, stride = Path(sys.argv[1]) / "base", Path(sys.argv[1]) / "work", int(sys.argv[2])
    make(base)
    number = faults = 0
    for name in VERBS:
        operation, killed, first = 1, True, number
        while killed:
            found, killed = faults_of(name, operation, base, folder)
            number += killed
            faults += len(found)
            for fault in found:
                print(fault, flush=True)
            operation += stride
        if number == first:
            print(f"{name}: was never killed")
            faults += 1
    print(f"{number} kills, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # Arrow's threads, taken apart after forks, have been seen to abort the process
