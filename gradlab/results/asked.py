"""What was asked for, by which name and when; and the tags and notes that were given to runs.

`asked.jsonl` beside the runs is a journal: one JSON object a line, only ever appended to, so that a process that dies costs
no more than its own line. Later lines win. A directory of runs without it, as older versions left it, is read as well.

    {"asked": "deep", "at": "2026-11-29T12:00:00+00:00", "group": "5d1…", "runs": ["7f3…", "a01…"]}     by `run`
    {"asked": "depths", "at": …, "sweep": "3f9…", "runs": […]}                                          by `sweep`
    {"tag": "baseline", "runs": […]}    {"untag": "baseline", "runs": […]}    {"note": "…", "runs": […]}    {"removed": […]}

It is rewritten, without what no longer counts, when it has grown to several times of that.
"""

import errno
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from gradlab.config import regular_files
from gradlab.config.text import one_line
from gradlab.errors import UsageError
from gradlab.results import crash_safe

JOURNAL = "asked.jsonl"

_MOST_BYTES = 1 << 28
"""Bytes that are read of a journal: of one that is longer, nothing counts."""

_COMPACT_FROM = 1 << 20
"""Bytes below which a journal is not worth rewriting, ..."""

_COMPACT_AT = 4
"""... and how many times the lines that count it holds by then."""


@dataclass(frozen=True)
class Ask:
    """Runs that were asked for together.

    Attributes:
        name: By which they were asked for: the experiment's, or the sweep's.
        runs: Ids, in the order in which they were asked for.
        at: When, ISO 8601 in UTC; never earlier than the ask before.
        group: Digest of what the runs have in common but the seed (`identity.group_id`); "" for a sweep.
        sweep: Id of the sweep, None where they were asked for by themselves.
    """

    name: str
    runs: tuple[str, ...]
    at: str
    group: str = ""
    sweep: str | None = None


@dataclass(frozen=True)
class Asked:
    """What a journal comes to.

    Attributes:
        asks: Oldest first; of the same runs by the same name the last counts.
        tags: Run's id -> its tags, in the order in which they were given.
        notes: Run's id -> its note.
        damaged: Lines that could not be read, and are left out.
        unread: Why nothing of a journal that is there could be read, "" otherwise.
    """

    asks: tuple[Ask, ...] = ()
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    damaged: int = 0
    unread: str = ""

    @cached_property
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """Run's id -> the names that it was asked for by itself, the last one first."""
        found: dict[str, tuple[str, ...]] = {}
        for ask in reversed(self.asks):
            if ask.sweep is None:
                alone = (ask.name,)
                for run in ask.runs:
                    known = found.setdefault(run, alone)
                    if ask.name not in known:
                        found[run] = (*known, ask.name)
        return found

    @cached_property
    def tagged(self) -> Mapping[str, tuple[str, ...]]:
        """Tag -> ids of the runs that have it."""
        found: dict[str, list[str]] = {}
        for run, tags in self.tags.items():
            for tag in tags:
                found.setdefault(tag, []).append(run)
        return {tag: tuple(runs) for tag, runs in found.items()}


class Journal:
    """The journal of one directory of runs, which need not exist."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.path = self.root / JOURNAL

    def read(self) -> Asked:
        """What it comes to; nothing where it is missing or cannot be read. A link is not followed."""
        try:
            lines = self._content().splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return Asked()
        except OSError as error:
            return Asked(unread=_reason(error))
        return _folded(*_parsed(lines))

    def _content(self) -> bytes:
        return regular_files.content(self.path, _MOST_BYTES, os.O_NOFOLLOW)

    def ask(self, ask: Ask) -> None:
        """Note what is asked for; where that cannot be written, it goes without, as with runs that lie on a medium that is read only."""
        from gradlab.results.environment import now  # here: whoever reads needs no clock

        own: dict[str, Any] = {"asked": ask.name, "at": ask.at or now()}
        own |= {"group": ask.group} if ask.sweep is None else {"sweep": ask.sweep}
        try:
            self._append(own | {"runs": list(ask.runs)}, sync=False)
        except OSError:
            return

    def tag(self, runs: Iterable[str], tag: str, *, remove: bool = False) -> None:
        """Give runs a tag, or take it from them.

        Raises:
            UsageError: If it cannot be written.
        """
        self._note({"untag" if remove else "tag": tag, "runs": list(runs)})

    def note(self, runs: Iterable[str], text: str) -> None:
        """Give runs a note in place of the one that they have; "" takes it away.

        Raises:
            UsageError: If it cannot be written.
        """
        self._note({"note": text, "runs": list(runs)})

    def forget(self, runs: Iterable[str]) -> None:
        """Forget names, tags and notes of runs that are removed, and sweeps by their ids.

        Raises:
            UsageError: If it cannot be written.
        """
        self._note({"removed": list(runs)})

    def _note(self, line: Mapping[str, Any]) -> None:
        try:
            self._append(line, sync=True)
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be written ({_reason(error)})") from error

    def _append(self, line: Mapping[str, Any], *, sync: bool) -> None:
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"
        self.root.mkdir(parents=True, exist_ok=True)
        with crash_safe.locked(self.root):
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
            with os.fdopen(os.open(self.path, flags, 0o666), "a+b") as file:
                found = os.fstat(file.fileno())
                regular_files.refuse_others(found.st_mode, self.path)
                size = file.seek(0, os.SEEK_END)
                if size:
                    file.seek(size - 1)
                    if file.read(1) != b"\n":  # a writer died in its line
                        text = b"\n" + text
                shared = found.st_nlink > 1  # with a copy that was made by links, which must stay what it is
                if not shared:
                    file.write(text)
                    file.flush()
                    if sync:
                        os.fsync(file.fileno())
            if shared:
                self._replace(self._content() + text)
            if size > _COMPACT_FROM:
                self._compact()

    def _compact(self) -> None:
        """Write the lines that count, and only those, where these are few; the root's lock is held."""
        lines = self._content().splitlines()
        asked = _folded(*_parsed(lines))
        kept = list(_lines(asked))
        if len(lines) < _COMPACT_AT * len(kept):
            return
        text = "".join(f"{json.dumps(line, ensure_ascii=False, separators=(',', ':'))}\n" for line in kept)
        self._replace(text.encode("utf-8", "backslashreplace"))

    def _replace(self, content: bytes) -> None:
        """Write the whole journal anew; the root's lock is held."""

        def write(file: BinaryIO) -> None:
            file.write(content)

        crash_safe.publish_file(self.root, self.path, write)


