import math

import pytest

from gradlab.config.reading import yaml12
from gradlab.config.reading.yaml12 import MAX_DIGITS, read, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3), ("1E5", 1e5), ("1.", 1.0),
        (".5", 0.5), ("-.5e+2", -50.0), ("+3", 3), ("0x1F", 31), ("0o17", 15),
        ("010", 10), ("-0", 0), ("1e400", math.inf), (".inf", math.inf), ("-.INF", -math.inf), ("+.Inf", math.inf),
        ("true", True), ("FALSE", False), ("null", None), ("~", None), ("", None), ("Null", None),
        # Text in YAML 1.2, whatever YAML 1.1 made of it.
        ("no", "no"), ("Yes", "Yes"), ("on", "on"), ("OFF", "OFF"), ("y", "y"), ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("0b11", "0b11"), ("2020-01-01", "2020-01-01"), ("nan", "nan"), ("inf", "inf"), ("0x", "0x"), ("0x1G", "0x1G"),
        ("e5", "e5"), (".", "."), ("-", "-"), ("1e", "1e"), ("tRUE", "tRUE"), ("١", "١"), ("=", "="),
    ],
)  # fmt: skip
def test_core_schema(text, value):
    resolved = resolve(text)
    assert resolved == value
    assert type(resolved) is type(value)


def test_not_a_number():
    assert math.isnan(resolve(".NaN"))


def test_digits_have_an_end():
    assert resolve("1" * MAX_DIGITS) == int("1" * MAX_DIGITS)
    with pytest.raises(ValueError, match="a number of 401 digits"):
        resolve("1" * (MAX_DIGITS + 1))


def plain(value):
    if isinstance(value.content, dict):
        return {key: plain(entry.value) for key, entry in value.content.items()}
    return [plain(item) for item in value.content] if isinstance(value.content, list) else value.content


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: '5'\nb: \"no\"\nc: 5", {"a": "5", "b": "no", "c": 5}),
        ("a: !!str 5\nb: !!int '5'\nc: !!float 5", {"a": "5", "b": 5, "c": 5.0}),
        ("d: !!bool true\ne: !!null ''", {"d": True, "e": None}),
        ("a: !!map {}\nb: !!seq []\nc: ! 5", {"a": {}, "b": [], "c": "5"}),
        ("a: &x [1, 2]\nb: *x\nc: *x", {"a": [1, 2], "b": [1, 2], "c": [1, 2]}),
        ("%YAML 1.2\n---\na: 1\n...\n", {"a": 1}),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
        ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ("'<<': 1", {"<<": 1}),
        ("{a: 1, 'b': [x, {c: ~}]}", {"a": 1, "b": ["x", {"c": None}]}),
        ("größe: ü😀", {"größe": "ü😀"}),
    ],
)  # fmt: skip
def test_documents(text, value):
    for source in (text, text.encode()):
        document, complaints = read(source)
        assert complaints == []
        assert plain(document) == value


def test_marks_of_keys_and_values():
    document, _ = read("a:\n  b: {c: 3}\n")
    inner = document.content["a"].value.content["b"]
    assert (inner.key_mark.line, inner.key_mark.column) == (2, 3)
    assert (inner.value.mark.line, inner.value.mark.column) == (2, 6)
    value = inner.value.content["c"].value
    assert (value.mark.line, value.mark.column, value.text) == (2, 10, "3")


def test_complaints_do_not_hide_one_another():
    _, complaints = read("a: !x 1\nb: 1\nb: 2\n3: 4\nc: *y\n")
    assert [(complaint.mark.line, complaint.path) for complaint in complaints] == [
        (1, ("a",)),
        (3, ("b",)),
        (4, ()),
        (5, ("c",)),
    ]


def test_a_doubling_alias_is_not_followed():
    lines = ["a0: &a0 [x]"] + [f"a{level}: &a{level} [*a{level - 1}, *a{level - 1}]" for level in range(1, 400)]
    document, complaints = read("\n".join(lines))
    assert document is None
    assert "once its aliases are followed" in complaints[0].reason


@pytest.mark.parametrize(
    "text",
    [
        "a: &a x\nb: [" + "*a, " * 60_000 + "]\nbase: c\n",  # more values than are read
        "a: 1\n" + "---\nb: 1\n" * 30_000,  # more documents
        "a: [" + "1, " * 200_000 + "]\nbase: c\n",  # more bytes
    ],
    ids=["values", "documents", "bytes"],
)
def test_of_what_is_refused_no_more_is_parsed_than_a_config_may_have(monkeypatch, text):
    made = []
    parse = yaml12.yaml.parse

    def counted(*given, **more):
        for event in parse(*given, **more):
            made.append(1)
            yield event

    yaml12.events.cache_clear()
    monkeypatch.setattr(yaml12.yaml, "parse", counted)
    assert yaml12.read(text)[0] is None
    assert sum(1 for _ in yaml12.events(text)) == len(made)  # whoever else looks at them
    assert len(made) <= (0 if len(text) > yaml12.MAX_BYTES else 2 * yaml12.MAX_VALUES + 10)
