"""Attacks on a directory of runs: files of other types, sizes and shapes, links, FIFOs, names; every command; nothing outside changes.

Started by `test_hostile_store.py` in a process of its own, where forking is cheap and safe:

    python hostile_store.py DIRECTORY ROUNDS|SECONDSs [SEED]

Prints what did not hold, a line each, and exits 1 then.
"""

import hashlib
import json
import os
import random
import re
import shutil
import signal
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from made.hostile_files import Attack

CONFIG = """
name: net
model: {depth: 3, width: 8, activation: tanh}
data: {source: xor, samples: 64, batch_size: 16}
train: {steps: 4, lr: 0.1}
expect: [outcome == completed]
"""
SWEEP = """
name: grid
base: net.yaml
seeds: 0-1
grid: {model.depth: [2, 4], train.lr: [0.1, 1.0]}
gates: [share(outcome == completed) == 1]
"""

PATIENCE = 5.0
"""Seconds that a command may compute; one that trains or draws may take thrice as many."""

HANGS = 40.0
"""Seconds after which it hangs, however busy the machine is."""


def make(folder: Path) -> None:
    """Twenty runs, of which eight are a sweep's, and what lies outside."""
    from gradlab.cli.main import main

    folder.mkdir()
    (folder / "net.yaml").write_text(CONFIG)
    (folder / "grid.yaml").write_text(SWEEP)
    out = ["--quiet", "--out", str(folder / "runs")]
    for depth in ("2", "3", "5"):
        setting = ["-s", f"model.depth={depth}", "-s", f"name=d{depth}"]
        code = main(["run", str(folder / "net.yaml"), "--seeds", "0-3", *setting, *out])
        assert code == 0, code
    assert main(["sweep", str(folder / "grid.yaml"), "--executor", "inline", *out]) == 0
    assert main(["tag", "d3", "good", *out]) == 0
    assert main(["report", "d2", "d3", *out]) == 0
    outside = folder / "outside"
    outside.mkdir()
    shutil.copytree(next((folder / "runs").glob("d2-*")), outside / "victim")
    (outside / "file.txt").write_text("words\n" * 10)
    (outside / "sweeps").mkdir()
    shutil.copytree(
        next((folder / "runs" / "sweeps").glob("grid-*")),
        outside / "sweeps" / next((folder / "runs" / "sweeps").glob("grid-*")).name,
    )


def state(outside: Path) -> dict[str, str]:
    """Every file outside, with its content and kind."""
    found = {}
    for path in sorted(outside.rglob("*")):
        mode = path.lstat().st_mode
        content = (
            hashlib.sha256(path.read_bytes()).hexdigest()
            if stat.S_ISREG(mode)
            else os.readlink(path)
            if stat.S_ISLNK(mode)
            else ""
        )
        found[str(path.relative_to(outside))] = f"{stat.S_IFMT(mode)} {content}"
    return found


def commands(folder: Path, pick: random.Random) -> Iterator[list[str]]:
    """Command lines, some for every round."""
    runs = folder / "runs"
    ids = [path.name[-12:] for path in runs.iterdir() if re.fullmatch(r".*-[0-9a-f]{12}", path.name)] or ["none"]
    named = ["d2", "d3", "d5", "grid", "@latest", "@latest~3", "good", "d2~1", str(runs / f"d2-{ids[0]}")]
    word = pick.choice([*named, pick.choice(ids), pick.choice(ids)])
    conditions = [
        "model.depth > 2",
        "final.loss < 1",
        "tag == good",
        "started > -2d",
        "max(grad_norm) > 0",
        "commit == abcd",
    ]
    order = pick.choice(["final.loss", "-model.depth", "seed", "name", "started"])
    again = ["run", str(folder / "net.yaml"), "--seeds", "0-1", "-s", "model.depth=2", "-s", "name=d2"]
    face = pick.choice(["table", "json", "csv", "md"])
    yield ["list", "--format", face]
    own: list[list[str]] = [
        ["list", "--sweeps", "--format", face],
        ["list", "--where", pick.choice(conditions)],
        ["list", "--sort", order, "--columns", "id,name,model.depth,tag,commit"],
        ["show", word, "--format", face],
        ["show", "--where", "model.depth > 2", "--format", face],
        ["report", word],
        ["report", word, "d3"],
        ["report", word, "-o", str(folder / "dest" / "page.html")],
        ["compare", word, pick.choice(["d2", "d3", *ids]), "--format", face],
        ["compare", "grid", "grid"],
        ["plot", word, "-o", str(folder / "dest" / "p.svg")],
        ["plot", word, "d3", "--kind", pick.choice(["heatmap", "loss"]), "-o", str(folder / "dest" / "p.svg")],
        ["export", word, "--to", pick.choice(["csv", "tensorboard"]), str(folder / "dest" / f"e{pick.random()}")],
        ["du"],
        ["du", word],
        ["tag", word, "new"],
        ["tag", "all", "--where", "model.depth > 1"],
        ["rm", word, "--dry-run"],
        ["rm", word, "--yes"],
        ["clean"],
        ["sweep", str(next(iter(sorted((runs / "sweeps").glob("grid-*"))), runs)), "--dry-run"],
        ["sweep", str(folder / "grid.yaml"), "--dry-run"],
        ["sweep", str(folder / "grid.yaml"), "--executor", "inline", "--rerun", pick.choice(["always", "never"])],
        [*again, "--rerun", pick.choice(["always", "failed"])],
    ]  # fmt: skip
    yield from pick.sample(own, 6)


