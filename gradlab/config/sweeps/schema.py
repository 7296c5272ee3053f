"""JSON Schema of a config and of a sweep, for editors: names, ranges, defaults and what each field is for."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gradlab.config.experiment import NAME_PATTERN, Experiment
from gradlab.config.fields import Field, Part, child_of, field_at, part_at, word_of
from gradlab.config.modules import BUILD, Module, ModuleData
from gradlab.config.namespace import ROOTS
from gradlab.config.quantities import GROUPS, LAYER_NAMES
from gradlab.config.sweeps import draws
from gradlab.config.sweeps.axes import RANDOM_KEYS
from gradlab.config.sweeps.bases import BASE_KEYS
from gradlab.config.sweeps.file_kind import SOURCES
from gradlab.config.sweeps.keys import KEYS

Schema = dict[str, Any]


def schema() -> Schema:
    """The schema, draft 7, which every editor knows.

    It is as strict as a schema can be; what depends on several fields at once is left to reading the config.
    """
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "gradlab experiment",
        **_part(Experiment, ""),
    }


def sweep_schema() -> Schema:
    """The schema of a sweep, draft 7: dotted keys with the values that their fields take.

    What depends on several values at once, such as lists of equal lengths, is left to reading the sweep.
    """
    lists, values = {"$ref": "#/definitions/lists"}, {"$ref": "#/definitions/values"}
    path = {"type": "string", "minLength": 1}
    sections: dict[str, Schema] = {
        "name": {"type": "string", "pattern": NAME_PATTERN, "maxLength": 100},
        "base": path,
        "bases": _several({"anyOf": [path, _object(BASE_KEYS, {"base": path, "seeds": _seeds()})]}),
        "experiment": _part(Experiment, "", varied=True),
        "seeds": _seeds(),
        "grid": {"allOf": [lists]},
        "zip": {"anyOf": [lists, _several(lists)]},
        "random": _random(),
        "exclude": _several(_by_key(lambda value: {"anyOf": [value, _several(value)]})),
        "include": _several(values),
        "expect": _several({"type": "string"}),
        "gates": _several({"type": "string"}),
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "gradlab sweep",
        "type": "object",
        "additionalProperties": False,
        "properties": {key: {**sections[key], "description": about} for key, about in KEYS.items()},
        "oneOf": [{"required": [source]} for source in SOURCES],
        "definitions": {
            "lists": _by_key(_several),
            "values": _by_key(lambda value: value),
            "span": _span(),
            **{key: _value(key, varied=True) for key in _all_keys()},
        },
    }


_WORDS: Mapping[str, str] = {"model.kind": "network of one's own", "data.source": "batches of one's own"}
"""Fields that take `module` too where a sweep varies them."""

_ARGUMENT = r"^(model|data)\.args\.[^.]+"
"""Below the arguments of one's own function every name may stand, with whatever value."""

_OWN: Mapping[str, tuple[str, type[Part]]] = {"model": ("kind", Module), "data": ("source", ModuleData)}
"""Parts that may be one's own: the key that says so by `module`, and what there is then."""


def _all_keys() -> list[str]:
    """The dotted keys that something can be set at in an experiment of some kind."""
    return list(dict.fromkeys(key for root in ROOTS for key in _keys(root)))


def _keys(part: type[Part], prefix: str = "") -> list[str]:
    """The dotted keys that something can be set at: fields and parts."""
    found = []
    for key, info in part.model_fields.items():
        child = child_of(info)
        found += [f"{prefix}{key}"] + (_keys(child, f"{prefix}{key}.") if child is not None else [])
    return found


def _by_key(values: Callable[[Schema], Schema]) -> Schema:
    properties = {key: values({"$ref": f"#/definitions/{key}"}) for key in _all_keys()}
    return {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": properties,
        "patternProperties": {_ARGUMENT: values({})},
    }


def _several(item: Schema) -> Schema:
    """Schema of a list of at least one item."""
    return {"type": "array", "minItems": 1, "items": item}


def _seed() -> Schema:
    return {"type": "integer", "minimum": 0}


def _seeds() -> Schema:
    return {"anyOf": [_seed(), {"type": "string", "pattern": "^[-0-9, ]+$"}, _several(_seed())]}


