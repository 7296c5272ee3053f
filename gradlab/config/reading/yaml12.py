"""Strict YAML: the core schema of YAML 1.2 on PyYAML's parser, every value with its line and column.

PyYAML resolves by YAML 1.1 (`1e-3` is text, `no` is false), lets a repeated key win silently and knows tags that build
Python objects. Only its event stream is used here: values are resolved by the core schema's own patterns, and what a
config has no need for (tags beyond the core, merge keys, a second document, endless aliases) is a fault.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

from gradlab.config.text import one_line

MAX_BYTES = 1 << 19  # half a second to parse, two where it is made to be slow
MAX_NESTING = 20  # configs nest 3 deep
MAX_VALUES = 20_000  # with every alias counted as what it stands for
MAX_DIGITS = 400  # float64 ends at 309

Scalar = None | bool | int | float | str


@dataclass(frozen=True, order=True)
class Mark:
    """A place in the text, both from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Value:
    """A value as it was written.

    Attributes:
        mark: Where it begins.
        content: A scalar, the entries of a mapping, or the items of a list.
        text: How a scalar was written, "" otherwise.
        size: Number of scalars, mappings and lists in it, itself included.
        broken: Whether a fault was reported for it, so that nothing more should be said of it.
    """

    mark: Mark
    content: "Scalar | dict[str, KeyedValue] | list[Value]"
    text: str = ""
    size: int = 1
    broken: bool = False


@dataclass(frozen=True)
class KeyedValue:
    """A key's value, and where the key is."""

    key_mark: Mark
    value: Value


@dataclass(frozen=True)
class Complaint:
    """What is wrong with the text, where, and below which keys."""

    mark: Mark
    path: tuple[str | int, ...]
    reason: str


class _UnreadableError(Exception):
    """The text cannot be read any further."""

    def __init__(self, mark: Mark, reason: str) -> None:
        self.complaint = Complaint(mark, (), reason)
        super().__init__(reason)


def read(source: bytes | str) -> tuple[Value | None, list[Complaint]]:
    """Read one YAML document.

    Returns:
        The document, None where it could not be read to its end, and all that is wrong with it.

    >>> document, _ = read("lr: 1e-3")
    >>> document.content["lr"].value.content
    0.001
    """
    try:
        if len(source) > MAX_BYTES:
            told = f"the file has more than {MAX_BYTES:,} bytes, which is the most of a config"
            raise _UnreadableError(Mark(1, 1), told)
        text = _decode(source) if isinstance(source, bytes) else source
        _refuse_unprintable(text)
        builder = _Builder(text)
        return builder.document(), builder.complaints
    except _UnreadableError as error:
        return None, [error.complaint]
    except yaml.MarkedYAMLError as error:
        return None, [_syntax_complaint(error, text)]


def _decode(source: bytes) -> str:
    start = Mark(1, 1)
    if source.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in source[:4]:
        raise _UnreadableError(start, "not UTF-8 (it looks like UTF-16 or UTF-32); save the file as UTF-8")
    if source.startswith(b"\xef\xbb\xbf"):
        raise _UnreadableError(start, "begins with a byte order mark; save the file as UTF-8 without one")
    try:
        return source.decode("utf-8")
    except UnicodeDecodeError as error:
        mark = _mark_at(source[: error.start].decode("utf-8"), error.start)
        raise _UnreadableError(mark, f"byte 0x{source[error.start]:02x} is not UTF-8; save the file as UTF-8") from None


# What YAML calls printable, without the byte order mark; surrogates are no characters at all.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def _refuse_unprintable(text: str) -> None:
    found = _UNPRINTABLE.search(text)
    if found is not None:
        raise _UnreadableError(
            _mark_at(text, found.start()), f"control character U+{ord(found[0]):04X} in the text; remove it"
        )


