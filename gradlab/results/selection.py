"""Which stored runs a word means: one way to name them, for every command and for Python.

    ID, PREFIX, PATH        one run: its id, a unique prefix of an id or of a directory's name, its directory
    NAME                    the newest group of that name: runs that were asked for by it and differ in nothing but their seed
    TAG                     all runs that were given it
    @latest                 the run that was asked for last; where groups are taken, with its seeds
    SWEEP                   a sweep by id, name, prefix or path: all its members; sweeps/SWEEP where a run has that name too
    …~1, …~2                the one before: of a name the group before, of `@latest` the run (or group) before, of a sweep that of its
                            name which was asked for before
    NAME@latest             of that name, the run that was asked for last; NAME~1@latest of the group before

What was asked for last is the newest, whether it was trained or was there already. Members of a sweep are found by the sweep,
and do not change what a name means, unless no run of that name was ever asked for by itself.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from gradlab.config.suggestion import nearest
from gradlab.config.text import counted
from gradlab.errors import GradlabError, SelectionError, UsageError
from gradlab.results.asked_runs import AskedRuns, members_of
from gradlab.results.listing import SUMMARY
from gradlab.results.store import SWEEPS, RunHandle, Store
from gradlab.results.sweeps.directory import PLAN, SweepPlace

_REFERENCE = re.compile(r"(?P<base>.*?)(?:~(?P<group>\d{1,9}))?(?P<latest>@latest)(?:~(?P<back>\d{1,9}))?", re.DOTALL)
_BEFORE = re.compile(r"(?P<base>.*?)(?:~(?P<back>\d{1,9}))?", re.DOTALL)
_SHOWN = 8
_LAST = ("latest", "last", "newest")


@dataclass(frozen=True)
class Selection:
    """What a word means.

    Attributes:
        text: The word.
        name: By which the runs were asked for, a tag, or the sweep's name.
        runs: In the order in which they were asked for, those of a group by their place in it; `RunHandle.name` is the name by which
            a run was found.
        place: The sweep that they are members of, None where it is no sweep.
        single: Whether the word means one run by itself: by id, prefix or path, or as `@latest` where one is taken.
    """

    text: str
    name: str
    runs: tuple[RunHandle, ...]
    place: SweepPlace | None = None
    single: bool = False

    def one(self) -> RunHandle:
        """The run, where one is wanted.

        Raises:
            UsageError: If it is a sweep, or several; the message says how to name one.
        """
        if self.place is not None:
            raise UsageError(
                f"{self.place.path}: is a sweep, and a run is wanted; `gradlab report` shows sweeps, gradlab.load_sweep reads one"
            )
        if len(self.runs) != 1:
            raise UsageError(f"{_listed(self.text, self.runs)}; give more of the id, or {self.name}@latest")
        return self.runs[0]


class Selector(AskedRuns):
    """Finds runs and sweeps below one directory, which is looked through once."""

    def select(self, text: str | Path, *, groups: bool = True) -> Selection:
        """What a word means.

        Args:
            text: As at the top of this file.
            groups: Whether `@latest` stands for its seeds together.

        Raises:
            SelectionError: If nothing matches.
            UsageError: If it could mean several things; the message lists them.
        """
        wanted = str(text)
        if not wanted:
            raise SelectionError(f"no run is named ''; `gradlab list` shows the runs in {self.root}")
        if isinstance(text, Path) or _is_path(wanted):
            found = self._path(Path(wanted))
            if found is not None:
                return found
        latest = _REFERENCE.fullmatch(wanted)
        if latest is not None:
            name = latest["base"] + (f"~{latest['group']}" if latest["group"] else "")
            return self._latest(wanted, name, int(latest["back"] or 0), groups=groups)
        match = _BEFORE.fullmatch(wanted)
        assert match is not None  # it takes everything
        base, back = match["base"], int(match["back"] or 0)
        if base.startswith("@"):
            raise UsageError(f"'{wanted}': expected @latest, or @latest~1 for the one before it")
        if os.sep in base and not base.startswith(f"{SWEEPS}{os.sep}"):
            found = self._path(Path(base)) if match["back"] else None
            if found is None:
                raise _no_path(Path(base))
            return _neighbours(found).before(found, wanted, back)
        return self.before(self._word(base), wanted, back)

    def refuse_namesakes(self, text: str) -> None:
        """Refuse a word that means a run, though a sweep goes by it too, where both could be meant.

        Raises:
            UsageError: If it does; the message says how to name either.
        """
        places = [place for place in self.sweeps if text in (place.id, place.name, place.path.name)]
        if places and not _is_path(text):
            found = self._word(text)
            if found.place is None:
                raise UsageError(
                    f"'{text}' is a run, {found.runs[-1].path}, and a sweep, {places[0].path}; "
                    f"{SWEEPS}/{text} means the sweep, {text}@latest the run"
                )

    def before(self, selection: Selection, text: str, back: int) -> Selection:
        """What comes so many places before what was found.

        Raises:
            SelectionError: If there are not so many.
        """
        if not back:
            return replace(selection, text=text)
        if selection.place is not None:
            namesakes = [place for place in self.sweeps if place.name == selection.place.name]
            at = next(n for n, place in enumerate(namesakes) if place.id == selection.place.id) + back
            if at >= len(namesakes):
                raise SelectionError(f"'{text}': there {_are(len(namesakes), 'sweep')} named {selection.name}")
            return self._sweep(namesakes[at], text)
        found = list(self.groups_of(selection.name))
        held = {handle.id for handle in selection.runs}
        at = next((n for n, group in enumerate(found) if held & {run.id for run in group.runs}), 0) + back
        if at >= len(found):
            raise SelectionError(
                f"'{text}': of {selection.name} there {_are(len(found), 'group')} of runs that differ only in their seed"
            )
        return Selection(text, selection.name, found[at].runs)

    def _word(self, word: str) -> Selection:
        """What a word without a path and without `~` or `@` means."""
        if word.startswith(f"{SWEEPS}{os.sep}"):
            return self._sweep(self._sweep_named(word.partition(os.sep)[2], word), word)
        handles = list(self.handles.values())
        exact = [handle for handle in handles if word in (handle.id, handle.path.name)]
        groups = () if exact else self.groups_of(word)
        places = [place for place in self.sweeps if word in (place.id, place.name, place.path.name)]
        if places and groups and not groups[0].alone:
            groups = ()
        if exact:
            return Selection(word, exact[0].name, (exact[0],), single=True)
        if groups:
            return Selection(word, word, groups[0].runs)
        if places:
            return self._sweep(places[0], word)
        if word in self.asked.tagged:
            tagged = [self.handles[run] for run in self.asked.tagged[word] if run in self.handles]
            if tagged:
                return Selection(word, word, tuple(tagged))
        return self._prefix(word, handles)

    def _prefix(self, word: str, handles: Sequence[RunHandle]) -> Selection:
        found = [handle for handle in handles if handle.id.startswith(word) or handle.path.name.startswith(word)]
        if len(found) == 1:
            return Selection(word, found[0].name, (found[0],), single=True)
        names = {handle.name for handle in found}
        if len(names) == 1 and next(iter(names)).startswith(word):
            own = next(iter(names))
            groups = self.groups_of(own)
            if groups:
                return Selection(word, own, groups[0].runs)
        if found:
            raise UsageError(f"{_listed(word, found)}; give more of the id, or @latest")
        places = [place for place in self.sweeps if place.id.startswith(word) or place.path.name.startswith(word)]
        if len({place.name for place in places}) > 1:
            told = ", ".join(str(place.path) for place in places[:_SHOWN])
            raise UsageError(f"'{word}' matches {len(places)} sweeps: {told}; a path tells them apart")
        if places:
            return self._sweep(places[0], word)
        if not handles and not self.sweeps:
            raise SelectionError(f"no runs in {self.root}; `gradlab run CONFIG` makes one, --out names another place")
        if word.endswith((".yaml", ".yml")) and os.path.isfile(word):
            raise SelectionError(f"{word}: is a config; its runs go by the name that stands in it")
        known = [*(handle.name for handle in handles), *(place.name for place in self.sweeps), *self.asked.tagged]
        raise SelectionError(
            f"no run in {self.root} matches '{word}'{_meant(word, known)} `gradlab list` shows the runs"
        )

    def _sweep_named(self, word: str, text: str) -> SweepPlace:
        for places in (
            [place for place in self.sweeps if word in (place.id, place.name, place.path.name)],
            [
                place
                for place in self.sweeps
                if word and (place.id.startswith(word) or place.path.name.startswith(word))
            ],
        ):
            if places:
                return places[0]
        meant = _meant(word, [place.name for place in self.sweeps])
        raise SelectionError(f"no sweep in {self.root} matches '{text}'{meant} `gradlab list --sweeps` shows them")

    def _sweep(self, place: SweepPlace, text: str) -> Selection:
        """A sweep with those of its members that are there, in its order."""
        handles = self.handles if place.root == Path(os.path.realpath(self.root)) else Store(place.root).handles()
        members = tuple(handles[run] for run in members_of(place) if run in handles)
        return Selection(text, place.name, members, place)

    def _latest(self, text: str, name: str, back: int, *, groups: bool) -> Selection:
        if name:
            entries = [run for group in self.groups_of(name) for run in reversed(group.runs)]
            if not entries:  # an id, a tag or a prefix, or a group before
                found = self.select(name)
                if found.place is not None:
                    raise UsageError(f"'{text}': {name} is a sweep, {found.place.path}; {name}~1 is the one before")
                entries = list(reversed(found.runs))
        elif groups:
            group = next(islice(self.latest_groups(), back, None), None)
            if group is None:
                raise SelectionError(self._too_few(text))
            return Selection(text, group.name, group.runs)
        else:
            entries = list(islice(self.latest_runs(), back + 1))
        if back >= len(entries):
            raise SelectionError(self._too_few(text) if not name else f"'{text}': there {_are(len(entries), 'run')}")
        return Selection(text, entries[back].name, (entries[back],), single=True)

    def _too_few(self, text: str) -> str:
        number = len(self.handles)
        return f"'{text}': {self.root} holds only {counted(number, 'run')}" if number else f"no runs in {self.root}"

    def _path(self, path: Path) -> Selection | None:
        """A run or a sweep by its directory, None where there is nothing at this path."""
        if os.path.isfile(path / PLAN):
            return self._sweep(SweepPlace.at(path), str(path))
        if os.path.exists(path):
            handle = self.store.at(path)
            return Selection(str(path), handle.name, (handle,), single=True)
        return None


def select(root: str | Path, text: str | Path, *, groups: bool = True) -> Selection:
    """What a word means among the runs below a directory (`Selector.select`)."""
    return Selector(root).select(text, groups=groups)


def refuse_others_members(selector: Selector, names: Sequence[str | Path]) -> None:
    """Refuse to write of the members of a sweep where they are not its own (`SweepPlace.has_own_members`).

    Raises:
        SelectionError: If a name means nothing.
        UsageError: If one means such a sweep, or several things.
    """
    for name in names:
        place = selector.select(name).place
        if place is not None and not place.has_own_members:
            real = os.path.realpath(place.path)
            why = f"lies in no directory named {SWEEPS}"
            if real != os.path.abspath(place.path):
                why = f"is reached through a link, which is not followed to write; name {real}"
            raise UsageError(f"{place.path}: {why}")


def _neighbours(selection: Selection) -> Selector:
    """The selector of the directory that a run or sweep lies in, which was named by its path."""
    if selection.place is not None:
        return Selector(selection.place.root)
    return Selector(Path(os.path.realpath(selection.runs[0].path)).parent)


def _is_path(text: str) -> bool:
    return os.sep in text or any(os.path.isfile(Path(text, mark)) for mark in (SUMMARY, PLAN))


def _meant(word: str, known: Sequence[str]) -> str:
    """What joins a sentence on a word that means nothing to the next: a name that it may have meant, where one is near."""
    near = "@latest" if word.lower() in _LAST else nearest(word, dict.fromkeys(known))
    return ";" if near is None else f". Did you mean '{near}'?"


def _no_path(path: Path) -> GradlabError:
    return SelectionError(f"{path}: there is no such run")


def _are(number: int, noun: str) -> str:
    return f"is only 1 {noun}" if number == 1 else f"are only {number} {noun}s"


def _listed(text: str, runs: Sequence[RunHandle]) -> str:
    shown = ", ".join(handle.path.name for handle in runs[:_SHOWN])
    more = f", and {len(runs) - _SHOWN} more" if len(runs) > _SHOWN else ""
    return f"'{text}' names {len(runs)} runs: {shown}{more}"
