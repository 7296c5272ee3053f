"""Other libraries' names in a config, put in its own words before anything is checked; each is told of once (`Tree.notices`)."""

import re
from collections.abc import Callable, Mapping

from gradlab.config import spellings
from gradlab.config.condition import ConditionError, in_own_words
from gradlab.config.expected import MOST_CONDITIONS, run_names
from gradlab.config.fields import field_at
from gradlab.config.namespace import ROOTS, argument_of, is_known, keys_by_spelling, part_named, word_named
from gradlab.config.reading import yaml12
from gradlab.config.reading.tree import Path, Problem, Spot, Tree
from gradlab.config.recording import quantity_meant
from gradlab.config.text import cut

_QUANTITIES = ("record", "quantities")
_SETTINGS = r"\s*\w{1,40}\s*=[^=,()]{1,40}(?:,\s*\w{1,40}\s*=[^=,()]{1,40}){0,9}"
_CALL = re.compile(rf"(?P<name>[\w.]{{1,80}})(?:\((?P<inside>{_SETTINGS})\)|:(?P<behind>{_SETTINGS}))")


def understand(tree: Tree, at: Path = (), means: tuple[str, ...] = ()) -> None:
    """Put the names of what stands at a path into a config's own words, in place.

    Args:
        tree: What is read.
        at: Where it stands in the tree.
        means: Which field or part of an experiment it is.
    """
    value = tree.at(at)
    if isinstance(value, str):
        _word(tree, at, means, value)
    elif means == ("expect",):
        understand_conditions(tree, at)
    elif means == _QUANTITIES and isinstance(value, list):
        for index, name in enumerate(value):
            if isinstance(name, str):
                _word(tree, (*at, index), means, name)
    elif isinstance(value, dict) and not argument_of((*means, "")) and part_named(means) is not None:
        for key in list(value):
            if key not in value:  # moved away
                continue
            own = key_path((*means, key))
            if own != (*means, key):
                if not _renamed(tree, (*at, key), means, own):
                    continue
                key = own[-1]
                if own[:-1] != means:
                    understand(tree, own, own)
                    continue
            understand(tree, (*at, key), (*means, key))


def _of_a_run(text: str) -> tuple[str, tuple[str, ...]]:
    return in_own_words(text, run_names())


def understand_conditions(tree: Tree, at: Path, read: Callable[[str], tuple[str, tuple[str, ...]]] = _of_a_run) -> None:
    """Put the conditions in a list into a config's own words, in place; one that cannot be read is left for where it is judged.

    Args:
        tree: What is read.
        at: Where the list stands.
        read: A condition in own words, and what is said of it; by default one on a run.
    """
    listed = tree.at(at)
    if not isinstance(listed, list) or len(listed) > MOST_CONDITIONS:  # which is refused
        return
    for index, text in enumerate(listed):
        if not isinstance(text, str):
            continue
        try:
            own, told = read(text)
        except ConditionError:
            continue
        if told:
            listed[index] = own
            spot = tree.spots[(*at, index)]
            tree.spots[(*at, index)] = Spot(spot.key, spot.value, own)
            tree.notices.update(dict.fromkeys(f"{spot.value.label}: {line}" for line in told))


def key_path(path: tuple[str, ...]) -> tuple[str, ...]:
    """The path that a path means: itself, where it is known or nothing else is."""
    for length in range(1, len(path) + 1):
        step = path[:length]
        if any(is_known(root, step) for root in ROOTS):
            continue
        part, key = ".".join(step[:-1]), step[-1]
        meant = keys_by_spelling().get((part, spellings.folded(key))) or spellings.key_meant(part, key)
        if meant is None and not part:
            meant = spellings.key_meant_at_root(key)
        return path if meant is None else key_path((*meant.split("."), *path[length:]))
    return path


def key_notice(typed: str, meant: str) -> str:
    """What is said of a key that is understood."""
    more = " (hidden layers, the readout not counted)" if meant == "model.depth" else ""
    return f"{cut(typed)} is understood as {meant}{more}"


def _renamed(tree: Tree, path: Path, means: tuple[str, ...], own: tuple[str, ...]) -> bool:
    """Give a value the key that is meant; whether it could be, which is reported where not."""
    inside = own[:-1] == means
    if not inside and (path[:-1] != means or not isinstance(_part(tree, own[:-1]), dict)):
        return False  # what belongs elsewhere in a config cannot be set from a part alone
    typed = ".".join((*means, str(path[-1])))
    return rename(tree, path, (*path[:-1], own[-1]) if inside else own, key_notice(typed, ".".join(own)))


