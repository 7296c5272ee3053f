"""Random changes of a directory of runs, such as nobody makes who means well: values, types, sizes, links, kinds of files, names."""

import json
import os
import random
import re
import shutil
import socket
from pathlib import Path
from typing import Any

ESCAPE = "\x1b[2J\x9b31m\u202e\r\x07\n=cmd|' /C calc'!A0"
JUNK: list[Any] = [
    None, True, [], {}, [[]], 0, -1, 1.5, 10**30, 10**400, 1e308, float("inf"), float("nan"), "", "5", "inf", ESCAPE, "../../pwned/x",
    "x" * 5000,
    "\ud800", {"a": {"b": [1, {"c": ESCAPE}]}}, [1, "2", None], {"name": 5}, {ESCAPE: ESCAPE},
]  # fmt: skip


_RUN = re.compile(r".*-[0-9a-f]{12}")


class Attack:
    """One change of a directory of runs, drawn at random."""

    def __init__(self, folder: Path, pick: random.Random) -> None:
        self.folder, self.root, self.outside, self.pick = folder, folder / "runs", folder / "outside", pick
        self.done: list[str] = []
        self.bad: set[str] = set()
        """Directories of runs that were changed."""
        self.whole = {path.name for path in self.root.iterdir() if _RUN.fullmatch(path.name)}

    def intact(self) -> set[str]:
        """Directories of runs that were there before and were not changed."""
        return {name for name in self.whole - self.bad if (self.root / name / "summary.json").is_file()}

    def run_directory(self) -> Path:
        found = self.pick.choice(sorted(path for path in self.root.iterdir() if _RUN.fullmatch(path.name)))
        self.bad.add(found.name)
        return found

    def sweep_directory(self) -> Path:
        return next((self.root / "sweeps").glob("grid-*"))

    def file(self) -> Path:
        """A file that gradlab reads, and that an earlier change did not lead away."""
        found = self.any_file()
        if not Path(os.path.realpath(found.parent)).is_relative_to(self.root):  # which a circle of links does not break
            raise FileNotFoundError
        return found

    def any_file(self) -> Path:
        kind = self.pick.random()
        if kind < 0.15:
            return self.root / self.pick.choice(["asked.jsonl", ".lock"])
        if kind < 0.4:
            return self.sweep_directory() / self.pick.choice(
                ["plan.json", "plan.json", "sweep.json", "results.csv", "results.parquet", "sweep.yaml"]
            )
        return self.run_directory() / self.pick.choice(
            ["summary.json"] * 4
            + ["manifest.json"] * 2
            + ["layers.parquet", "steps.parquet", "config.yaml", "report.html"]
        )

    def apply(self) -> None:
        for _ in range(self.pick.choice([1, 1, 1, 2, 5])):
            act = self.pick.choice(
                [self.json] * 6 + [self.table] * 3 + [self.bytes] * 2 + [self.kind] * 3 + [self.places]
            )
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
        except (OSError, ValueError, RecursionError):
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
                kind = self.pick.choice(
                    [pa.float16(), pa.timestamp("ns"), pa.string(), pa.float32(), pa.int8(), pa.bool_(), pa.null()]
                )
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
                table = table.replace_schema_metadata(
                    {b"gradlab": json.dumps(held).encode()} if self.pick.random() < 0.9 else {}
                )
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
        act = self.pick.choice(
            [
                "fifo",
                "fifo link",
                "zero link",
                "loop",
                "dangling",
                "directory",
                "socket",
                "file link",
                "directory link",
                "absent",
            ]
        )
        self.done.append(f"{path.parent.name}/{path.name} {act}")
        targets = {
            "zero link": Path("/dev/zero"),
            "loop": path,
            "dangling": self.outside / "none",
            "file link": self.outside / "file.txt",
        }
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
