"""What words mean, as tables and as lines for people."""

from collections.abc import Sequence

from gradlab.report.glossary.definition import Definition
from gradlab.report.words.table import Field, Table

_FIELDS = (
    "name", "kind", "text", "symbol", "unit", "reads", "rule", "values", "default", "also", "see", "page",
)  # fmt: skip

_LABELS = (
    ("symbol", "written"), ("unit", "unit"), ("reads", "read"), ("rule", "rule"), ("values", "values"), ("default", "default"),
)  # fmt: skip
"""What is said of a word besides its meaning, and what a person sees before it."""

_VALUES = {"config field": "takes", "config value": "is"}


def explanation_table(definitions: Sequence[Definition]) -> Table:
    """One row a definition, all that is said of it."""
    rows = [tuple(_cell(getattr(one, name)) for name in _FIELDS) for one in definitions]
    return Table(tuple(Field(name, rank=place) for place, name in enumerate(_FIELDS)), tuple(rows))


def explanation_objects(definitions: Sequence[Definition]) -> list[dict[str, object]]:
    """The same for programs: what is not said is an empty text, and words stand in lists."""
    return [
        {name: list(value) if isinstance(value := getattr(one, name), tuple) else value for name in _FIELDS}
        for one in definitions
    ]


def explanation_lines(one: Definition) -> list[tuple[str, str]]:
    """What is said of one word: label and text, the meaning first and without a label."""
    told = [("", one.sentence)]
    for name, label in _LABELS:
        value = getattr(one, name)
        if value and value != "1":  # a number without a unit
            own = _VALUES.get(one.kind, "when" if one.kind == "figure" else "recorded") if name == "values" else label
            told.append((own, value))
    if one.also:
        told.append(("also", ", ".join(one.also)))
    if one.see:
        told.append(("see", ", ".join(one.see)))
    if one.page:
        told.append(("more", f"docs/{one.page}"))
    return told


def _cell(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else ", ".join(value)
