"""The directory of a sweep: what was planned, and what came of it.

runs/sweeps/init_by_depth-3f9a0c517be2/      its name, and a digest of its members' ids
    sweep.yaml        the sweep's file as it was when the sweep was begun
    plan.json         every member with its id, written before anything trains
    results.parquet   one row a member
    results.csv       the same for people and spreadsheets
    summary.md        for reading
    sweep.json        counts and gates; written last

A share of a sweep that is carried out by itself (`--shard 2/4`) writes `results-2-of-4.parquet` and so on. Every file
is whole or absent. The runs themselves lie where all runs lie.
"""

import contextlib
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab.config import regular_files
from gradlab.errors import GradlabError, SelectionError, UsageError
from gradlab.results import crash_safe, declared, strict_json
from gradlab.results.environment import now
from gradlab.results.listing import gc_paused
from gradlab.results.locks import refuse_links
from gradlab.results.store import SWEEPS, reason_of, unwritable
from gradlab.results.strict_json import dumps
from gradlab.results.versions import SCHEMA_VERSION

if TYPE_CHECKING:  # a word is looked up among the sweeps too, which must not take long
    from gradlab.config.modules import Trainable
    from gradlab.results.sweeps.table import Point, Row

PLAN, SOURCE, END = "plan.json", "sweep.yaml", "sweep.json"

MOST_PLAN = 1 << 29
"""Bytes that are read of a plan; ten thousand members take some ten million."""

_MOST_PARTS = 1 << 22
"""Objects and lists that are read of one; a member has some dozen."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_ID = re.compile(r"[0-9a-f]{12}")
_MEMBER = re.compile(rb'^\{"id":"([0-9a-f]{12})"', re.MULTILINE)
"""The beginning of a member in the text of a plan, as it is written; to parse ten thousand of them would take a second."""


Shard = tuple[int, int]
"""Number of a share, from 1, and how many there are."""


def shard_words(shard: Shard | None) -> str | None:
    """A share as it is typed, such as `1/4`; None for the whole sweep."""
    return None if shard is None else f"{shard[0]}/{shard[1]}"


def sweep_id(member_ids: Iterable[str]) -> str:
    """The id of a sweep: 12 hex digits of the sha256 of its members' ids, in whatever order they come.

    >>> sweep_id(["b" * 12, "a" * 12]) == sweep_id(["a" * 12, "b" * 12])
    True
    """
    return sha256("\n".join(sorted(member_ids)).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class StoredMember:
    """One run of a sweep as it was planned: what the sweep set by dotted key, without the seed, and the resolved
    experiment, nested.
    """

    id: str
    point: "Point"
    config: Mapping[str, Any]

    @property
    def experiment(self) -> "Trainable":
        """The member's experiment; a ValueError if the plan holds none."""
        from gradlab.config.modules import WatchedExperiment, experiment_of

        with declared.foreign(f"the config of its member {self.id}"):
            experiment = experiment_of(self.config)
            if isinstance(experiment, WatchedExperiment):
                raise ValueError("a sweep has no watched modules")
        return experiment


@dataclass(frozen=True)
class SweepPlan:
    """All of a sweep as it was planned; its members' ids are for its kind of device, `cpu` or `cuda`."""

    id: str
    name: str
    axes: tuple[str, ...]
    gates: tuple[str, ...]
    device: str
    members: tuple[StoredMember, ...]


def plans(root: Path) -> list[Path]:
    """Every plan below a directory of runs, in the order of names; none where there is no directory of sweeps."""
    try:
        names = sorted(os.listdir(root / SWEEPS))
    except OSError:
        return []
    found = [root / SWEEPS / name / PLAN for name in names]
    return [path for path in found if os.path.lexists(path)]


def member_ids(plan: Path) -> tuple[str, ...]:
    """Ids of the runs that a plan names, without reading what they are.

    Raises:
        OSError: If it cannot be read.
        ValueError, KeyError, TypeError: If it is no plan, or a run stands in it twice.
    """
    content = regular_files.content(plan, MOST_PLAN)
    head, opened, _ = content.partition(b'"members":[\n')
    found = _MEMBER.findall(content, len(head)) if opened and content.endswith(b"\n]}\n") else []
    if found and isinstance(strict_json.loads(head + b'"members":[]}'), dict):
        return _each_once(tuple(item.decode() for item in found))
    data = strict_json.loads(content, _MOST_PARTS)  # written by hand, or by something else
    return _each_once(tuple(str(member["id"]) for member in data["members"]))


