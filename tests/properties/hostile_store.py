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
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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

ESCAPE = "\x1b[2J\x9b31m\u202e\r\x07\n=cmd|' /C calc'!A0"
JUNK: list[Any] = [
    None, True, [], {}, [[]], 0, -1, 1.5, 10**30, 10**400, 1e308, float("inf"), float("nan"), "", "5", "inf", ESCAPE, "../../pwned/x", "x" * 5000,
    "\ud800", {"a": {"b": [1, {"c": ESCAPE}]}}, [1, "2", None], {"name": 5}, {ESCAPE: ESCAPE},
]  # fmt: skip


def make(folder: Path) -> None:
    """Twenty runs, of which eight are a sweep's, and what lies outside."""
    from gradlab.cli.main import main

    folder.mkdir()
    (folder / "net.yaml").write_text(CONFIG)
    (folder / "grid.yaml").write_text(SWEEP)
    out = ["--quiet", "--out", str(folder / "runs")]
    for depth in ("2", "3", "5"):
        code = main(["run", str(folder / "net.yaml"), "--seeds", "0-3", "-s", f"model.depth={depth}", "-s", f"name=d{depth}", *out])
        assert code == 0, code
    assert main(["sweep", str(folder / "grid.yaml"), "--executor", "inline", *out]) == 0
    assert main(["tag", "d3", "good", *out]) == 0
    assert main(["report", "d2", "d3", *out]) == 0
    outside = folder / "outside"
    outside.mkdir()
    shutil.copytree(next((folder / "runs").glob("d2-*")), outside / "victim")
    (outside / "file.txt").write_text("words\n" * 10)
    (outside / "sweeps").mkdir()
    shutil.copytree(next((folder / "runs" / "sweeps").glob("grid-*")), outside / "sweeps" / next((folder / "runs" / "sweeps").glob("grid-*")).name)


def state(outside: Path) -> dict[str, str]:
    """Every file outside, with its content and kind."""
    found = {}
    for path in sorted(outside.rglob("*")):
        mode = path.lstat().st_mode
        content = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(mode) else os.readlink(path) if stat.S_ISLNK(mode) else ""
        found[str(path.relative_to(outside))] = f"{stat.S_IFMT(mode)} {content}"
    return found


