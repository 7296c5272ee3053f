"""Text that people read: values in words, texts on one line, texts cut short, a nested config by dotted path."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any


def one_line(text: object, most: int | None = None) -> str:
    r"""A text without line breaks and doubled spaces, cut after so many letters.

    >>> one_line(ValueError("no\n  memory left"), 9)
    'no memory'
    """
    return " ".join(str(text).split())[:most]


def clean_line(text: str) -> str:
    r"""Text from elsewhere, such as an error's: one line without control characters or a change of writing direction.

    >>> clean_line("RuntimeError:\n  no \x1b[2Jmemory")
    'RuntimeError: no [2Jmemory'
    """
    return one_line("".join(char if char.isprintable() else " " for char in text))


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula, or for nothing before one."""


def inert(cell: str) -> str:
    """A text as a cell of CSV that no spreadsheet takes for a formula: one that begins like a formula and is no number has an apostrophe
    before it.

    >>> [inert(cell) for cell in ("=1+1", "-x", "@user", "-0.5", "-inf", "net")]
    ["'=1+1", "'-x", "'@user", '-0.5', '-inf', 'net']
    """
    if not cell.startswith(_FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell if cell == cell.strip() else f"'{cell}"


def unmentioned(text: str) -> str:
    r"""Markdown in which nobody is mentioned, nothing is a tag of HTML and no picture is loaded, whatever stands in it outside code; it
    looks the same.

    >>> unmentioned("by @octocat, `@latest`, a@b.c")
    'by @&#8203;octocat, `@latest`, a@b.c'
    >>> unmentioned("3 < 4, <b>, `<b>`, ![a](b)")
    '3 < 4, &lt;b>, `<b>`, !\\[a](b)'
    """
    if "@" in text or "<" in text or "![" in text:
        return _MARKUP.sub(lambda match: _INSTEAD.get(match[0], match[0]), text)
    return text


_MARKUP = re.compile(
    r"\\[^@]|(`++)(?:.+?(?<!`)\1(?!`))?|(?<![A-Za-z0-9_])@(?=[A-Za-z0-9])|<(?=[A-Za-z/!?])|!(?=\[)", re.DOTALL
)
"""What is escaped, code, mentions, tags and pictures; whichever comes first."""

_INSTEAD = {"@": "@&#8203;", "<": "&lt;", "!": "!\\"}


def cut(text: str, most: int = 60) -> str:
    """A text of at most so many letters, whose end shows that there was more.

    >>> cut("a_very_long_name", 9)
    'a_very...'
    """
    return text if len(text) <= most else f"{text[: most - 3]}..."


def value_text(value: object, digits: int | None = None) -> str:
    """A value as YAML writes it; a fraction with so many significant digits.

    >>> [value_text(value, 6) for value in (None, True, 50, 1e-05, 0.1 + 0.2, "relu")]
    ['null', 'true', '50', '1e-05', '0.3', 'relu']
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.{digits}g}" if digits and isinstance(value, float) else str(value)


_LEAVES = (str, int, float, type(None), list, tuple)


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The leaves of a nested config by dotted path; a number format's storage goes by the path that a bare word has.

    >>> flat({"seed": 1, "train": {"dtype": "float32"}}), flat({"train": {"dtype": {"storage": "float16", "loss_scale": 8.0}}})
    ({'seed': 1, 'train.dtype': 'float32'}, {'train.dtype': 'float16', 'train.dtype.loss_scale': 8.0})
    """
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, _LEAVES) or not isinstance(value, Mapping):  # the latter is slow, and asked for every leaf
            found[f"{prefix}{key}"] = value
            continue
        below = flat(value, f"{prefix}{key}.")
        if "storage" in value:
            found[f"{prefix}{key}"] = below.pop(f"{prefix}{key}.storage")
        found |= below
    return found


def value_at(config: Mapping[str, Any], path: Sequence[str]) -> Any:
    """The value at a path of a nested config, None where there is none."""
    value: Any = config
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


LEFT_OUT: Mapping[str, str | int] = {
    "model.kind": "dense",
    "model.norm": "none",
    "model.residual": "none",
    "model.parametrization": "standard",
    "train.warmup": 0,
}
"""What an experiment has of which a config says nothing."""