def carried_out(argv: list[str], folder: Path) -> tuple[int | None, str, str, float]:
    """What a command comes to, in a child: its exit code, None where it did not end, what it printed, and how long it computed."""
    streams = [folder / "stdout", folder / "stderr"]
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            for number, path in enumerate(streams, 1):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            from gradlab.cli.main import main

            code = main([*argv, "--out", str(folder / "runs")])
        finally:
            os._exit(code)
    status = None
    took = HANGS
    while time.monotonic() - begun < HANGS:
        done, found, used = os.wait4(child, os.WNOHANG)
        if done:
            status, took = os.waitstatus_to_exitcode(found), used.ru_utime + used.ru_stime
            break
        time.sleep(0.003)
    if status is None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    out, err = (path.read_text(errors="replace") if path.exists() else "" for path in streams)
    return status, out, err, took


def faults_of(argv: list[str], attack: Attack, folder: Path) -> list[str]:
    """What does not hold of one command."""
    before = state(folder / "outside")
    code, out, err, took = carried_out(argv, folder)
    found = []
    slow = argv[0] == "plot" or (argv[0] in ("run", "sweep") and "--dry-run" not in argv)
    if code is None or took > PATIENCE * (3 if slow else 1):
        found.append(f"took {took:.1f} s")
    if code is not None and code not in (0, 2, 3, 4, 5):
        found.append(f"exit code {code}: {err[-400:]}")
    if argv[0] == "list" and code not in (0, 5):
        found.append(f"a list was stopped, exit code {code}: {err[-400:]}")
    if "Traceback" in err or "internal error" in err or re.search(r"^\S*Warning: ", err, re.MULTILINE):
        found.append(f"stderr: {err[-400:]}")
    printed = re.search(".{0,30}[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e].{0,10}", out + err)
    if printed:
        found.append(f"an escape is printed: {printed[0]!a}")
    if state(folder / "outside") != before:
        found.append("what lies outside was changed")
    if (folder / "pwned").exists() or {path.name for path in folder.iterdir()} - KNOWN:
        found.append(f"something new lies outside: {sorted(path.name for path in folder.iterdir())}")
    if argv[:3] == ["list", "--format", "json"] and code == 0:
        names = (
            {Path(row["path"]).name for row in json.loads(out)["runs"]}
            if '"path"' in out
            else {row["id"] for row in json.loads(out)["runs"]}
        )
        lost = {name[-12:] for name in attack.intact()} - {name[-12:] for name in names}
        if lost:
            found.append(f"intact runs are not listed: {sorted(lost)}")
    return [f"{' '.join(argv)}: {fault}" for fault in found]


KNOWN = {"net.yaml", "grid.yaml", "runs", "outside", "dest", "fifo", "stdout", "stderr"}


def main() -> int:
    folder, budget = Path(sys.argv[1]), sys.argv[2]
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    base = folder / "base"
    make(base)
    import gradlab.report.figures.profiles
    import gradlab.report.page.comparison.page
    import gradlab.report.page.sweep.page  # noqa: F401  # loaded once, for all children

    ends = time.monotonic() + float(budget[:-1]) if budget.endswith("s") else None
    rounds = number = commands_done = 0
    faults = 0
    while time.monotonic() < ends if ends is not None else rounds < int(budget):
        rounds += 1
        number = seed * 1_000_000 + rounds
        pick = random.Random(number)
        work = folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(base, work)
        os.mkfifo(work / "fifo")
        (work / "dest").mkdir()
        attack = Attack(work, pick)
        attack.apply()
        for argv in commands(work, pick):
            commands_done += 1
            for fault in faults_of(argv, attack, work):
                faults += 1
                print(f"round {number}, after {'; '.join(attack.done)}\n    {fault}", flush=True)
    print(f"{rounds} attacks, {commands_done} commands, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
