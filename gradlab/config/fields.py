"""What the fields of a config are, read off the models: form, range, default, mark, description.

Errors, the schema, the documentation and the names that a condition may use all come from here, so a new field cannot
be forgotten.
"""

import functools
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from gradlab.config.catalogue import SCALES, Entry
from gradlab.config.condition import Kind
from gradlab.config.text import flat

Form = Literal[
    "number", "whole number", "flag", "word", "number or word", "list", "words", "whole numbers", "sizes", "arguments"
]


class Mark(Enum):
    """What a field means for batching.

    A `SWITCH` is free, but whether it is on (neither 0 nor absent) is part of the shape: a step with weight decay or clipping computes
    what one without does not, and a run's bytes must not depend on what its neighbours need.
    """

    SHAPE = "shape"
    FREE = "free"
    SWITCH = "switch"
    LABEL = "label"


@dataclass(frozen=True)
class OneOf:
    """Mark of a field that takes a name of the catalogue; what it takes is read off the catalogue."""

    entries: Mapping[str, Entry]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        names = core_schema.literal_schema(list(self.entries))
        return core_schema.nullable_schema(names) if type(None) in _options(source) else names


@dataclass(frozen=True)
class NumberOr:
    """Mark of a field that takes a number above 0 (or 0 itself, where `zero` says so) or a name of the catalogue."""

    entries: Mapping[str, Entry]
    zero: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: Any) -> Any:
            if isinstance(value, str) and value in self.entries:
                return value
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if is_number and 0 <= value < float("inf") and (value > 0 or self.zero):
                return float(value)
            raise PydanticCustomError("number_or_word", "expected a number or a word")

        either = core_schema.no_info_plain_validator_function(read)
        return core_schema.nullable_schema(either) if type(None) in _options(source) else either


def _number_or(words: Mapping[str, Any], open_low: bool) -> str:
    return f"a number {'>' if open_low else '>='} 0 or {' or '.join(words)}"