def _each_once(ids: tuple[str, ...]) -> tuple[str, ...]:
    """Ids of members as they are; a ValueError where one stands there twice, which no plan that gradlab writes has: each would be read,
    judged and shown as often.
    """
    if len(set(ids)) < len(ids):
        own, times = Counter(ids).most_common(1)[0]
        raise ValueError(f"the member {own} stands in it {times:,} times")
    return ids


class SweepPlace:
    """The directory of one sweep, which need not exist before its plan is written."""

    def __init__(self, root: str | Path, name: str, sweep_id: str) -> None:
        self.name, self.id = name, sweep_id
        self.path = Path(root) / SWEEPS / f"{name}-{sweep_id}"
        self._root = Path(root)

    @classmethod
    def at(cls, path: Path) -> "SweepPlace":
        """A sweep's directory wherever it lies, to be read."""
        name, _, sweep_id = os.path.basename(os.path.realpath(path)).rpartition("-")
        place = cls(Path(os.path.realpath(path)).parent.parent, name, sweep_id)
        place.path = path
        return place

    @property
    def root(self) -> Path:
        """The directory of runs that it lies in, without links."""
        return Path(os.path.realpath(self.path)).parent.parent

    @property
    def has_own_members(self) -> bool:
        """Whether its members are those of the directory of runs in which it was found. Where a link leads to it, or it lies in no
        directory of sweeps, they are another one's: they are read, and nothing is written beside them or removed.
        """
        sweeps = self.path.parent
        return os.path.basename(os.path.abspath(sweeps)) == SWEEPS and not (
            self.path.is_symlink() or sweeps.is_symlink()
        )

    @property
    def ended(self) -> str:
        """When it was carried out last, ISO 8601 in UTC; of one that was not, when its plan was written; "" where neither is known."""
        try:
            data = strict_json.read_object(self.path / END)
            return str(data["finished"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        try:
            return datetime.fromtimestamp((self.path / PLAN).stat().st_mtime, UTC).isoformat(timespec="microseconds")
        except OSError:
            return ""

    def write_plan(self, plan: SweepPlan, source: str) -> bool:
        """Freeze a plan, with the text of the sweep's file. Its runs are those that the directory is named after; what is asked of them
        may have changed, and the newest is kept.

        Returns:
            Whether it was written; not where the same is there already.

        Raises:
            UsageError: If the place cannot be written.
            RunFailedError: If it could not be written for another reason, such as a full disk.
        """
        with gc_paused():
            text = _plan_text(plan)
            with contextlib.suppress(OSError):
                if regular_files.content(self.path / PLAN, MOST_PLAN) == text.encode("utf-8", "backslashreplace"):
                    return False
            if source:
                self._write(SOURCE, crash_safe.text(source))
            self._write(PLAN, crash_safe.text(text))
        return True

    def read_plan(self) -> SweepPlan:
        """The plan that was frozen.

        Raises:
            SelectionError: If there is none.
            UsageError: If it cannot be read, or was written by a newer gradlab.
        """
        with gc_paused():
            data = self._read(PLAN)
        try:
            with declared.foreign(PLAN):
                plan = _plan(data)
        except ValueError as error:
            raise self._unreadable(PLAN, error) from None
        return plan

    def write_results(self, rows: "Sequence[Row]", axes: Sequence[str], shard: Shard | None = None) -> None:
        """Write what came of the members, as Parquet and as CSV of the same columns (`sweep_table.columns`).

        Raises:
            UsageError, RunFailedError: As for `write_plan`.
        """
        from gradlab.results.sweeps import table as sweep_table

        with gc_paused():
            columns = sweep_table.columns(rows, axes)
            self._write(file_of("results.parquet", shard_words(shard)), partial(sweep_table.write_parquet, columns))
            self._write(file_of("results.csv", shard_words(shard)), partial(sweep_table.write_csv, columns))

    def write_summary(self, text: str, shard: Shard | None = None) -> Path:
        """Write `summary.md`, and say where it is."""
        return self._write(file_of("summary.md", shard_words(shard)), crash_safe.text(text))

    def write_end(
        self,
        counts: Mapping[str, int],
        gates: Sequence[Mapping[str, Any]],
        started: str,
        shard: Shard | None = None,
        verdicts: Mapping[str, int] | None = None,
    ) -> Path:
        """Write `sweep.json`, the mark of a sweep that was carried out, and say where it is. `started` is ISO 8601 in
        UTC; it ends now. `verdicts` are how many members came to which, or ended how without one.
        """
        data = {
            "schema_version": SCHEMA_VERSION,
            "id": self.id,
            "name": self.name,
            "shard": shard_words(shard),
            "counts": dict(counts),
            **({} if verdicts is None else {"verdicts": dict(verdicts)}),
            "gates": [dict(gate) for gate in gates],
            "started": started,
            "finished": now(),
            "argv": list(sys.argv),
        }
        return self._write(file_of(END, shard_words(shard)), crash_safe.text(dumps(data)))

    def _write(self, name: str, write: crash_safe.Writer) -> Path:
        path = self.path / name
        try:
            refuse_links(self._root, path)
            self.path.mkdir(parents=True, exist_ok=True)
            crash_safe.publish_file(self._root, path, write)
        except (FileExistsError, NotADirectoryError):
            raise UsageError(f"{self.path}: is not a directory; name another place with --out") from None
        except OSError as error:
            raise unwritable(path, error) from error
        return path

    def _read(self, name: str) -> dict[str, Any]:
        try:
            data = strict_json.loads(regular_files.content(self.path / name, MOST_PLAN), _MOST_PARTS)
        except (FileNotFoundError, NotADirectoryError):
            raise SelectionError(f"{self.path}: {name} is missing; `gradlab sweep` writes it") from None
        except (OSError, ValueError) as error:
            raise self._unreadable(name, error) from error
        if not isinstance(data, dict) or not isinstance(data.get("schema_version"), int):
            raise self._unreadable(name, ValueError("it is not what gradlab writes"))
        if data["schema_version"] > SCHEMA_VERSION:
            newer = f"written by a newer gradlab, schema {data['schema_version']} against {SCHEMA_VERSION}"
            raise self._unreadable(name, ValueError(newer))
        return data

    def _unreadable(self, name: str, error: Exception) -> GradlabError:
        return UsageError(
            f"{self.path / name}: cannot be read ({reason_of(error)}); remove it and start the sweep again"
        )


def _plan(data: Mapping[str, Any]) -> SweepPlan:
    """The plan that a file holds.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: If it holds none; a name that is no name of a directory is none.
    """
    members = []
    for item in data["members"]:
        own, point, config = item["id"], item["point"], item["config"]
        if not (isinstance(own, str) and _ID.fullmatch(own)):
            raise ValueError("a member has no id")
        if not (isinstance(point, dict) and isinstance(config, dict)):
            raise ValueError(f"the member {own} has no point or no config")
        if not all(isinstance(value, str | int | float | None) for value in point.values()):
            raise ValueError(f"the member {own} has a point of another kind")
        members.append(StoredMember(own, point, config))
    _each_once(tuple(member.id for member in members))
    own, name, device = data["id"], data["name"], data["device"]
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise ValueError("its name is none that a sweep has")
    if not (isinstance(own, str) and _ID.fullmatch(own)):
        raise ValueError("its id is none that a sweep has")
    plan = SweepPlan(own, name, tuple(data["axes"]), tuple(data["gates"]), device, tuple(members))
    if not all(isinstance(word, str) for word in (*plan.axes, *plan.gates, plan.device)):
        raise ValueError("its axes, gates and device are not words")
    return plan


def _plan_text(plan: SweepPlan) -> str:
    """A plan as it is written: a line for each member, so that ten thousand of them can still be searched."""
    compact = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
    head = compact(
        {
            "schema_version": SCHEMA_VERSION,
            "id": plan.id,
            "name": plan.name,
            "axes": plan.axes,
            "gates": plan.gates,
            "device": plan.device,
        }
    )
    members = (
        compact({"id": member.id, "point": dict(member.point), "config": dict(member.config)})
        for member in plan.members
    )
    return head[:-1] + ',"members":[\n' + ",\n".join(members) + "\n]}\n"


def file_of(name: str, shard: str | None) -> str:
    """Name of a file of the whole sweep, or of a share of it.

    >>> file_of("results.csv", "2/4"), file_of("results.csv", None)
    ('results-2-of-4.csv', 'results.csv')
    """
    stem, _, kind = name.partition(".")
    return name if shard is None else f"{stem}-{shard.replace('/', '-of-')}.{kind}"