OF_NETWORK: Mapping[str, str | int] = {path: word for path, word in LEFT_OUT.items() if path.startswith("model.")}
"""Of these, what is said of the network."""


def resolved_at(config: Mapping[str, Any], path: Sequence[str]) -> Any:
    """As `value_at`; where a resolved config leaves out what came later, what the experiment has instead.

    >>> resolved_at({"model": {"depth": 3}}, ("model", "norm"))
    'none'
    """
    value = value_at(config, path)
    return left_out(config, ".".join(path)) if value is None else value


def left_out(config: Mapping[str, Any], path: str) -> str | int | None:
    """What an experiment has of which its nested config says nothing, None where it has no such thing.

    Of somebody's own module nothing is known that is not said, but that it is one.

    >>> left_out({"model": {"depth": 3}}, "model.kind"), left_out({"model": {"watched": "nets.Net"}}, "model.kind")
    ('dense', 'watched')
    >>> left_out({"model": {"kind": "module"}}, "model.norm") is None
    True
    """
    model = config.get("model")
    if isinstance(model, Mapping) and "watched" in model:
        return "watched" if path == "model.kind" else None
    if isinstance(model, Mapping) and model.get("kind") == "module" and path in OF_NETWORK:
        return None
    return LEFT_OUT.get(path)


def named(part: Mapping[str, Any]) -> Any:
    """What a part of a config goes by: its name, its scheme, its storage, its kind or its scale."""
    return next((part[key] for key in ("name", "scheme", "storage", "kind", "scale") if key in part), None)


def bytes_in_words(num_bytes: int) -> str:
    """A number of bytes in words.

    >>> bytes_in_words(3_210_000_000)
    '3.21 GB'
    """
    if num_bytes >= 10**21:
        return "1,000+ EB"
    for exponent, unit in ((18, "EB"), (15, "PB"), (12, "TB"), (9, "GB"), (6, "MB"), (3, "kB")):
        if num_bytes >= 10**exponent:
            return f"{num_bytes / 10**exponent:.3g} {unit}"
    return f"{num_bytes} bytes"


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "run"), counted(3, "run"), counted(2, "batch")
    ('1 run', '3 runs', '2 batches')
    """
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun}{'es' if noun.endswith(('ch', 's', 'x')) else 's'}"


def signed(value: float, places: int) -> str:
    """A number with its sign and so many decimals; what rounds to zero has no sign.

    >>> signed(-3.14159, 1), signed(0.04, 1), signed(-0.04, 1)
    ('-3.1', '0.0', '0.0')
    """
    text = f"{value:+.{places}f}"
    return text if text.strip("+-0.") else text[1:]


def rounded(value: float, digits: int) -> str:
    """A number to so many significant digits, written out up to a million.

    >>> rounded(1234.0, 1), rounded(0.0123, 1), rounded(3.2e5, 2), rounded(1e62, 1), rounded(4.5e7, 2)
    ('1,000', '0.01', '320,000', '10^62', '4.5 × 10^7')
    """
    text = f"{value:.{digits}g}"
    mantissa, _, power = text.partition("e+")
    if not power:
        return text
    if int(power) < 6:
        return f"{float(text):,.0f}"
    whole = f"10^{int(power)}"
    return f"{'-' if mantissa == '-1' else ''}{whole}" if mantissa in ("1", "-1") else f"{mantissa} × {whole}"


def power_of_ten(log10: float, digits: int = 3) -> str:
    """A number of any size, given its log10, to so many significant digits.

    >>> power_of_ten(-3.0), power_of_ten(0.301), power_of_ten(-612.35), power_of_ten(-0.0)
    ('0.001', '2', '4.47 × 10^-613', '1')
    """
    if math.isinf(log10) or math.isnan(log10):
        return "0" if log10 == -math.inf else f"{log10:g}"
    if -4 <= log10 < 6:
        return rounded(10.0**log10, digits)
    exponent = math.floor(log10)
    mantissa = f"{10.0 ** (log10 - exponent):.{digits}g}"
    if float(mantissa) == 10.0:
        mantissa, exponent = "1", exponent + 1
    return f"10^{exponent}" if mantissa == "1" else f"{mantissa} × 10^{exponent}"
