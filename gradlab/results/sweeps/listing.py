"""Sweeps as a list shows them, read from their own files alone: no run is opened, and of the plan only the members' ids are taken."""

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gradlab.config import regular_files
from gradlab.results import declared, strict_json
from gradlab.results.asked import Journal
from gradlab.results.store import Store, reason_of
from gradlab.results.sweeps.directory import END, file_of, member_ids, plans

RESULTS = "results.csv"

FINISHED, UNFINISHED = "finished", "unfinished"

_MOST_RESULTS = 1 << 26
"""Bytes that are read of a table of members; ten thousand of them take some four million."""

_SHARD = re.compile(r"sweep-(?P<number>\d+)-of-(?P<count>\d+)\.json")
_KEPT = ("failed", "interrupted")


@dataclass(frozen=True)
class ListedSweep:
    """One line of a list of sweeps.

    Attributes:
        members: How many were planned.
        there: How many of them have a directory of a run.
        failed: Members that could not be carried out, when the sweep or its shares ended last.
        state: `finished`, `unfinished`, or which shares have ended.
        verdicts: Verdict, or how a run ended that has none -> members, as they were when it ended last.
        gates_passed: Gates that held then; a share's count for themselves.
        asked: When it was asked for last, ISO 8601 in UTC.
        started, finished: As `asked`; "" before it ended once.
    """

    id: str
    name: str
    path: Path
    members: int
    there: int
    failed: int
    state: str
    verdicts: Mapping[str, int]
    gates_passed: int
    gates_failed: int
    asked: str
    started: str
    finished: str


def listed_sweeps(store: Store, on_unreadable: Callable[[Path, str], None] | None = None) -> list[ListedSweep]:
    """Every sweep of a store, the last asked for first; one that cannot be read is left out, and told with the reason."""
    there = store.handles()
    journal = Journal(store.root)
    read = journal.read()
    if read.unread and on_unreadable is not None:
        on_unreadable(journal.path, read.unread)
    asked = {ask.sweep: ask.at for ask in read.asks if ask.sweep is not None}
    found = []
    for plan in plans(store.root):
        try:
            with declared.foreign(plan.parent.name):
                found.append(_line(plan, there, asked))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            if on_unreadable is not None:
                on_unreadable(plan.parent, reason_of(error))
    return sorted(found, key=lambda sweep: (sweep.asked, sweep.path.name), reverse=True)


def _line(plan: Path, there: Collection[str], asked: Mapping[str, str]) -> ListedSweep:
    directory = plan.parent
    name, _, sweep_id = os.path.basename(os.path.realpath(directory)).rpartition("-")
    members = member_ids(plan)
    ends, state = _ends(directory)
    counts = [end["counts"] for end in ends]
    gates = [bool(gate["passed"]) for end in ends for gate in end["gates"]]
    verdicts: Counter[str] = Counter()
    for end in ends:
        verdicts.update(end["verdicts"] if "verdicts" in end else _from_table(directory, end.get("shard")))
    finished = max((str(end["finished"]) for end in ends), default="")
    changed = datetime.fromtimestamp(plan.stat().st_mtime, UTC).isoformat(timespec="microseconds")
    return ListedSweep(
        id=sweep_id,
        name=name,
        path=directory,
        members=len(members),
        there=sum(member in there for member in members),
        failed=sum(int(count.get(word, 0)) for count in counts for word in _KEPT),
        state=state,
        verdicts=verdicts,
        gates_passed=sum(gates),
        gates_failed=len(gates) - sum(gates),
        asked=asked.get(sweep_id) or finished or changed,
        started=min((str(end["started"]) for end in ends), default=""),
        finished=finished,
    )


def _ends(directory: Path) -> tuple[list[dict[str, Any]], str]:
    """What is known of a sweep's end, or of its shares' ends, and the state that this is."""
    if os.path.lexists(directory / END):
        end = _end(directory / END)
        return [end], UNFINISHED if end["counts"].get("left") else FINISHED
    shares = sorted(
        (int(match["count"]), int(match["number"]), path)
        for path in directory.glob("sweep-*-of-*.json")
        if (match := _SHARD.fullmatch(path.name)) is not None
    )
    if not shares:
        return [], UNFINISHED
    count = shares[-1][0]  # of a sweep that was shared out twice, the finer ones
    ended = {number: _end(path) for of, number, path in shares if of == count}
    whole = len(ended) == count and not any(end["counts"].get("left") for end in ended.values())
    return list(ended.values()), FINISHED if whole else f"shards {', '.join(map(str, ended))} of {count}"


def _end(path: Path) -> dict[str, Any]:
    """What `sweep.json` holds, as far as a list needs it.

    Raises:
        ValueError: If it is of other kinds.
    """
    end = strict_json.read_object(path)
    for counts in (end["counts"], end.get("verdicts", {})):
        if not all(declared.is_whole(number) for number in counts.values()):
            raise ValueError(f"{path.name} counts with something else than numbers")
    if not all(
        isinstance(end.get(name, ""), str) for name in ("started", "finished", "shard") if end.get(name) is not None
    ):
        raise ValueError(f"{path.name} holds something else than words")
    return end


def _from_table(directory: Path, shard: str | None) -> Counter[str]:
    """Verdicts of the members, for sweeps whose end does not hold them; none where there is no table."""
    try:
        text = regular_files.content(directory / file_of(RESULTS, shard), _MOST_RESULTS).decode()
        rows = csv.reader(io.StringIO(text, newline=""))
        head = next(rows)
        outcome, verdict = head.index("outcome"), head.index("verdict")
        return Counter(row[outcome] if row[outcome] in _KEPT else row[verdict] for row in rows)
    except (OSError, ValueError, IndexError, StopIteration, csv.Error):
        return Counter()
