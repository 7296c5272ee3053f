"""What is wrong with a config's values, all of it at once, in words that say what would be right."""

import re
from math import isfinite
from typing import Any

from pydantic import ValidationError

from gradlab.config import catalogue, memory, spellings
from gradlab.config.experiment import Experiment
from gradlab.config.fields import Field, Part, child_of, field_at, fields, part_at, word_of
from gradlab.config.modules import GIVEN, OWN, ModuleExperiment, Trainable
from gradlab.config.namespace import ROOTS, OnOwnBatches, Root, is_known, keys_by_spelling, root_of
from gradlab.config.reading.overrides import is_dotted
from gradlab.config.reading.tree import Path, Place, Problem, Tree, copied, written
from gradlab.config.reading.yaml12 import resolve
from gradlab.config.suggestion import nearest, suggestion
from gradlab.config.text import cut, value_text
from gradlab.errors import Fault

# What takes the place of a required value that is missing or wrong, so that the rest can be looked at.
_BUILD = "a:b"
_STAND_INS: dict[Path, Any] = {
    ("model", "build"): _BUILD,
    ("data", "build"): _BUILD,
    ("model",): {"depth": 1, "width": 1, "activation": "identity"},
    ("model", "depth"): 1,
    ("model", "width"): 1,
    ("model", "activation"): "identity",
    ("model", "activation", "name"): "identity",
    ("model", "norm", "kind"): "layer",
    ("data", "path"): "-",
    ("data", "target"): "-",
}
_LIST_STAND_INS: dict[Path, Any] = {
    ("data", "image"): 1,
    ("expect",): "outcome == completed",
    ("record", "quantities"): "grad_norm",
    ("record", "jacobian_steps"): 0,
    ("record", "spectrum"): 1,
}
_OWN_WORDS: tuple[Path, ...] = (("model", "kind"), ("data", "source"))
"""Fields that take `module` beside the names of the catalogue."""

_MAX_ROUNDS = 200
_FEW_WORDS = 8


def validate(tree: Tree) -> tuple[Trainable | None, list[Problem]]:
    """Check a config's values.

    A validator reports its first fault and none around it, so what is at fault is replaced by something harmless and
    the rest is looked at again until nothing is left.

    Returns:
        The experiment, None where something is wrong, and all that is wrong.
    """
    problems = list(tree.problems)
    if () in tree.broken:
        return None, problems
    data = copied(tree.data) if tree.broken else tree.data
    blamed = set(tree.broken)
    meant: set[Path] = set()
    root = root_of(data)
    kind = Experiment if root is Experiment else ModuleExperiment
    for path in tree.broken:
        _mend(data, path)
    for _ in range(_MAX_ROUNDS):
        try:
            experiment = kind.model_validate(data)
        except ValidationError as error:
            data = copied(tree.data) if data is tree.data else data
            mended = False
            items = error.errors(include_url=False)
            # Where `widht` is unknown, `width` is not called missing beside it.
            meant |= {_meant(root, _subject(item)[0]) for item in items if item["type"] == "extra_forbidden"}
            for item in items:
                path, involved = _subject(item)
                if item["type"] == "missing" and path in meant:
                    blamed.add(path)
                if not any(_within(one, blamed) for one in (path, *involved)):
                    problems.append(_problem(tree, root, item, path, involved))
                blamed.add(path)
                mended |= _mend(data, path, unknown=item["type"] == "extra_forbidden")
            if not mended:
                break
        else:
            return (None if problems else experiment), problems
    return None, problems


def fitting(tree: Tree) -> tuple[Trainable | None, list[Problem]]:
    """As `validate`; a run that does not fit in memory is wrong too, as far as that is known."""
    experiment, problems = validate(tree)
    oversized = None if experiment is None else memory.refusal(experiment)
    if oversized is None:
        return experiment, problems
    path = tuple(oversized[0].split("."))
    return None, [Problem(tree.place(path), path, oversized[1])]


def reported(problem: Problem) -> Fault:
    """A problem as the user is told of it."""
    return Fault(problem.place.label, _dotted(problem.path), printable(problem.message))


