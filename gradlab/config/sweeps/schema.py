"""JSON Schema of a config and of a sweep, for editors: names, ranges, defaults and what each field is for."""

from collections.abc import Callable, Sequence
from typing import Any

from gradlab.config.experiment import NAME_PATTERN, Experiment
from gradlab.config.fields import Field, Part, child_of, field_at, part_at, word_of
from gradlab.config.quantities import GROUPS, LAYER_NAMES
from gradlab.config.sweeps import draws
from gradlab.config.sweeps.axes import RANDOM_KEYS
from gradlab.config.sweeps.bases import BASE_KEYS, SOURCES
from gradlab.config.sweeps.sweep_file import KEYS

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
            **{key: _value(key, varied=True) for key in _keys(Experiment)},
        },
    }


def _keys(part: type[Part], prefix: str = "") -> list[str]:
    """The dotted keys that something can be set at: fields and parts."""
    found = []
    for key, info in part.model_fields.items():
        child = child_of(info)
        found += [f"{prefix}{key}"] + (_keys(child, f"{prefix}{key}.") if child is not None else [])
    return found


def _by_key(values: Callable[[Schema], Schema]) -> Schema:
    properties = {key: values({"$ref": f"#/definitions/{key}"}) for key in _keys(Experiment)}
    return {"type": "object", "minProperties": 1, "additionalProperties": False, "properties": properties}


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
        properties[key] = {"$ref": f"#/definitions/{below}"} if varied else _value(below)
    whole: Schema = {
        "description": (part.__doc__ or "").strip(),
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


def _value(key: str, varied: bool = False) -> Schema:
    path = tuple(key.split("."))
    part, around = part_at(Experiment, path), part_at(Experiment, path[:-1])
    assert around is not None
    if part is None:
        leaf = field_at(Experiment, key)
        assert leaf is not None
        return _leaf(leaf)
    made = _part(part, key, varied)
    if around.model_fields[path[-1]].default is None:
        made["anyOf"].append({"type": "null"})
    return made


def _leaf(field: Field) -> Schema:
    match field.form:
        case "flag":
            made: Schema = {"type": "boolean"}
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