class Attack:
    """One change of a directory of runs, drawn at random."""

    def __init__(self, folder: Path, pick: random.Random) -> None:
        self.folder, self.root, self.outside, self.pick = folder, folder / "runs", folder / "outside", pick
        self.done: list[str] = []
        self.bad: set[str] = set()
        """Directories of runs that were changed."""

    def run_directory(self) -> Path:
        found = self.pick.choice(sorted(path for path in self.root.iterdir() if re.fullmatch(r".*-[0-9a-f]{12}", path.name)))
        self.bad.add(found.name)
        return found

    def sweep_directory(self) -> Path:
        return next((self.root / "sweeps").glob("grid-*"))

    def file(self) -> Path:
        """A file that gradlab reads, and that an earlier change did not lead away."""
        found = self.any_file()
        if not found.parent.resolve().is_relative_to(self.root):
            raise FileNotFoundError
        return found

    def any_file(self) -> Path:
        kind = self.pick.random()
        if kind < 0.15:
            return self.root / self.pick.choice(["asked.jsonl", ".lock"])
        if kind < 0.4:
            return self.sweep_directory() / self.pick.choice(["plan.json", "plan.json", "sweep.json", "results.csv", "results.parquet", "sweep.yaml"])
        return self.run_directory() / self.pick.choice(["summary.json"] * 4 + ["manifest.json"] * 2 + ["layers.parquet", "steps.parquet", "config.yaml", "report.html"])

    def apply(self) -> None:
        for _ in range(self.pick.choice([1, 1, 1, 2, 5])):
            act = self.pick.choice([self.json] * 6 + [self.table] * 3 + [self.bytes] * 2 + [self.kind] * 3 + [self.places])
            try:
                act()
            except (StopIteration, IndexError, FileNotFoundError, NotADirectoryError):  # what it was meant for is gone
                continue

    def json(self) -> None:
        path = self.file()
        if path.suffix not in (".json", ".jsonl"):
            path = self.run_directory() / "summary.json"
        try:
            lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
            values = [json.loads(line) for line in lines]
        except (OSError, ValueError):
            return
        for _ in range(self.pick.choice([1, 1, 3])):
            at = self.pick.randrange(len(values)) if values else 0
            if values:
                values[at] = self.changed(values[at], path)
        text = "\n".join(json.dumps(value) for value in values)
        if self.pick.random() < 0.1:
            text = text[: self.pick.randrange(len(text) + 1)]
        write(path, text.encode())

    def changed(self, value: Any, path: Path) -> Any:
        """The value with one place changed."""
        steps: list[Any] = []
        parents: list[tuple[Any, Any]] = []
        at = value
        while isinstance(at, dict | list) and at and self.pick.random() < 0.8:
            key = self.pick.choice(sorted(at)) if isinstance(at, dict) else self.pick.randrange(len(at))
            parents.append((at, key))
            steps.append(key)
            at = at[key]
        new = self.pick.choice(JUNK)
        if self.pick.random() < 0.1:
            for _ in range(self.pick.choice([30, 90, 900])):
                new = [new] if self.pick.random() < 0.5 else {"a": new}
        self.done.append(f"{path.parent.name}/{path.name} {steps} = {ascii(new)[:60]}")
        if not parents:
            return new
        parent, key = parents[-1]
        if self.pick.random() < 0.2 and isinstance(parent, dict):
            del parent[key]
            self.done[-1] += " (removed)"
        else:
            parent[key] = new
        return value

    def table(self) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        path = self.run_directory() / self.pick.choice(["layers.parquet", "steps.parquet"])
        try:
            table = parquet.ParquetFile(path).read()
        except (OSError, pa.ArrowException):
            return
        act = self.pick.choice(["drop", "type", "rows", "rename", "metadata", "values", "nulls", "duplicate"])
        name = self.pick.choice(table.column_names)
        at = table.column_names.index(name)
        self.done.append(f"{path.parent.name}/{path.name} {act} {name}")
        try:
            if act == "drop":
                table = table.drop_columns([name])
            elif act == "type":
                kind = self.pick.choice([pa.float16(), pa.timestamp("ns"), pa.string(), pa.float32(), pa.int8(), pa.bool_(), pa.null()])
                self.done[-1] += f" {kind}"
                table = table.set_column(at, name, pa.array([None] * len(table), kind))
            elif act == "rows":
                table = table.slice(0, self.pick.randrange(len(table)))
            elif act == "rename":
                table = table.rename_columns([ESCAPE if one == name else one for one in table.column_names])
            elif act == "duplicate":
                table = table.append_column(name, table.column(at))
            elif act == "metadata":
                held = json.loads(table.schema.metadata[b"gradlab"])
                held = self.changed(held, path)
                table = table.replace_schema_metadata({b"gradlab": json.dumps(held).encode()} if self.pick.random() < 0.9 else {})
            else:
                new = None if act == "nulls" else self.pick.choice([float("nan"), float("inf"), -1e308, 0.0])
                table = table.set_column(at, name, pa.array([new] * len(table), pa.float64()))
        except (pa.ArrowException, ValueError, TypeError, KeyError, OverflowError):
            return
        remove(path)
        parquet.write_table(table, path)

    def bytes(self) -> None:
        path = self.file()
        act = self.pick.choice(["empty", "cut", "flip", "deep", "large", "random", "zeros"])
        self.done.append(f"{path.parent.name}/{path.name} {act}")
        try:
            content = bytearray(path.read_bytes()) if path.is_file() else bytearray()
        except OSError:
            return
        if act == "cut":
            content = content[: self.pick.randrange(len(content) + 1)]
        elif act == "flip" and content:
            for _ in range(5):
                content[self.pick.randrange(len(content))] ^= 1 << self.pick.randrange(8)
        elif act == "deep":
            content = bytearray(self.pick.choice([b"[", b'{"a":']) * 100_000)
        elif act == "random":
            content = bytearray(self.pick.randbytes(500))
        elif act in ("empty", "large", "zeros"):
            content = bytearray()
        write(path, bytes(content))
        if act in ("large", "zeros"):
            os.truncate(path, 200_000_000)
            if act == "large":
                with path.open("r+b") as file:
                    file.write(b'{"id": "')

    def kind(self) -> None:
        """A file of another kind, or a link, where a file was."""
        path = self.file()
        if self.pick.random() < 0.2:
            path = path.parent
        if path in (self.root, self.root / "sweeps"):
            path = self.root / "asked.jsonl"
        remove(path)
        self.put(path)

    def put(self, path: Path) -> None:
        """Something that is no file of gradlab's."""
        act = self.pick.choice(["fifo", "fifo link", "zero link", "loop", "dangling", "directory", "socket", "file link", "directory link", "absent"])
        self.done.append(f"{path.parent.name}/{path.name} {act}")
        targets = {"zero link": Path("/dev/zero"), "loop": path, "dangling": self.outside / "none", "file link": self.outside / "file.txt"}
        if act == "fifo":
            os.mkfifo(path)
        elif act == "fifo link":
            os.symlink(self.folder / "fifo", path)
        elif act == "directory":
            path.mkdir()
        elif act == "socket":
            with socket.socket(socket.AF_UNIX) as made:
                before = os.getcwd()
                os.chdir(path.parent)
                try:
                    made.bind(path.name)
                finally:
                    os.chdir(before)
        elif act == "directory link":
            os.symlink(self.outside / "victim", path)
        elif act in targets:
            os.symlink(targets[act], path)

    def places(self) -> None:
        """Names that gradlab has uses for, and that are taken."""
        run = self.run_directory()
        target = self.pick.choice([
            self.root / ".lock", self.root / ".tmp-abc", self.root / f".old-{run.name}", self.root / ".old-x", self.root / "comparisons",
            self.root / "sweeps", run, self.sweep_directory(), run / ".tmp-report.html-1-2", self.root / "comparisons" / ".tmp-a",
            run / "report.html", self.root / f"{ESCAPE.replace('/', '')}-0123456789ab", self.root / "x-0123456789ab",
        ])  # fmt: skip
        if not target.parent.is_dir() or target.parent.is_symlink():
            return
        remove(target)
        if target.name == "sweeps" and self.pick.random() < 0.5:
            self.done.append("sweeps leads outside")
            os.symlink(self.outside / "sweeps", target)
        else:
            self.put(target)