def _dotted(path: tuple[str | int, ...]) -> str:
    """A path as it is written: `record.quantities[1]`."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{_key(key)}" if text else _key(key)
    return text


def _key(key: str) -> str:
    return key if re.fullmatch(r"[\w-]{1,60}", key) else repr(cut(key))


def printable(text: str) -> str:
    r"""A text without what would break its line or the terminal.

    >>> print(printable("two\nlines"))
    two\nlines
    """
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def _subject(item: Any) -> tuple[Path, tuple[Path, ...]]:
    """The path that an error is about, and the paths that it rests on."""
    location: Path = tuple(item["loc"])
    if location[1:2] in ((GIVEN,), (OWN,)):
        location = (location[0], *location[2:])
    if location[:2] == ("record", "quantities"):
        location = location[:2]  # the rest names members of a union
    context = item.get("ctx", {})
    named = context.get("field", "")
    involved = tuple((*location, *_keys(other)) for other in context.get("involved", ()))
    return (*location, *_keys(named)), involved


def _keys(named: str) -> Path:
    return tuple(int(key) if key.isdigit() else key for key in named.split(".")) if named else ()


def _within(path: Path, blamed: set[Path]) -> bool:
    return any(path[:length] in blamed for length in range(len(path) + 1))


def _mend(data: Any, path: Path, unknown: bool = False) -> bool:
    """Replace or drop the value at a path, the latter where its key is unknown; whether that changed anything."""
    around = data
    for key in path[:-1]:
        inner = around.get(key) if isinstance(around, dict) else None
        if not isinstance(inner, dict | list):  # not there, or a word that stands for a mapping
            inner = around[key] = {}
        around = inner
    last = path[-1]
    if isinstance(around, list):
        assert isinstance(last, int)
        stand_in = _LIST_STAND_INS.get(path[:-1])
        changed = around[last] != stand_in
        around[last] = stand_in
        return bool(changed)
    present = last in around
    if path in _STAND_INS and not unknown and not (present and path[0] == "data"):
        changed = not present or around[last] != _STAND_INS[path]
        around[last] = copied(_STAND_INS[path])
        return bool(changed)
    around.pop(last, None)
    return present


def _problem(tree: Tree, root: Root, item: Any, path: Path, involved: tuple[Path, ...]) -> Problem:
    unknown = item["type"] == "extra_forbidden"
    place = tree.place(path, key=unknown)
    # A fault between two fields belongs to the one that was set last: a sweep's against the file, an override against both.
    blamed = max((one for one in involved if one in tree.spots), key=lambda one: _layer(tree, one), default=path)
    if _layer(tree, blamed) > place.order[0]:
        place = tree.place(blamed)
    else:
        blamed = path
    bare = not unknown and path not in tree.spots and isinstance(tree.at(path[:-1]), str | int | float)
    message = _unknown_key(root, path, item["input"]) if unknown else _message(tree, root, item, path, bare)
    if bare:
        path = path[:-1]  # `activation: sigmod` is about model.activation, not about a name that nobody wrote
    return Problem(place, path, message, blamed)


def _layer(tree: Tree, path: Path) -> int:
    return tree.place(path).order[0]


def key_problem(key: str, place: Place) -> Problem | None:
    """Why nothing can be set at a dotted key in a config of any kind, None where something can."""
    if not is_dotted(key):
        return Problem(place, (), f"expected a dotted key, got {key!r:.60}")
    path = tuple(key.split("."))
    if any(is_known(root, path) for root in ROOTS):
        return None
    part: type[Part] | None = Experiment
    for length, step in enumerate(path, 1):
        if part is None:
            return Problem(place, path, f"{'.'.join(path[: length - 1])} has no keys of its own; set it whole")
        info = part.model_fields.get(step)
        if info is None:
            return Problem(place, path[:length], _unknown_key(Experiment, path[:length]))
        part = child_of(info)
    return None


def _unknown_key(root: Root, path: Path, value: object = True) -> str:
    """What an unknown key may have meant: one of another kind of experiment, one beside it, or one of the same name elsewhere."""
    if any(is_known(other, path) for other in ROOTS):
        return _of_another_kind(root, path)
    if path == ("model", "watched"):
        return "tells of a module that gradlab.watch recorded, in a loop of its own: it is not trained from a config"
    advised = spellings.key_advice(".".join(map(str, path[:-1])), str(path[-1]), value)
    if advised is not None:
        return f"unknown key: {advised}"
    meant = _meant(root, path)
    if meant == path:
        return f"unknown key (known here: {', '.join(_beside(root, path))})"
    if meant[:-1] == path[:-1]:
        return f"unknown key. Did you mean '{meant[-1]}'?"
    if len(meant) == 1:
        return f"unknown key: write {meant[0]}, beside model, data and train"
    return f"unknown key. Did you mean '{'.'.join(map(str, meant))}'?"


def _of_another_kind(root: Root, path: Path) -> str:
    """Why a key that is known elsewhere does not belong to a config with these fields."""
    if path[0] == "data" and root is OnOwnBatches:
        return f"belongs to data that gradlab loads, and source module brings its own batches: leave it out, or write data.args.{path[1]}"
    if path[0] == "data":
        return "belongs to data.source module, and the source is another: leave it out, or write source: module"
    if root is Experiment:
        return "belongs to model.kind module, and this network is another: leave it out, or write kind: module"
    return (
        f"belongs to networks that gradlab builds, and this one is of kind module: leave it out, or write model.args.{path[1]}, which "
        "goes to its build"
    )


def _meant(root: Root, path: Path) -> Path:
    """The field that an unknown key may have meant, the unknown path itself where none is near."""
    key = str(path[-1])
    near = nearest(key, _beside(root, path))
    if near is not None:
        return (*path[:-1], near)
    elsewhere = field_called(key, root)
    if elsewhere is None and len(path) == 1:  # a key of a part, misspelled and without its part
        bare = [name for part, name in keys_by_spelling() if not part]
        near = nearest(spellings.folded(key), bare)
        elsewhere = None if near is None else keys_by_spelling()[("", near)]
    return tuple(elsewhere.split(".")) if elsewhere is not None else path


def field_called(key: str, root: Root = Experiment) -> str | None:
    """The dotted path of a field, or of a part with fields of its own, by its last name or that of other libraries; None where none is.

    >>> field_called("epochs"), field_called("activation"), field_called("learning_rate"), field_called("colour")
    ('train.epochs', 'model.activation', 'train.lr', None)
    >>> field_called("seed")
    'seed'
    """
    known = next((one for one in fields(root) if one == key), None)
    known = known or next((one for one in fields(root) if one.endswith(f".{key}")), None)
    part = next((one for one in fields(root) if f".{key}." in one), None)
    if known is None and part is not None:
        known = part[: part.index(f".{key}.") + len(key) + 1]
    return spellings.key_meant_elsewhere(key) if known is None else known


def _beside(root: Root, path: Path) -> list[str]:
    part = part_at(root, path[:-1])
    return list(part.model_fields) if part is not None else []


def _message(tree: Tree, root: Root, item: Any, path: Path, bare: bool) -> str:
    """What is wrong with a value, and what would be right; a bare one stands for the part that its field belongs to."""
    kind, value = item["type"], item["input"]
    if kind == "fault":
        return str(item["ctx"]["reason"])
    field = field_at(root, ".".join(str(key) for key in path))
    if kind == "missing":
        words = [] if field is None else list(field.words)
        listed = f" (one of: {', '.join(words)})" if 0 < len(words) <= _FEW_WORDS else ""
        return f"missing, and it has no default{listed}"
    got = repr(cut(value)) if isinstance(value, str) else shown(tree, path, value)
    if kind == "string_pattern_mismatch":
        return f"expected letters, digits, '.', '_' or '-', beginning with a letter, a digit or '_', got {got}"
    if kind == "string_too_long":
        return f"expected at most {item['ctx']['max_length']} characters, got {len(value)}"
    if field is None:
        return f"expected {_expected_part(root, path)}, got {got}{_part_hint(root, path, value)}"
    part = part_at(root, path[:-1])
    absent = part.absent if part is not None and path[-1] == part.shorthand else None
    if kind == "literal_error" and isinstance(value, str):
        words = [*([absent] if bare and absent else []), *field.words, *(["module"] if path in _OWN_WORDS else [])]
        if value == "module" and path == ("data", "source"):
            return "source module goes with model.kind module, and this network is another"
        advised = spellings.advice(field.path, value) or _call_advice(field, value)
        near = suggestion(value, words, all_of_them=True) if advised is None else f": {advised}"
        return f"unknown name {got}{near}{'' if bare else _whole(path, absent, value)}"
    either = f"{absent}, " if bare and absent else ""
    hint = _whole(path, absent, value) or _hint(field, kind, value)
    return f"expected {either}{field.expected()}, got {got}{hint}"


def _call_advice(field: Field, value: str) -> str | None:
    """What to write in place of a name whose parameters stand without their names, as PyTorch takes them; None where it is none."""
    call = re.fullmatch(r"([\w.]{1,80})\((.{1,80})\)", value.strip())
    name = None if call is None else spellings.word_meant(field.path, call[1], field.words)
    entry = {**catalogue.ACTIVATIONS, **catalogue.OPTIMIZERS}.get(name) if isinstance(name, str) else None
    if call is None or entry is None:
        return None
    if not entry.parameters:
        return f"{name} has no parameters: write {name}"
    given = ", ".join(f"{key}={parameter.default:g}" for key, parameter in entry.parameters.items())
    return f"write parameters by their names, as in {name}({given})"


def _whole(path: Path, absent: str | None, value: Any) -> str:
    """That the word for no such part stands for the whole of it."""
    return f" (to have none write {path[-2]}: {absent})" if absent is not None and value == absent else ""


def _expected_part(root: Root, path: Path) -> str:
    part = part_at(root, path)
    if part is None:
        return "text"  # an item of a list
    keys = ", ".join(part.model_fields)
    word = {"name": "a name or ", "scheme": "a scheme or "}.get(part.shorthand or "", "")
    if part.absent is not None:
        bare = word_of(root, ".".join(map(str, path)))
        assert bare is not None
        word = f"{part.absent}, {', '.join(bare.words) if bare.form == 'word' else bare.expected()} or "
    return f"{word}a mapping (keys: {keys})"


def _part_hint(root: Root, path: Path, value: Any) -> str:
    part = part_at(root, path)
    if part is not None and part.absent is not None and isinstance(value, bool):
        if not value:
            return f" (write {part.absent})"
        return " (write 1)" if float in part.bare else ""
    return _null_hint(value) or (_several_hint(value) if part is not None and part.shorthand is not None else "")


def _hint(field: Field, kind: str, value: Any) -> str:
    if value is None:
        return _null_hint(value)
    if kind == "finite_number" or (field.form == "number or word" and isinstance(value, float) and not isfinite(value)):
        return ", which is not finite"
    if field.form == "whole number" and isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f" (write {int(value)})"
    if field.form == "list" and isinstance(value, str) and len(value) <= 100:
        return f" (write [{value!r}])"
    several = _several_hint(value) if field.form in ("number", "whole number", "number or word", "word") else ""
    if several or not isinstance(value, str):
        return several
    near = nearest(value, field.words) if field.form == "number or word" else None
    if near is not None:
        return f". Did you mean '{near}'?"
    if field.form in ("number", "whole number", "number or word") and re.fullmatch(r"[-+.0-9eExob]{1,40}", value):
        return " (a text: remove the quotes)" if isinstance(resolve(value), int | float) else ""
    if field.optional and value.lower() in ("none", "off", "no"):
        return " (leave the key out, or write null)"
    if field.form == "flag" and value.lower() in ("yes", "no", "on", "off"):
        return f" (write {'true' if value.lower() in ('yes', 'on') else 'false'})"
    return ""


def _several_hint(value: Any) -> str:
    """What to do with several values where one belongs."""
    listed = isinstance(value, list | tuple) and len(value) > 1
    typed = isinstance(value, str) and re.fullmatch(r"[-+.0-9eE]{1,40}(, ?[-+.0-9eE]{1,40})+", value[:1000]) is not None
    return " (several values are a sweep's grid; `gradlab new NAME --sweep` begins one)" if listed or typed else ""


def _null_hint(value: Any) -> str:
    return " (leave the key out for its default)" if value is None else ""


def shown(tree: Tree, path: Path, value: Any) -> str:
    """What stands at a path, in one short line."""
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return value_text(value)
    spot = tree.spots.get(path)
    return cut(spot.text if spot is not None and spot.text else written(value))