def _reason(error: OSError) -> str:
    """Why a journal cannot be read or written."""
    if error.errno == errno.ELOOP:
        return "is a link, which is not followed"
    return one_line(error.strerror or error, 300)


def _lines(asked: Asked) -> Iterable[dict[str, Any]]:
    for ask in asked.asks:
        own = {"group": ask.group} if ask.sweep is None else {"sweep": ask.sweep}
        yield {"asked": ask.name, "at": ask.at, **own, "runs": ask.runs}
    for tag, runs in asked.tagged.items():
        yield {"tag": tag, "runs": runs}
    for run, note in asked.notes.items():
        yield {"note": note, "runs": [run]}


def _parsed(lines: Sequence[bytes]) -> tuple[list[Any], int]:
    """The objects of a journal's lines, and how many could not be read; all at once where all can, which is several times faster."""
    lines = [line for line in lines if line.strip()]
    try:
        whole: list[Any] = json.loads(b"[" + b",".join(lines) + b"]")
        if len(whole) == len(lines):
            return whole, 0
    except (ValueError, RecursionError):
        pass
    found, damaged = [], 0
    for line in lines:
        try:
            found.append(json.loads(line))
        except (ValueError, RecursionError):
            damaged += 1
    return found, damaged


def _folded(lines: Sequence[Any], damaged: int) -> Asked:
    asks: dict[tuple[str, str | None, tuple[str, ...]], Ask] = {}
    tags: dict[str, dict[str, None]] = {}
    notes: dict[str, str] = {}
    latest = ""
    for line in lines:
        match line:
            case {"asked": str(name), "at": str(at), "runs": [*runs]} if _words(runs):
                latest = max(latest, at)  # the clock may have been set back
                group, sweep = line.get("group", ""), line.get("sweep")
                key = name, sweep if isinstance(sweep, str) else None, tuple(runs)
                asks.pop(key, None)
                asks[key] = Ask(name, key[2], latest, group if isinstance(group, str) else "", key[1])
            case {"tag": str(tag), "runs": [*runs]} if _words(runs):
                for run in runs:
                    tags.setdefault(run, {})[tag] = None
            case {"untag": str(tag), "runs": [*runs]} if _words(runs):
                for run in runs:
                    tags.get(run, {}).pop(tag, None)
            case {"note": str(note), "runs": [*runs]} if _words(runs):
                notes |= dict.fromkeys(runs, note)
            case {"removed": [*runs]} if _words(runs):
                asks = _without(asks, set(runs))
                for run in runs:
                    tags.pop(run, None)
                    notes.pop(run, None)
            case _:
                damaged += 1
    return Asked(
        tuple(asks.values()),
        {run: tuple(own) for run, own in tags.items() if own},
        {run: note for run, note in notes.items() if note},
        damaged,
    )


def _without(
    asks: Mapping[tuple[str, str | None, tuple[str, ...]], Ask], removed: set[str]
) -> dict[tuple[str, str | None, tuple[str, ...]], Ask]:
    """The asks without removed runs and sweeps."""
    kept: dict[tuple[str, str | None, tuple[str, ...]], Ask] = {}
    for (name, sweep, runs), ask in asks.items():
        if sweep in removed:
            continue
        left = runs if removed.isdisjoint(runs) else tuple(run for run in runs if run not in removed)
        if left:
            kept.pop((name, sweep, left), None)
            kept[name, sweep, left] = Ask(name, left, ask.at, ask.group, sweep)
    return kept


def _words(runs: Sequence[Any]) -> bool:
    return all(isinstance(run, str) for run in runs)