def write(path: Path, content: bytes) -> None:
    if path.parent.is_dir() and not path.parent.is_symlink():
        remove(path)
        path.write_bytes(content)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def commands(folder: Path, pick: random.Random) -> Iterator[list[str]]:
    """Command lines, some for every round."""
    runs = folder / "runs"
    ids = [path.name[-12:] for path in runs.iterdir() if re.fullmatch(r".*-[0-9a-f]{12}", path.name)] or ["none"]
    word = pick.choice(["d2", "d3", "d5", "grid", "@latest", "@latest~3", "good", "d2~1", pick.choice(ids), pick.choice(ids), str(runs / f"d2-{ids[0]}")])
    face = pick.choice(["table", "json", "csv", "md"])
    yield ["list", "--format", face]
    own: list[list[str]] = [
        ["list", "--sweeps", "--format", face],
        ["list", "--where", pick.choice(["model.depth > 2", "final.loss < 1", "tag == good", "started > -2d", "max(grad_norm) > 0", "commit == abc"])],
        ["list", "--sort", pick.choice(["final.loss", "-model.depth", "seed", "name", "started"]), "--columns", "id,name,model.depth,tag,commit"],
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
        ["run", str(folder / "net.yaml"), "--seeds", "0-1", "-s", "model.depth=2", "-s", "name=d2", "--rerun", pick.choice(["always", "failed"])],
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
    if "Traceback" in err or "internal error" in err or re.search(r"^\S*Warning: ", err, re.MULTILINE):
        found.append(f"stderr: {err[-400:]}")
    printed = re.search(".{0,30}[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e].{0,10}", out + err)
    if printed:
        found.append(f"an escape is printed: {ascii(printed[0])}")
    if state(folder / "outside") != before:
        found.append("what lies outside was changed")
    if (folder / "pwned").exists() or {path.name for path in folder.iterdir()} - KNOWN:
        found.append(f"something new lies outside: {sorted(path.name for path in folder.iterdir())}")
    if argv[:3] == ["list", "--format", "json"] and code == 0:
        names = {Path(row["path"]).name for row in json.loads(out)["runs"]} if '"path"' in out else {row["id"] for row in json.loads(out)["runs"]}
        lost = {name[-12:] for name in attack.intact()} - {name[-12:] for name in names}
        if lost:
            found.append(f"intact runs are not listed: {sorted(lost)}")
    return [f"{' '.join(argv)}: {fault}" for fault in found]


KNOWN = {"net.yaml", "grid.yaml", "runs", "outside", "dest", "fifo", "stdout", "stderr"}


def intact(attack: Attack) -> Callable[[], set[str]]:
    there = {path.name for path in attack.root.iterdir() if re.fullmatch(r"(d\d|grid)-[0-9a-f]{12}", path.name)}
    return lambda: {name for name in there - attack.bad if (attack.root / name / "summary.json").is_file()}


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
        attack.intact = intact(attack)  # type: ignore[attr-defined]
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
