"""JSON Schema of a config, for editors: names, ranges, defaults and what each field is for."""

from collections.abc import Mapping
from typing import Any

from gradlab.spec import catalogue
from gradlab.spec.experiment import NAME_PATTERN, Experiment
from gradlab.spec.fields import Field, Part, child_of, fields

Schema = dict[str, Any]

# Where the words of a field are explained.
_EXPLAINED: Mapping[str, Mapping[str, catalogue.Entry]] = {
    "model.activation.name": catalogue.ACTIVATIONS,
    "model.init.scheme": catalogue.SCHEMES,
    "model.init.distribution": catalogue.DISTRIBUTIONS,
    "model.readout_init.scheme": catalogue.SCHEMES,
    "model.readout_init.distribution": catalogue.DISTRIBUTIONS,
    "data.source": catalogue.SOURCES,
    "train.optimizer.name": catalogue.OPTIMIZERS,
    "train.schedule": catalogue.SCHEDULES,
    "train.loss": catalogue.LOSSES,
    "train.dtype": catalogue.DTYPES,
}


def schema() -> Schema:
    """The schema, draft 7, which every editor knows.

    It is as strict as a schema can be; what depends on several fields at once is left to reading the config.
    """
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "gradlab experiment",
        **_part(Experiment, ""),
    }


def _part(part: type[Part], path: str) -> Schema:
    """Schema of a mapping, or of the word that stands for it."""
    leaves = fields(Experiment)
    properties: dict[str, Schema] = {}
    for key, info in part.model_fields.items():
        below = f"{path}.{key}" if path else key
        child = child_of(info)
        properties[key] = _leaf(leaves[below]) if child is None else _part(child, below)
        if child is not None and info.default is None:
            properties[key]["anyOf"].append({"type": "null"})
    whole: Schema = {
        "description": (part.__doc__ or "").strip(),
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
    required = [key for key, info in part.model_fields.items() if info.is_required()]
    if required:
        whole["required"] = required
    if part.shorthand is None:
        return whole
    word = leaves[f"{path}.{part.shorthand}"]
    return {"description": whole.pop("description"), "anyOf": [_words(word), whole]}


def _leaf(field: Field) -> Schema:
    """Schema of a field without fields of its own."""
    match field.form:
        case "flag":
            made: Schema = {"type": "boolean"}
        case "list":
            made = {"type": "array", "items": {"type": "string"}}
        case "words":
            names = {"enum": [*catalogue.QUANTITIES, *catalogue.quantities()]}
            made = {"anyOf": [names, {"type": "array", "items": names}]}
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
    """Schema of a word, each with what it stands for."""
    entries = _EXPLAINED[field.path]
    return {"anyOf": [{"const": word, "description": entries[word].about} for word in field.words]}


def _range(field: Field) -> Schema:
    """Limits of a number."""
    limits: Schema = {}
    if field.low is not None:
        limits["exclusiveMinimum" if field.open_low else "minimum"] = field.low
    if field.high is not None:
        limits["exclusiveMaximum" if field.open_high else "maximum"] = field.high
    return limits
