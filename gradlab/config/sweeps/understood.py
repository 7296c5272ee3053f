"""Other libraries' names in a sweep's file, put in a config's own words before its sections are read."""

from collections.abc import Iterator

from gradlab.config.reading.overrides import is_dotted
from gradlab.config.reading.spelled import key_notice, key_path, rename, understand, understand_conditions
from gradlab.config.reading.tree import Path, Tree
from gradlab.config.sweeps.gates import gate_in_own_words


def understand_sweep(tree: Tree) -> None:
    """Put the dotted keys that a sweep sets, their values, and its conditions into a config's own words, in place."""
    understand_conditions(tree, ("expect",))
    understand_conditions(tree, ("gates",), gate_in_own_words)
    for path, listed in _mappings(tree):
        held = tree.at(path)
        if isinstance(held, dict):
            for key in list(held):
                _understand(tree, path, key, listed)


def _mappings(tree: Tree) -> Iterator[tuple[Path, bool]]:
    """Paths of the mappings of dotted keys, each with whether a key has a list of values there."""
    yield ("grid",), True
    zipped = tree.data.get("zip")
    yield from (
        [(("zip", index), True) for index in range(len(zipped))] if isinstance(zipped, list) else [(("zip",), True)]
    )
    yield ("random", "space"), True
    for section in ("exclude", "include"):
        entries = tree.data.get(section)
        if isinstance(entries, list):
            yield from (((section, index), section == "exclude") for index in range(len(entries)))


def _understand(tree: Tree, path: Path, key: str, listed: bool) -> None:
    typed = tuple(key.split("."))
    own = key_path(typed) if is_dotted(key) else typed
    if own != typed and not rename(tree, (*path, key), (*path, ".".join(own)), key_notice(key, ".".join(own))):
        return
    at: Path = (*path, ".".join(own))
    value = tree.at(at)
    if listed and isinstance(value, dict) and path == ("random", "space") and isinstance(value.get("choice"), list):
        at, value = (*at, "choice"), value["choice"]
    if listed and isinstance(value, list):
        for index in range(len(value)):
            understand(tree, (*at, index), own)
    elif not (listed and path == ("random", "space")):
        understand(tree, at, own)
