"""Configs in and out: a file or Python values, with overrides, to an experiment and the place of each value."""

import difflib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gradlab.config import regular_files
from gradlab.config.modules import AnyExperiment, Trainable
from gradlab.config.reading import yaml12
from gradlab.config.reading.faults import fitting, printable, reported, validate
from gradlab.config.reading.overrides import override
from gradlab.config.reading.spelled import understand
from gradlab.config.reading.tree import FILE, Tree, from_python, from_yaml
from gradlab.config.text import cut
from gradlab.errors import ConfigError, Fault


@dataclass(frozen=True)
class Document:
    """An experiment, and where its values came from."""

    experiment: Trainable
    tree: Tree = field(repr=False)

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know of how its values were understood, a line each."""
        return tuple(self.tree.notices)

    def place_of(self, path: str) -> str:
        """Where a field's value came from: `file:line:column` or `-s key=value`; for a default, what is around it."""
        return self.tree.place(tuple(path.split("."))).label

    def locate(self, error: ConfigError) -> ConfigError:
        """The same faults, each at the place in the config that caused it; their own places become part of their
        messages.

        What is found wrong after reading (a column that is not there) names a field but does not know its place.
        """
        return ConfigError(
            [
                replace(fault, place=self.place_of(fault.path), message=printable(f"{fault.message} ({fault.place})"))
                for fault in error.faults
            ]
        )


def read(path: str | os.PathLike[str], overrides: Iterable[str] | Mapping[str, Any] = ()) -> Trainable:
    """Read an experiment from a YAML file.

    Args:
        path: The file. Its stem is the experiment's name where it gives none; `data.path` is relative to its folder.
        overrides: Texts `key=value` (dotted keys, YAML values), or values by dotted key; the last one wins.

    Raises:
        ConfigError: With all that is wrong, each fault with its place.
    """
    return load(path, overrides).experiment


def load(
    path: str | os.PathLike[str], overrides: Iterable[str] | Mapping[str, Any] = (), trains: bool = True
) -> Document:
    """As `read`, with the places of the values; one that is not to be trained need not fit in memory."""
    path = Path(path)
    tree = from_file(path)
    understand(tree)
    override(tree, overrides)
    return _document(tree, name_of(path) or "experiment", folder_of(path), trains)


def from_mapping(
    config: Mapping[str, Any], overrides: Iterable[str] | Mapping[str, Any] = (), trains: bool = True
) -> Document:
    """An experiment from nested mappings, as a YAML file would give them.

    Args:
        config: The values; `data.path` is relative to the working directory.
        overrides: As for `read`.
        trains: Whether it is to be trained; else it need not fit in memory.

    Raises:
        ConfigError: With all that is wrong.
    """
    tree = from_python(config, "config")
    understand(tree)
    override(tree, overrides)
    return _document(tree, "experiment", Path(), trains)


def from_file(path: Path, layer: int = FILE, what: str = "an experiment") -> Tree:
    """The values of a file, not yet checked.

    Raises:
        ConfigError: If it cannot be read; what is wrong with its text is in the tree.
    """
    label = printable(str(path))
    return from_yaml(_bytes(path, label), label, layer, what)


def name_of(path: Path) -> str:
    """What a file's stem gives as a name, "" where nothing is left of it.

    >>> name_of(Path("a b(2).yaml"))
    'a_b_2_'
    """
    if regular_files.given_descriptor(path) is not None:
        return ""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", path.stem).lstrip(".-")[:100]


def folder_of(path: Path) -> Path:
    """The folder that relative paths in a file start from; of what comes through a pipe the working directory.

    >>> folder_of(Path("configs/net.yaml")).as_posix(), folder_of(Path("/dev/stdin")).as_posix()
    ('configs', '.')
    """
    return path.parent if regular_files.given_descriptor(path) is None else Path()


def absolute_data_path(tree: Tree, folder: Path) -> None:
    """Make the path of a data file absolute."""
    data = tree.data.get("data")
    if isinstance(data, dict) and isinstance(data.get("path"), str) and data["path"]:
        data["path"] = os.path.abspath(folder / data["path"])