def _object(required: Sequence[str], properties: Schema) -> Schema:
    """Schema of a mapping that has no other keys than these."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": properties,
    }


def _random() -> Schema:
    def distribution(value: Schema) -> Schema:
        choice = _one_key("choice", _several(value))
        return {"anyOf": [{"$ref": "#/definitions/span"}, choice, _several(value)]}

    described = {
        "n": {"type": "integer", "minimum": 1, "description": "how many draws"},
        "seed": {**_seed(), "default": 0, "description": "seed of the draws"},
        "space": {**_by_key(distribution), "description": "distributions by dotted key"},
    }
    return _object(("n", "space"), {key: described[key] for key in RANDOM_KEYS})


def _span() -> Schema:
    spans = []
    for kind in draws.KINDS:
        if kind != "choice":
            number = {"type": "integer" if kind == "integer" else "number"}
            spans.append(_one_key(kind, {"type": "array", "minItems": 2, "maxItems": 2, "items": number}))
    return {"anyOf": spans}


def _one_key(kind: draws.Kind, value: Schema) -> Schema:
    return _object((kind,), {kind: {"description": draws.KINDS[kind], **value}})


def _part(part: type[Part], path: str, varied: bool = False) -> Schema:
    """Schema of a mapping, or of the word that stands for it; of one that a sweep varies, by reference to its keys."""
    properties: dict[str, Schema] = {}
    for key in part.model_fields:
        below = f"{path}.{key}" if path else key
        properties[key] = {"$ref": f"#/definitions/{below}"} if varied else _value(below, part=part)
    whole: Schema = {
        "description": (part.__doc__ or "").partition("\n\n")[0].strip(),
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
    required = [key for key, info in part.model_fields.items() if info.is_required()]
    # What the experiment of a sweep leaves out may be given by its grid.
    if required and not (varied and part.shorthand is None):
        whole["required"] = required
    if part.shorthand is None:
        return whole
    word = word_of(Experiment, path)
    assert word is not None
    bare = [_words(word)] if part.bare == (str,) else [{"type": "number", **_range(word)}, *_words(word)["anyOf"]]
    if part.absent is not None:
        bare.append({"const": part.absent, "description": f"no {path.rpartition('.')[2]}"})
    return {"description": whole.pop("description"), "anyOf": [*bare, whole]}


def _value(key: str, varied: bool = False, part: type[Part] | None = None) -> Schema:
    """Schema of what stands at a dotted key: as in `part`, or where that is None in whatever kind of experiment has it."""
    path = tuple(key.split("."))
    roots = [root for root in ROOTS if path[-1] in _fields_of(root, path[:-1])]
    own = [root for root in roots if part is None or part_at(root, path[:-1]) is part] or roots
    child, around = part_at(own[0], path), part_at(own[0], path[:-1])
    assert around is not None
    if child is None:
        leaf = field_at(own[0], key)
        assert leaf is not None
        made = _leaf(leaf)
        if part is None and key in _WORDS:
            made["anyOf"].append({"const": "module", "description": _WORDS[key]})
        return made
    made = _part(child, key, varied)
    if path[0] in _OWN and len(path) == 1:
        said, module = _OWN[path[0]]
        is_own = {"properties": {said: {"const": "module"}}, "required": [said]}
        return {"if": is_own, "then": _part(module, key, varied), "else": made}
    if around.model_fields[path[-1]].default is None:
        made["anyOf"].append({"type": "null"})
    return made


def _fields_of(root: type[Part], path: tuple[str, ...]) -> Mapping[str, Any]:
    part = part_at(root, path)
    return {} if part is None else part.model_fields


def _leaf(field: Field) -> Schema:
    match field.form:
        case "flag":
            made: Schema = {"type": "boolean"}
        case "arguments":
            made = {"type": "object"}
        case "list":
            made = {"type": "array", "items": {"type": "string"}}
        case "words":
            names = {"enum": [*GROUPS, *LAYER_NAMES]}
            made = {"anyOf": [names, {"type": "array", "items": names}]}
        case "whole numbers":
            number = {"type": "integer", **_range(field)}
            made = {"anyOf": [number, {"type": "array", "items": number}]}
        case "sizes":
            number = {"type": "integer", **_range(field)}
            made = {"type": "array", "minItems": 3, "maxItems": 3, "items": number}
        case "number or word":
            made = {"anyOf": [{"type": "number", **_range(field)}, *_words(field)["anyOf"]]}
        case "word":
            made = _words(field) if field.words else {"type": "string"}
        case "number" | "whole number":
            made = {"type": "number" if field.form == "number" else "integer", **_range(field)}
    if field.path == "name":
        made["pattern"] = NAME_PATTERN
    if field.optional:
        made = {"anyOf": [made, {"type": "null"}]}
    if field.path in ("model.build", "data.build"):
        made["pattern"] = f"^{BUILD}$"
    if field.default is not None:
        made["default"] = list(field.default) if isinstance(field.default, tuple) else field.default
    return {"description": field.about, **made}


def _words(field: Field) -> Schema:
    return {"anyOf": [{"const": word, "description": about} for word, about in field.words.items()]}


def _range(field: Field) -> Schema:
    limits: Schema = {}
    if field.low is not None:
        limits["exclusiveMinimum" if field.open_low else "minimum"] = field.low
    if field.high is not None:
        limits["exclusiveMaximum" if field.open_high else "maximum"] = field.high
    return limits