def has_surrogate(text: str) -> bool:
    """Whether a text holds half of a surrogate pair, which is no character and cannot be written anywhere."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def _mark_at(text: str, index: int) -> Mark:
    """Line and column of a character, or of the end."""
    before = text[:index]
    return Mark(before.count("\n") + 1, len(before) - before.rfind("\n"))


def _syntax_complaint(error: yaml.MarkedYAMLError, text: str) -> Complaint:
    found = error.problem_mark or error.context_mark
    mark = _mark(found) if found is not None else Mark(1, 1)
    if found is not None and text[found.index : found.index + 1] == "\t":
        return Complaint(mark, (), "not valid YAML: a tab; indent with spaces")
    if error.problem == "mapping values are not allowed here":
        return Complaint(mark, (), "not valid YAML: a ':' where none can be; check the indentation, or quote the text")
    said = ", ".join(part for part in (error.context, error.problem) if part)
    for theirs, ours in (("<block end>", "the end of the block"), ("<stream end>", "the end of the file")):
        said = said.replace(f"'{theirs}'", ours).replace(theirs, ours)
    return Complaint(mark, (), f"not valid YAML: {one_line(said)}")


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


# The core schema's patterns (YAML 1.2.2, 10.3.2).
_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_BASES = {"0o": 8, "0x": 16}
_CORE = "tag:yaml.org,2002:"


def resolve(text: str) -> Scalar:
    """A plain scalar's value by the core schema.

    Raises:
        ValueError: If it is a number of more than `MAX_DIGITS` digits.

    >>> [resolve(text) for text in ("1e-3", "1.", ".5", "0x1F", "no", "~", "-.inf")]
    [0.001, 1.0, 0.5, 31, 'no', None, -inf]
    """
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return bool(_TRUE.fullmatch(text))
    if _INT.fullmatch(text):
        if len(text) > MAX_DIGITS:
            raise ValueError(f"a number of {len(text):,} digits")
        return int(text.lstrip("+"), _BASES.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


class _Loader(yaml.SafeLoader):
    """It builds nothing here: `parse` stops at events."""

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:  # as its base calls it
        """Deeper than is allowed nothing more is read: the scanner takes long over many brackets before it tells of the first."""
        if self.flow_level > MAX_NESTING + 1:
            self.fetch_stream_end()
            return
        super().fetch_flow_collection_start(TokenClass)


_MOST_EVENTS = 2 * MAX_VALUES + 8
"""Events of a document that is not refused for its number of values: two of each, and those around it."""


class Events:
    """PyYAML's events of a text, made as they are asked for and kept, with the error that they end in. Of what is refused for its length
    or its number of values no more are made than it takes to refuse it, whoever asks.
    """

    def __init__(self, text: str) -> None:
        self._source = iter(()) if len(text) > MAX_BYTES else yaml.parse(text, Loader=_Loader)
        self._made: list[Any] = []
        self._error: Exception | None = None

    def __iter__(self) -> Iterator[Any]:
        """All events.

        Raises:
            yaml.YAMLError: Where the text cannot be read any further.
        """
        place = 0
        while place < _MOST_EVENTS:
            if place == len(self._made):
                if self._error is not None:
                    raise self._error
                try:
                    self._made.append(next(self._source))
                except StopIteration:
                    return
                except yaml.YAMLError as error:
                    self._error = error
                    raise
            yield self._made[place]
            place += 1


@lru_cache(maxsize=4)
def events(text: str) -> Events:
    """The events of a text; one that is looked at twice, for its keys and for its values, is parsed once."""
    return Events(text)


@dataclass
class _Builder:
    text: str
    complaints: list[Complaint] = field(default_factory=list)
    anchors: dict[str, Value | None] = field(default_factory=dict)  # None while the value is not complete
    path: list[str | int] = field(default_factory=list)
    num_values: int = 0
    events: Iterator[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.events = iter(events(self.text))

    def document(self) -> Value:
        event = next(self.events)
        while not isinstance(event, yaml.DocumentStartEvent):
            if isinstance(event, yaml.StreamEndEvent):
                raise _UnreadableError(Mark(1, 1), "the file is empty; see `gradlab new` for a config to start from")
            event = next(self.events)
        document = self._value(next(self.events), 0)
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                raise _UnreadableError(_mark(event.start_mark), "a second document; a file describes one experiment")
        return document

    def _value(self, event: Any, nesting: int) -> Value:
        mark = _mark(event.start_mark)
        self.num_values += 1
        if nesting > MAX_NESTING:
            raise _UnreadableError(mark, f"nested more than {MAX_NESTING} deep")
        if self.num_values > MAX_VALUES:
            raise _UnreadableError(mark, f"more than {MAX_VALUES:,} values")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, mark)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, mark)
        elif isinstance(event, yaml.MappingStartEvent):
            value = self._mapping(mark, nesting)
        else:
            value = self._list(mark, nesting)
        if value.size > MAX_VALUES:
            raise _UnreadableError(mark, f"more than {MAX_VALUES:,} values once its aliases are followed")
        value = self._tagged(event, value)
        if event.anchor is not None:
            self.anchors[event.anchor] = value
        return value

    def _complain(self, mark: Mark, reason: str) -> None:
        self.complaints.append(Complaint(mark, tuple(self.path), reason))

    def _alias(self, event: Any, mark: Mark) -> Value:
        name = event.anchor
        if name not in self.anchors:
            self._complain(mark, f"alias *{name}: no anchor &{name} comes before it")
        elif self.anchors[name] is None:
            self._complain(mark, f"alias *{name} stands inside the value that it names")
        value = self.anchors.get(name)
        return Value(mark, None, f"*{name}", broken=True) if value is None else value

    def _scalar(self, event: Any, mark: Mark) -> Value:
        text = event.value
        plain = event.style is None and event.tag is None
        if has_surrogate(text):
            self._complain(mark, "half of a surrogate pair; write the character itself")
            return Value(mark, None, broken=True)
        try:
            return Value(mark, resolve(text) if plain else text, text if plain else "")
        except ValueError as error:
            self._complain(mark, f"{error} is beyond what gradlab computes with")
            return Value(mark, None, broken=True)

    def _tagged(self, event: Any, value: Value) -> Value:
        """Apply an explicit tag of the core schema; refuse any other."""
        tag = event.tag
        if tag is None or tag == "!" or (tag == _CORE + "str" and isinstance(value.content, str)):
            return value
        if tag in (_CORE + "map", _CORE + "seq"):
            fits = isinstance(value.content, dict if tag == _CORE + "map" else list)
        elif tag in (_CORE + "int", _CORE + "float", _CORE + "bool", _CORE + "null") and isinstance(value.content, str):
            content = resolve(value.content) if len(value.content) <= MAX_DIGITS else value.content
            if tag == _CORE + "float" and type(content) is int:
                content = float(value.content) if value.content[:2] not in _BASES else value.content
            kind = {"int": int, "float": float, "bool": bool, "null": type(None)}[tag.removeprefix(_CORE)]
            fits = type(content) is kind
            value = Value(value.mark, content, value.content, broken=value.broken)
        else:
            shown = tag.replace(_CORE, "!!")
            self._complain(_mark(event.start_mark), f"tag {shown!r:.60} is not allowed; write a plain value")
            return Value(value.mark, None, broken=True)
        if not fits:
            self._complain(_mark(event.start_mark), f"tag {tag.replace(_CORE, '!!')} does not fit its value")
        return value if fits else Value(value.mark, None, broken=True)

    def _mapping(self, mark: Mark, nesting: int) -> Value:
        entries: dict[str, KeyedValue] = {}
        size = 1
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._value(event, nesting + 1)
            key_mark = _mark(event.start_mark)
            name = self._key(event, key, key_mark)
            self.path.append("" if name is None else name)
            value = self._value(next(self.events), nesting + 1)
            if name in entries:
                self._complain(key_mark, f"repeated key (first at line {entries[name].key_mark.line})")
            elif name is not None:
                entries[name] = KeyedValue(key_mark, value)
                size += value.size
            self.path.pop()
        return Value(mark, entries, size=size)

    def _key(self, event: Any, key: Value, mark: Mark) -> str | None:
        """The text of a key, None (and a complaint) where it is none."""
        if isinstance(key.content, str) and not key.broken:
            if key.content != "<<" or event.style is not None:
                return key.content
            self._complain(mark, "merge key '<<' is not supported; write the keys out")
        elif not key.broken:
            got = "null" if key.content is None else key.text or "a collection"
            self._complain(mark, f"a key is text, got {got:.60}")
        return None

    def _list(self, mark: Mark, nesting: int) -> Value:
        items: list[Value] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            self.path.append(len(items))
            items.append(self._value(event, nesting + 1))
            self.path.pop()
        return Value(mark, items, size=1 + sum(item.size for item in items))
