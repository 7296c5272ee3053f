"""What sides are called beside one another: a letter each, and what tells one from the others. Comparisons, pages and figures share it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gradlab.config.text import clean_line, value_text
from gradlab.judgement.comparing.comparison import Changed, Comparison, Side, changed
from gradlab.report.words.table import Field, Table
from gradlab.report.words.values import counted
from gradlab.report.words.verdicts import badness

if TYPE_CHECKING:
    from gradlab.results.stored import StoredRun

_NAMES = ("name", "scheme", "source")
"""Last parts of fields whose values are names, which say what they are."""

_CLASSES = ("model.watched", "model.build", "data.build")
"""Fields whose values are dotted paths."""

_FEW = 3
"""Fields that a short name has, where they suffice."""

_ID = 6
"""Digits of an id that tell it from others."""


@dataclass(frozen=True)
class Own:
    """What a side is by itself.

    Attributes:
        name: What it goes by.
        seeds: Of its runs, those that have one.
        ids: Of its runs.
        place: The directory that holds them.
    """

    name: str
    seeds: tuple[int, ...]
    ids: tuple[str, ...]
    place: str


@dataclass(frozen=True)
class SideName:
    """What a side is called.

    Attributes:
        letter: In tables and pictures.
        name: Its own, in one line.
        differs: What is not the same on all sides, with its own value: fields of the config, short.
        apart: What tells it from sides of the same name, () where nothing must.
        few: The part of that which suffices, and no more than three fields where these do.
        alone: Whether `apart` tells it from all sides, which then have one name.
    """

    letter: str
    name: str
    differs: tuple[str, ...]
    apart: tuple[str, ...]
    few: tuple[str, ...]
    alone: bool

    @property
    def whole(self) -> str:
        """A name that tells it from all others by everything in which it differs from its namesakes."""
        return self._with(self.apart)

    @property
    def short(self) -> str:
        """The same by as little as suffices."""
        return self._with(self.few)

    @property
    def told(self) -> str:
        """What tells it from its namesakes, with how much more does; "" where nothing must."""
        more = len(self.apart) - len(self.few)
        return ", ".join(self.few) + (f" and {more} more" if more > 0 else "")

    def _with(self, words: Sequence[str]) -> str:
        said = ", ".join(words)
        return said if self.alone and said else f"{self.name}: {said}" if said else self.name


def letters(number: int) -> list[str]:
    """A short name for each side: A to Z, then AA and on.

    >>> letters(3), letters(28)[-2:]
    (['A', 'B', 'C'], ['AA', 'AB'])
    """
    return [(chr(64 + place // 26) if place >= 26 else "") + chr(65 + place % 26) for place in range(number)]


def named(comparison: Comparison) -> tuple[SideName, ...]:
    """What the sides of a comparison are called."""
    return side_names([own_of(side) for side in comparison.sides], comparison.config)


def own_of(side: Side) -> Own:
    """What a side of a comparison is by itself."""
    return Own(side.name or side.label, side.seeds, side.ids, side.place)


def own_of_runs(runs: "Sequence[StoredRun]") -> Own:
    """What runs that differ in nothing but their seed are by themselves."""
    seeds = tuple(run.seed for run in runs if run.seed is not None)
    return Own(runs[0].name, seeds, tuple(run.id for run in runs), str(runs[0].path.parent))


def names_of_groups(groups: "Sequence[Sequence[StoredRun]]") -> tuple[SideName, ...]:
    """What groups of runs are called that differ in nothing but their seed; each has a run at least."""
    return side_names([own_of_runs(group) for group in groups], changed([group[0].experiment for group in groups]))


def telling_setting(groups: "Sequence[Sequence[StoredRun]]") -> str:
    """A condition that holds for some of these groups and not for all, by what most sets them apart; "" where nothing does.

    Names and words stand as they are, and a text of other letters gives none.
    """
    for item in _trained_apart(groups):
        value, field = item.values[-1], _named_whole(item.field)
        if isinstance(value, int | float) or (isinstance(value, str) and re.fullmatch(r"\w+", value)):
            return f"{field} == {value_text(value)}"
    return ""


def varied_fields(groups: "Sequence[Sequence[StoredRun]]") -> tuple[str, ...]:
    """The config fields by which groups can be told apart, as conditions name them; what only follows another is left out."""
    return tuple(_named_whole(item.field) for item in _trained_apart(groups))


def _trained_apart(groups: "Sequence[Sequence[StoredRun]]") -> list[Changed]:
    """Fields that suffice to tell groups apart, of those that decide what is trained: how it is recorded does not."""
    config = changed([group[0].experiment for group in groups])
    return _telling([item for item in config if not item.field.startswith("record.")], range(len(groups)))


def _named_whole(field: str) -> str:
    """A field by the part that it names, where it is that part's name.

    >>> _named_whole("model.init.scheme"), _named_whole("model.init.gain")
    ('model.init', 'model.init.gain')
    """
    return re.sub(r"\.(name|scheme)$", "", field)


def side_names(sides: Sequence[Own], config: Sequence[Changed]) -> tuple[SideName, ...]:
    """What sides are called.

    Args:
        sides: What each is by itself.
        config: The fields that are not the same on all of them.
    """
    names = [clean_line(side.name) for side in sides]
    everywhere = [told_apart(config, place) for place in range(len(sides))]
    alike: dict[tuple[str, tuple[str, ...]], list[Own]] = {}
    for side, name, words in zip(sides, names, everywhere, strict=True):
        alike.setdefault((name, words), []).append(side)
    namesakes = {name: [place for place, other in enumerate(names) if other == name] for name in set(names)}
    fields = {name: _differing(config, places) for name, places in namesakes.items()}
    few = {name: _telling(fields[name], places) for name, places in namesakes.items()}
    found = []
    for place, (side, letter, name) in enumerate(zip(sides, letters(len(sides)), names, strict=True)):
        mark = _mark(side, alike[name, everywhere[place]])
        marks = () if not mark else (mark,)
        found.append(
            SideName(
                letter,
                name,
                differs=everywhere[place] + (() if mark == seeds_words(side.seeds) else marks),  # these stand beside it
                apart=told_apart(fields[name], place) + marks,
                few=told_apart(few[name], place) + marks,
                alone=len(namesakes) == 1,
            )
        )
    return tuple(found)


def _differing(config: Sequence[Changed], among: Sequence[int]) -> list[Changed]:
    """The fields that are not the same on some sides."""
    return [item for item in config if any(item.values[place] != item.values[among[0]] for place in among)]


def _telling(config: Sequence[Changed], among: Sequence[int]) -> list[Changed]:
    """Fields that suffice to tell sides apart, and the first ones beside them where these are fewer than three."""
    fields = {item.field: item for item in config}
    own = [
        item for item in config if len({repr(item.values[place]) for place in among}) > 1 and not _follows(item, fields)
    ]
    chosen: list[Changed] = []
    while (number := _classes(chosen, among)) < len(among):
        rest = [item for item in own if item not in chosen]
        best = max(rest, key=lambda item: _classes([*chosen, item], among), default=None)
        if best is None or _classes([*chosen, best], among) == number:
            break
        chosen.append(best)
    chosen += [item for item in own if item not in chosen][: max(0, _FEW - len(chosen))]
    return [item for item in own if item in chosen]


def _classes(config: Sequence[Changed], among: Sequence[int]) -> int:
    """How many of some sides can be told apart by some fields."""
    return len({repr([item.values[place] for item in config]) for place in among})


def _mark(side: Own, like: Sequence[Own]) -> str:
    """What tells sides apart that are named and configured alike: their seeds, else their place, else an id; "" where nothing does."""
    if len(like) < 2:
        return ""
    if len({other.seeds for other in like}) == len(like) and side.seeds:
        return seeds_words(side.seeds)
    if len({other.place for other in like}) == len(like):
        return f"in {clean_line(side.place)}"
    if len({other.ids for other in like}) == len(like) and side.ids:
        return side.ids[0][:_ID]
    return ""


def told_apart(config: Sequence[Changed], place: int) -> tuple[str, ...]:
    """What tells a side from others: its values of the fields that are not the same on all of them, as short as can be.

    Args:
        config: These fields.
        place: Which side it is.

    >>> config = [Changed("model.depth", (50, 20)), Changed("model.init.scheme", ("he", "xavier")), Changed("train.clip", (1.0, None))]
    >>> told_apart(config, 0), told_apart(config, 1), told_apart(config[2:], 1)
    (('depth 50', 'he', 'clip 1'), ('depth 20', 'xavier'), ('no clip',))
    """
    fields = {item.field: item for item in config}
    own = [item for item in config if not _follows(item, fields)]
    shorts = [_short(item.field) for item in own]
    words, missing = [], []
    for item, short in zip(own, shorts, strict=True):
        name = short if shorts.count(short) == 1 else item.field
        value, last = item.values[place], item.field.rpartition(".")[2]
        alone = last == "name" or [other.field.rpartition(".")[2] for other in own].count(last) == 1
        if value is None:
            missing.append(f"no {name}")
        elif isinstance(value, str) and (item.field in _CLASSES or (last in _NAMES and alone)):
            words.append(_said(item, place))
        else:
            words.append(f"{name} {_said(item, place)}")
    return tuple(words or missing)


def _follows(item: Changed, fields: dict[str, Changed]) -> bool:
    """Whether a field only repeats another: the readout's initialisation is the layers' own unless it is given."""
    source = fields.get(item.field.replace("readout_", ""))
    return item.field.startswith("model.readout_init.") and source is not None and source.values == item.values


def _short(field: str) -> str:
    """The part of a field's path that says most.

    >>> _short("train.lr"), _short("model.init.scheme"), _short("name")
    ('lr', 'init', 'name')
    """
    above, _, last = field.rpartition(".")
    return above.rpartition(".")[2] if last in _NAMES[:2] and above else last


def _said(item: Changed, place: int) -> str:
    value: Any = item.values[place]
    if item.field in _CLASSES and isinstance(value, str):
        return clean_line(class_names(list(item.values))[place] or "")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:,}" if item.field == "model.parameters" else str(value)
    return f"{value:g}" if isinstance(value, float) else clean_line(str(value))


def class_names(paths: list[Any]) -> list[Any]:
    """Classes without their modules, where that tells them apart as well.

    >>> class_names(["mine.nets.ResNet", "torch.nn.modules.container.Sequential", None]), class_names(["a.Net", "b.Net"])
    (['ResNet', 'Sequential', None], ['a.Net', 'b.Net'])
    """
    short = [path.rpartition(".")[2] if isinstance(path, str) else path for path in paths]
    return short if len(set(short)) == len(set(paths)) else paths


def seeds_words(seeds: Sequence[int]) -> str:
    """Seeds by number, in their order, neighbours as a range.

    >>> seeds_words([3]), seeds_words([4, 0, 1, 2]), seeds_words([0, 1, 2, 3, 7, 8]), seeds_words([])
    ('seed 3', 'seeds 0-2, 4', 'seeds 0-3, 7, 8', '')
    """
    ends: list[list[int]] = []
    for seed in sorted(set(seeds)):
        if ends and seed == ends[-1][1] + 1:
            ends[-1][1] = seed
        else:
            ends.append([seed, seed])
    parts = [
        f"{low}" if low == high else f"{low}, {high}" if high == low + 1 else f"{low}-{high}" for low, high in ends
    ]
    return "" if not parts else f"seed{'s' if len(set(seeds)) > 1 else ''} {', '.join(parts)}"


def whose_words(side: Side) -> str:
    """How many runs a side is: its seeds by number, or their count where they have none."""
    number = len(side.verdicts)
    if not side.seeds:
        return counted(number, "run") if number > 1 else ""
    return seeds_words(side.seeds)


def verdicts_words(side: Side) -> str:
    """What the runs of a side came to, the worst first, with how many of how many."""
    words = sorted(set(side.verdicts), key=badness)
    if len(side.verdicts) == 1:
        return words[0]
    return ", ".join(f"{word} {side.verdicts.count(word)}/{len(side.verdicts)}" for word in words)


def legend_table(comparison: Comparison) -> Table:
    """What the sides are: letter, name, what differs, seeds, verdict."""
    fields = (Field("side"), Field("name"), Field("differs"), Field("runs"), Field("verdict"))
    rows = (
        (one.letter, one.name, ", ".join(one.differs), whose_words(side), verdicts_words(side))
        for one, side in zip(named(comparison), comparison.sides, strict=True)
    )
    return Table(fields, tuple(rows))