def rename(tree: Tree, path: Path, target: Path, notice: str) -> bool:
    """Move a value to where its key means; whether it could be, which is reported where something is there already.

    Args:
        tree: What is read.
        path: Where the value stands.
        target: Where it belongs, in a mapping that is there.
        notice: What to say of it, without its place.
    """
    place, around, goal = tree.place(path, key=True), tree.at(path[:-1]), tree.at(target[:-1])
    if target[-1] in goal:
        del around[path[-1]]
        _move(tree, path, None)
        meant = target[-1] if goal is around else ".".join(map(str, target))
        said = f"is {meant}, which is given already; leave one of the two out"
        tree.problems.append(Problem(place, path, said))
        return False
    if goal is around:
        items = [(target[-1] if key == path[-1] else key, value) for key, value in around.items()]
        around.clear()
        around.update(items)
    else:
        goal[target[-1]] = around.pop(path[-1])
    _move(tree, path, target)
    tree.notices[f"{place.label}: {notice}"] = None
    return True


def _part(tree: Tree, path: tuple[str, ...]) -> object:
    """The mapping at a path, made where nothing is there."""
    around = tree.data
    for length, step in enumerate(path, 1):
        if step not in around:
            around[step] = {}
            tree.spots[path[:length]] = Spot(tree.start, tree.start)
        if not isinstance(around[step], dict):
            return None
        around = around[step]
    return around


def _move(tree: Tree, path: Path, target: Path | None) -> None:
    """Let what is known of a value go with it, or be forgotten."""
    for known in [known for known in tree.spots if known[: len(path)] == path]:
        spot = tree.spots.pop(known)
        if target is not None:
            tree.spots[(*target, *known[len(path) :])] = spot
    broken = {known for known in tree.broken if known[: len(path)] == path}
    tree.broken -= broken
    if target is not None:
        tree.broken |= {(*target, *known[len(path) :]) for known in broken}


def _word(tree: Tree, at: Path, means: tuple[str, ...], word: str) -> None:
    if not means:
        return
    key = ".".join(means)
    if means == _QUANTITIES:
        name = quantity_meant(word)
        if name is not None and name != word:
            spot = tree.spots[at]
            tree.at(at[:-1])[at[-1]] = name
            tree.spots[at] = Spot(spot.key, spot.value, name)
            _tell(tree, spot, key, word, name)
        return
    if _called(tree, at, means, word):
        return
    field = word_named(key) or next((one for root in ROOTS if (one := field_at(root, key)) is not None), None)
    if field is None or field.form not in ("word", "number or word") or not field.words or word in field.words:
        return
    part, own = part_named(means), part_named(means[:-1])
    if (part is not None and word == part.absent) or (
        own is not None and means[-1] == own.shorthand and word == own.absent
    ):
        return
    if word == "module" and key in ("model.kind", "data.source"):
        return
    absent = [] if part is None or part.absent is None else [part.absent]
    meant = spellings.word_meant(field.path, word, [*absent, *field.words])
    if meant is None:
        return
    spot = tree.spots[at]
    around = tree.at(at[:-1])
    if isinstance(meant, str):
        around[at[-1]] = meant
        tree.spots[at] = Spot(spot.key, spot.value, meant)
    elif part is not None:
        around[at[-1]] = dict(meant)
        tree.spots[at] = Spot(spot.key, spot.value)
        tree.spots.update(((*at, name), Spot(spot.key, spot.value, value)) for name, value in meant.items())
    elif (
        len(at) > 1
        and at[-1] == means[-1]
        and all(around.get(name, value) == value for name, value in list(meant.items())[1:])
    ):
        for name, value in meant.items():
            around[name] = value
            tree.spots[(*at[:-1], name)] = Spot(spot.key, spot.value, value)
    else:
        return  # a word alone cannot say it, which is refused with what to write
    _tell(tree, spot, key, word, _told(field.path, meant))


def _called(tree: Tree, at: Path, means: tuple[str, ...], word: str) -> bool:
    """Whether a word is a name with its parameters, as in `leaky_relu(slope=0.2)` or `leaky_relu:slope=0.2`, which then stands as the
    mapping that it means.
    """
    part, found = part_named(means), _CALL.fullmatch(word.strip())
    if part is None or part.shorthand is None or found is None:
        return False
    spot, values = tree.spots[at], {part.shorthand: found["name"]}
    for setting in (found["inside"] or found["behind"]).split(","):
        name, _, value = map(str.strip, setting.partition("="))
        values[name] = yaml12.resolve(value)
        tree.spots[(*at, name)] = Spot(spot.key, spot.value, value)
    tree.spots[(*at, part.shorthand)] = Spot(spot.key, spot.value)
    tree.spots[at] = Spot(spot.key, spot.value)
    tree.at(at[:-1])[at[-1]] = values
    _tell(tree, spot, ".".join(means), word, spellings.written({name: str(value) for name, value in values.items()}))
    understand(tree, at, means)
    return True


def _tell(tree: Tree, spot: Spot, key: str, word: str, meant: str) -> None:
    typed = f"{spot.value.label}: " if "=" not in spot.value.label else ""
    tree.notices[f"{typed}{key}: {cut(word)} is understood as {meant}"] = None


def _told(field: str, meant: spellings.Meaning) -> str:
    """A meaning in words, with the parameters that its defaults fill in where libraries differ in them."""
    if field == "model.activation.name" and meant == "leaky_relu":
        return "leaky_relu (slope 0.01 unless slope is given)"
    if isinstance(meant, Mapping):
        return spellings.written(meant)
    return meant
