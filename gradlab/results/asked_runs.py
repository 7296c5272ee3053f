"""The runs and sweeps below one directory in the order in which they were asked for, and groups of seeds among them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from gradlab.results.asked import Ask, Asked, Journal
from gradlab.results.listing import ListedRun
from gradlab.results.store import RunHandle, Store, reason_of
from gradlab.results.sweeps.directory import PLAN, SweepPlace, member_ids, plans

OnUnreadable = Callable[[Path, str], None]


@dataclass(frozen=True)
class Group:
    """Runs of one name that differ in nothing but their seed, in the order in which they were asked for.

    Attributes:
        key: What they have in common (`identity.group_id`).
        alone: Whether they were asked for by themselves, and not only as members of sweeps.
    """

    name: str
    key: str
    runs: tuple[RunHandle, ...]
    alone: bool = True


class AskedRuns:
    """What was asked for below one directory, which is looked through once.

    Args:
        root: The directory.
        on_unreadable: Is told, once for each, of a run that cannot be read and was looked at, with the reason.
    """

    def __init__(self, root: str | Path, on_unreadable: OnUnreadable | None = None) -> None:
        self.root = Path(root)
        self.store = Store(root)
        self.on_unreadable = on_unreadable
        self._told: set[Path] = set()

    @cached_property
    def handles(self) -> dict[str, RunHandle]:
        """Every run by its id."""
        return self.store.handles()

    @cached_property
    def asked(self) -> Asked:
        """What the journal knows."""
        return Journal(self.root).read()

    @cached_property
    def sweeps(self) -> tuple[SweepPlace, ...]:
        """Sweeps that have a plan, the one that was asked for last first."""
        places = [SweepPlace.at(path.parent) for path in plans(self.root)]
        order = {ask.sweep: (ask.at, place) for place, ask in enumerate(self.asked.asks) if ask.sweep is not None}

        def asked(place: SweepPlace) -> tuple[str, int]:
            return order.get(place.id) or (place.ended, -1)

        return tuple(sorted(places, key=asked, reverse=True))

    def groups_of(self, name: str) -> tuple[Group, ...]:
        """The groups of a name, the one that was asked for last first.

        Those that were never asked for by themselves, as members of sweeps, count only where there are no others.
        """
        entries: list[tuple[tuple[str, int], str, RunHandle]] = []
        known: set[str] = set()
        for place, ask in enumerate(self.asked.asks):
            if ask.sweep is None and ask.name == name:
                for run in ask.runs:
                    if run in self.handles:
                        known.add(run)
                        entries.append(((ask.at, place), ask.group, replace(self.handles[run], name=name)))
        rest = [handle for handle in self.handles.values() if handle.name == name and handle.id not in known]
        members = self._members if rest else frozenset()
        alone = [handle for handle in rest if handle.id not in members]
        asked_for = bool(entries or alone)
        for handle in alone if asked_for else rest:
            line = self.line(handle)
            if line is not None:
                entries.append(((line.finished, -1), self._group_key(line), handle))
        return _grouped(name, entries, alone=asked_for)

    def latest_asks(self) -> Iterator[Ask]:
        """What was asked for, the last first; a run that is in no journal was asked for when it was finished, by its own name."""
        asks = [(ask.at, place, ask) for place, ask in enumerate(self.asked.asks)]
        known = {run for ask in self.asked.asks for run in ask.runs}
        for handle in self.handles.values():
            if handle.id not in known:
                line = self.line(handle)
                if line is not None:
                    asks.append((line.finished, -1, Ask(handle.name, (handle.id,), line.finished)))
        asks.sort(key=lambda item: (item[0], item[1], "".join(item[2].runs[:1])), reverse=True)
        return (ask for _, _, ask in asks)

    def latest_runs(self) -> Iterator[RunHandle]:
        """Runs, the one that was asked for last first."""
        seen: set[str] = set()
        for ask in self.latest_asks():
            for run in reversed(ask.runs):
                if run in self.handles and run not in seen:
                    seen.add(run)
                    handle = self.handles[run]
                    yield handle if ask.sweep is not None else replace(handle, name=ask.name)

    def latest_groups(self) -> Iterator[Group]:
        """Groups of seeds, the one that was asked for last first; members of a sweep are grouped among themselves."""
        seen: set[tuple[str, str]] = set()
        for ask in self.latest_asks():
            there = [self.handles[run] for run in ask.runs if run in self.handles]
            if not there:
                continue
            if ask.sweep is None:
                line = None if ask.group else self.line(there[0])
                key = ask.group if line is None else self._group_key(line)
                if (ask.name, key) not in seen:
                    seen.add((ask.name, key))
                    own = (group for group in self.groups_of(ask.name) if group.key == key)
                    yield next(own, Group(ask.name, key, tuple(there)))
                continue
            lines = [(handle, line) for handle in there if (line := self.line(handle)) is not None]
            keys = [self._group_key(line) for _, line in lines]
            for key in dict.fromkeys(reversed(keys)):
                runs = tuple(handle for (handle, _), own_key in zip(lines, keys, strict=True) if own_key == key)
                if (ask.sweep or "", key) not in seen:
                    seen.add((ask.sweep or "", key))
                    yield Group(runs[-1].name, key, runs)

    @cached_property
    def _members(self) -> frozenset[str]:
        """Ids of the members of all sweeps."""
        return frozenset(run for place in self.sweeps for run in members_of(place))

    def line(self, handle: RunHandle) -> ListedRun | None:
        """What a list shows of a run, None where it cannot be read."""
        try:
            return self.store.line(handle)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self.tell(handle.path, reason_of(error))
            return None

    def tell(self, path: Path, reason: str) -> None:
        """Tell of a run that cannot be read, unless that was told already."""
        if self.on_unreadable is not None and path not in self._told:
            self.on_unreadable(path, reason)
        self._told.add(path)

    def _group_key(self, line: ListedRun) -> str:
        """What tells runs of one group from others."""
        if line.group:
            return line.group
        # Here: only runs of older versions need it, and it takes longer than most lists.
        from gradlab.results.identity import group_of

        return group_of(line)


def members_of(place: SweepPlace) -> tuple[str, ...]:
    """Ids of the members of a sweep, in its order; none where its plan cannot be read."""
    try:
        return member_ids(place.path / PLAN)
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _grouped(name: str, entries: Iterable[tuple[tuple[str, int], str, RunHandle]], *, alone: bool) -> tuple[Group, ...]:
    """Runs by group; a group is as new as what was asked for last of it."""
    groups: dict[str, dict[str, RunHandle]] = {}
    for _, key, handle in sorted(entries, key=lambda entry: entry[0]):  # stable: in the order of one ask
        group = groups.pop(key, {})
        group.pop(handle.id, None)
        groups[key] = group | {handle.id: handle}
    return tuple(Group(name, key, tuple(runs.values()), alone) for key, runs in reversed(groups.items()))