class Part(BaseModel):
    """A frozen part of an experiment that knows no other keys than its fields.

    Attributes:
        shorthand: Key that a bare word stands for: `relu` means `{name: relu}`. None where there is no such form.
        bare: What may stand for the part without its keys: a word, or a number too.
        absent: The word that says that there is no such part, where it may be left out. None where there is none.
        folded: Whether the part was a field of its own before it had keys: the field that its word stands for keeps the part's path.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    shorthand: ClassVar[str | None] = None
    bare: ClassVar[tuple[type, ...]] = (str,)
    absent: ClassVar[str | None] = None
    folded: ClassVar[bool] = False

    @model_validator(mode="before")
    @classmethod
    def _from_a_word(cls, value: Any) -> Any:
        return cls.spelled_out(value)

    @classmethod
    def spelled_out(cls, value: Any) -> Any:
        """The mapping that a bare word or number stands for, None for the word that says that there is no such part;
        anything else as it is.
        """
        if cls.shorthand is None or not isinstance(value, cls.bare) or isinstance(value, bool):
            return value
        return None if value == cls.absent else {cls.shorthand: value}


@dataclass(frozen=True)
class Field:
    """A leaf field of a config.

    Attributes:
        form: `number`, `whole number`, `flag` (true or false), `word`, `list` (of text), `words` or `whole numbers` (one or a list),
            `sizes` (a list of three whole numbers), `arguments` (a mapping of names to values that only a function of the user's knows).
        words: What a word may be, and what each stands for; empty where it is free text.
        default: Value where the config gives none; None also where another field decides.
    """

    path: str
    form: Form
    words: Mapping[str, str]
    low: float | None
    high: float | None
    open_low: bool
    open_high: bool
    optional: bool
    required: bool
    default: Any
    mark: Mark
    about: str

    def expected(self) -> str:
        """What the field takes, in words.

        >>> from gradlab.config.experiment import Experiment
        >>> fields(Experiment)["train.lr"].expected()
        'a number > 0'
        """
        match self.form:
            case "flag":
                return "true or false"
            case "list":
                return "a list"
            case "words":
                return "a group, a quantity or a list of them"
            case "whole numbers":
                return f"{span('a whole number', self.low, self.high, self.open_low, self.open_high)} or a list of them"
            case "number or word":
                return _number_or(self.words, self.open_low)
            case "arguments":
                return "a mapping of arguments by name"
            case "sizes":
                return f"[channels, height, width], three {span('whole numbers', self.low, self.high, self.open_low, self.open_high)}"
            case "word":
                return f"one of {', '.join(self.words)}" if self.words else "text"
        return span(f"a {self.form}", self.low, self.high, self.open_low, self.open_high)


def span(noun: str, low: float | None, high: float | None, open_low: bool, open_high: bool) -> str:
    """A range in words.

    >>> span("a number", 0, 1, True, False)
    'a number > 0 and <= 1'
    """
    limits = []
    if low is not None:
        limits.append(f"{'>' if open_low else '>='} {_number(low)}")
    if high is not None and high != float("inf"):
        limits.append(f"{'<' if open_high else '<='} {_number(high)}")
    return f"{noun} {' and '.join(limits)}".rstrip()


def _number(value: float) -> str:
    """A limit in words: 0, not 0.0."""
    return str(int(value)) if value == int(value) else str(value)


def fault(field: str, reason: str, *involved: str) -> PydanticCustomError:
    """An error of a field, for a validator of the part that its dotted path starts at; it rests on other fields too."""
    return PydanticCustomError("fault", "{reason}", {"reason": reason, "field": field, "involved": involved})


def fill(part: BaseModel, owner: str, entry: Entry, keys: Sequence[str]) -> None:
    """Give a part the parameters of its name; one that is foreign or out of range is a fault."""
    for key in keys:
        value, parameter = getattr(part, key), entry.parameters.get(key)
        if parameter is None:
            if value is not None:
                own = ", ".join(entry.parameters) or "none"
                raise fault(key, f"{owner} has no parameter '{key}' (its own: {own})", "name", "source")
        elif value is None:
            object.__setattr__(part, key, parameter.default)
        elif not parameter.allows(value):
            limits = (parameter.low, parameter.high, parameter.open_low, parameter.open_high)
            raise fault(key, f"expected {span('a number', *limits)}, got {value:g}", "name", "source")


LARGEST = 3.4028234663852886e38
"""Largest number of float32, in which weights, biases and activations are computed."""


def refuse_beyond_float32(part: BaseModel, *keys: str) -> None:
    """Refuse a number that float32 does not hold: no weight could start from it, no signal be multiplied by it."""
    for key in keys:
        value = getattr(part, key)
        if isinstance(value, float) and abs(value) > LARGEST:
            raise fault(key, f"expected a number that float32 holds, at most {LARGEST:.6g}, got {value:g}")


@functools.cache
def fields(part: type[BaseModel], prefix: str = "") -> Mapping[str, Field]:
    """All leaf fields below a model, by dotted path.

    Raises:
        TypeError: If a leaf field carries no mark.
    """
    found: dict[str, Field] = {}
    for key, info in part.model_fields.items():
        child = child_of(info)
        if child is None:
            found[f"{prefix}{key}"] = _leaf(f"{prefix}{key}", info)
        elif child.folded and child.shorthand is not None:
            below = dict(fields(child, f"{prefix}{key}."))
            own = below.pop(f"{prefix}{key}.{child.shorthand}")
            found |= {f"{prefix}{key}": replace(own, path=f"{prefix}{key}"), **below}
        else:
            found |= fields(child, f"{prefix}{key}.")
    return found


def marked(part: Part, prefix: str = "") -> Mapping[Mark, dict[str, Any]]:
    """The leaf fields that a part has, by mark and by dotted path."""
    values = flat(part.model_dump(mode="json"), prefix)
    found: dict[Mark, dict[str, Any]] = {mark: {} for mark in Mark}
    for path, field in fields(type(part), prefix).items():
        if path in values:
            found[field.mark][path] = values[path]
    return found


@functools.lru_cache(maxsize=1024)
def batched(part: Part, name: str) -> Mapping[str, Any]:
    """What of an experiment's part must be equal inside a batch, by dotted path: fields marked SHAPE, of a SWITCH whether it is on.

    Members of a sweep have many an equal part.
    """
    found = marked(part, f"{name}.")
    return found[Mark.SHAPE] | {path: bool(value) for path, value in found[Mark.SWITCH].items()}


def field_at(root: type[Part], path: str) -> Field | None:
    """The leaf field that is set at a path, None where there is none; that of a folded part goes by two."""
    found, above = fields(root).get(path), path.rpartition(".")
    if found is None:
        part = part_at(root, tuple(above[0].split(".")))
        if part is not None and part.folded and part.shorthand == above[2]:
            return fields(root).get(above[0])
    return found


def word_of(root: type[Part], path: str) -> Field | None:
    """The leaf field that a bare word at a path sets: the field there, or the one that the part's shorthand stands for."""
    known, part = fields(root), part_at(root, tuple(path.split(".")))
    return known.get(path if part is None or part.shorthand is None or part.folded else f"{path}.{part.shorthand}")


def child_of(info: FieldInfo) -> type[Part] | None:
    """The part that a field holds, the first where it may be one of several; None for a leaf."""
    for option in _options(info.annotation):
        candidate = get_args(option)[0] if get_origin(option) is Annotated else option
        if isinstance(candidate, type) and issubclass(candidate, Part):
            return candidate
    return None


@functools.cache
def part_at(root: type[BaseModel], path: tuple[str | int, ...]) -> type[Part] | None:
    """The part at a path, None where there is none."""
    part: type[BaseModel] | None = root
    for key in path:
        info = part.model_fields.get(str(key)) if part is not None else None
        part = child_of(info) if info is not None else None
    return part if part is not None and issubclass(part, Part) else None


def condition_names(part: type[BaseModel]) -> dict[str, Kind]:
    """What a condition may call the fields below a model; a part with a shorthand goes by its own name too."""
    named: dict[str, Kind] = {}
    for path, field in fields(part).items():
        match field.form:
            case "number" | "whole number":
                named[path] = Kind("number")
            case "flag":
                named[path] = Kind("flag")
            case "word":
                named[path] = Kind("word", tuple(field.words))
            case "number or word":
                named[path] = Kind("number or word", tuple(field.words), field.words.keys() <= SCALES.keys())
            case "arguments":
                named[path] = Kind("arguments")
    for path in _shorthands(part):
        above, child = path.rpartition(".")[0], part_at(part, tuple(path.split(".")[:-1]))
        absent = () if child is None or child.absent is None else (child.absent,)
        named[above] = replace(named[path], words=(*named[path].words, *absent))
    return named


def _shorthands(part: type[BaseModel], prefix: str = "") -> list[str]:
    """Paths of the leaf fields that a bare word stands for."""
    found = []
    for key, info in part.model_fields.items():
        child = child_of(info)
        if child is not None:
            if child.shorthand is not None and not child.folded:
                found.append(f"{prefix}{key}.{child.shorthand}")
            found += _shorthands(child, f"{prefix}{key}.")
    return found


def _options(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the annotation itself."""
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _leaf(path: str, info: FieldInfo) -> Field:
    mark = next((item for item in info.metadata if isinstance(item, Mark)), None)
    if mark is None:
        raise TypeError(f"field {path} carries no mark")
    options = _options(info.annotation)
    own = [option for option in options if option is not type(None)]
    limits: dict[str, Any] = {"low": None, "high": None, "open_low": False, "open_high": False}
    words: Mapping[str, str] = (
        dict.fromkeys(get_args(own[0]), info.description or "") if get_origin(own[0]) is Literal else {}
    )
    for item in (*info.metadata, *_item_metadata(own[0])):
        match item:
            case OneOf(entries):
                words = {name: entry.about for name, entry in entries.items()}
            case NumberOr(entries, zero):
                words = {name: entry.about for name, entry in entries.items()}
                limits |= {"low": 0, "open_low": not zero}
            case Ge(value):
                limits |= {"low": value}
            case Gt(value):
                limits |= {"low": value, "open_low": True}
            case Le(value):
                limits |= {"high": value}
            case Lt(value):
                limits |= {"high": value, "open_high": True}
    return Field(
        path=path,
        form=_form(own),
        words=words,
        optional=type(None) in options,
        required=info.is_required(),
        default=None if info.is_required() else info.get_default(call_default_factory=True),
        mark=mark,
        about=info.description or "",
        **limits,
    )


def _item_metadata(annotation: Any) -> tuple[Any, ...]:
    """What is said of the items of a list of numbers."""
    item = get_args(annotation)[0] if get_origin(annotation) is tuple else None
    return get_args(item)[1:] if get_origin(item) is Annotated and get_args(item)[0] is int else ()


def _form(options: list[Any]) -> Form:
    if len(options) == 2:
        return "number or word" if options[0] is float else "words"
    option = options[0]
    if get_origin(option) is Annotated:
        option = get_args(option)[0]
    if get_origin(option) is tuple:
        if len(get_args(option)) == 3:
            return "sizes"
        return "whole numbers" if _item_metadata(option) else "list"
    if get_origin(option) is dict:
        return "arguments"
    if get_origin(option) is Literal:
        return "word"
    forms: Mapping[type, Form] = {bool: "flag", int: "whole number", float: "number", str: "word"}
    return forms[option]