def _bytes(path: Path, label: str) -> bytes:
    try:
        return regular_files.source(path, yaml12.MAX_BYTES + 1)
    except FileNotFoundError:
        leads = printable(os.readlink(path)) if path.is_symlink() else None
        reason = f"no such file{_near(path)}" if leads is None else f"is a link to {leads}, where there is nothing"
    except IsADirectoryError:
        reason = "is a directory; name a config in it"
    except OSError as error:
        reason = error.strerror or "cannot be read"
        reason = reason if reason.startswith("is ") else f"cannot be read: {reason}"
    except ValueError:
        reason = "cannot be read: not a path"
    raise ConfigError([Fault(cut(label, 1000), "", reason)])


_CONFIGS = "configs"
"""Folder beside which people call a config by its name, as they do its runs."""


def _near(path: Path) -> str:
    """The config beside a missing file, or of its name in the folder of configs, that may have been meant."""
    named = path.parent / _CONFIGS / f"{path.name.removesuffix('.yaml')}.yaml"
    try:
        if named.is_file():
            return f". Did you mean '{printable(str(named))}'?"
        beside = [entry.name for entry in os.scandir(path.parent) if entry.name.endswith((".yaml", ".yml"))]
    except (OSError, ValueError):
        return ""
    if f"{path.name}.yaml" in beside:
        near = [f"{path.name}.yaml"]
    else:
        stems = {Path(name).stem: name for name in beside}  # the endings are alike by themselves
        near = [stems[stem] for stem in difflib.get_close_matches(path.stem, stems, 1)]
    return f". Did you mean '{printable(str(path.parent / near[0]))}'?" if near else ""


def _document(tree: Tree, name: str, folder: Path, trains: bool) -> Document:
    tree.data.setdefault("name", name)
    absolute_data_path(tree, folder)
    experiment, problems = fitting(tree) if trains else validate(tree)
    if experiment is not None:
        return Document(experiment, tree)
    ordered = sorted(problems, key=lambda problem: (problem.place.order, str(problem.path)))
    raise ConfigError(list(dict.fromkeys(reported(problem) for problem in ordered)))


def dump(experiment: AnyExperiment) -> str:
    """An experiment as YAML that reads back to an equal one; what is None is left out.

    >>> from gradlab.config.experiment import Experiment, Model, Activation
    >>> dump(Experiment(model=Model(depth=2, width=8, activation=Activation(name="relu")))).splitlines()[:5]
    ['name: experiment', 'seed: 0', 'model:', '  depth: 2', '  width: 8']
    """
    return "".join(f"{line}\n" for line in _lines(experiment.model_dump(mode="json"), ""))


def _lines(values: Mapping[str, Any], indent: str) -> Iterable[str]:
    for key, value in values.items():
        if isinstance(value, Mapping) and key == "args":  # whole: a null in it is a value, and nothing is nothing
            yield f"{indent}{key}: {flow(value)}"
        elif isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from _lines(value, f"{indent}  ")
        elif isinstance(value, list) and value:
            yield f"{indent}{key}:"
            yield from (f"{indent}  - {flow(item)}" for item in value)
        elif value is not None:
            yield f"{indent}{key}: {flow(value)}"


def flow(value: Any) -> str:
    """A value as YAML on one line; text is quoted unless it is a plain word.

    >>> flow({"scheme": "he", "gain": 1e-08}), flow(["a b", None, True])
    ('{scheme: he, gain: 1e-08}', '["a b", null, true]')
    """
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{flow(key)}: {flow(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if not isinstance(value, str):
        return json.dumps(value)
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./-]*", value) and isinstance(yaml12.resolve(value), str):
        return value
    # JSON's quoting is YAML's, but for what YAML does not take as it is.
    return "".join(
        character if character.isprintable() else f"\\U{ord(character):08x}"
        for character in json.dumps(value, ensure_ascii=False)
    )
