"""Values as a person reads them: numbers of any size, missing ones, and text for terminals that know only ASCII."""

import codecs
import math
import re
from typing import TYPE_CHECKING, Literal

from gradlab.config.text import bytes_in_words
from gradlab.config.text import counted as counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlab.results.record import Timing

Value = str | int | float | bool | None
Kind = Literal["text", "time", "integer", "decades", "share", "figure", "bytes"]

MISSING = "–"
"""What stands for null: the quantity has no meaning there."""

_SPELLED = {
    "–": "-", "—": "-", "−": "-", "…": "...", "·": "|", "×": "x", "±": "+-", "→": "->", "≥": ">=", "≤": "<=", "≈": "~",
    "²": "^2", "₀": "0", "₁": "1", "₂": "2", "‖": "|", "′": "'", "√": "sqrt", "∂": "d", "φ": "phi", "χ": "chi",
    "σ": "sigma", "δ": "delta", "ξ": "xi", "κ": "kappa", "Δ": "Delta", "∞": "inf", "’": "'", "“": '"', "”": '"',
    "½": "1/2", "³": "^3", "⁻": "^-", "∇": "grad ", "ᵀ": "^T", "Σ": "sum", "Π": "prod", "Φ": "Phi", "λ": "lambda", "μ": "mu", "β": "beta",
    "γ": "gamma", "ℓ": "l", "⟨": "<", "⟩": ">", "⊙": "*", "∥": "|",
}  # fmt: skip


def it_is(actual: str) -> str:
    """What a condition found, as a clause.

    >>> it_is("0.5 (2 of 4)"), it_is("no value (no member meets its 'where')")
    ('it is 0.5 (2 of 4)', "it has no value (no member meets its 'where')")
    """
    return f"it {has_or_is(actual)} {actual}"


def has_or_is(actual: str) -> str:
    """The verb before what a condition found."""
    return "has" if actual.startswith("no value") else "is"


def _spell(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    spelled = "".join(_SPELLED.get(char, "?") for char in error.object[error.start : error.end])
    return spelled.replace("^-^", "^-"), error.end  # an exponent of several signs is one exponent


codecs.register_error("gradlab-spell", _spell)


def spell(text: str, encoding: str) -> str:
    """Text in which every character that an encoding lacks is spelled out.

    >>> spell("χ₁ = 1 – σ_w² ≥ 2", "ascii")
    'chi1 = 1 - sigma_w^2 >= 2'
    >>> spell("10⁻³", "ascii")
    '10^-3'
    """
    return text.encode(encoding, errors="gradlab-spell").decode(encoding)


_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Characters by which a text could move the cursor, colour, hide or turn round what stands beside it, but for line breaks and tabs."""


def harmless(text: str) -> str:
    r"""Text as it is, in which what a terminal would obey rather than show is a replacement character.

    >>> harmless("net\x1b[2J of\n2 layers") == "net\ufffd[2J of\n2 layers"
    True
    """
    return text if text.isprintable() else _COMMANDS.sub("\ufffd", text)


def harmless_json(text: str) -> str:
    r"""JSON of the same meaning, in which such characters are escaped; a text of JSON has them in its strings alone.

    >>> harmless_json('{"name": "\x9b2J"}')
    '{"name": "\\u009b2J"}'
    """
    return _COMMANDS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def say(value: Value, kind: Kind = "figure") -> str:
    """A value in words.

    Args:
        value: What to say; None is a quantity without a meaning.
        kind: `decades` (a log10) has two decimals, `share` three, `figure` four significant digits, `time` (ISO 8601)
            goes to the minute, `bytes` are in kB, MB and so on.

    >>> say(-612.3456, "decades"), say(float("-inf"), "decades"), say(0.5, "share")
    ('-612.35', '-inf', '0.500')
    >>> say(None), say(float("nan")), say(1.23456e-31)
    ('–', 'nan', '1.235e-31')
    """
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value[:16].replace("T", " ") if kind == "time" else value
    if isinstance(value, int) and abs(value) >= 10**300:  # no float holds it
        value = math.inf if value > 0 else -math.inf
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if kind == "bytes":
        return bytes_in_words(int(value))
    if kind == "integer":
        return _unsigned_zero(f"{value:.0f}")
    if kind == "decades":
        return _unsigned_zero(f"{value:.2f}")
    if kind == "share":
        return _unsigned_zero(f"{value:.3f}")
    # Twelve digits first: what lies half-way between two figures but for rounding is said alike by every processor.
    return _unsigned_zero(f"{float(f'{value:.12g}'):.4g}")


def spoken(value: float, kind: Kind) -> str:
    """A number as a sentence has it; in tables what is not finite keeps its name.

    >>> spoken(0.25, "figure"), spoken(float("nan"), "figure")
    ('0.25', 'not finite')
    """
    return "not finite" if math.isnan(value) or value == math.inf else say(value, kind)


def fixed(value: float, places: int) -> str:
    """A number with so many decimals.

    >>> fixed(-0.387, 2), fixed(-0.001, 2)
    ('-0.39', '0.00')
    """
    return _unsigned_zero(f"{value:.{places}f}")


def _unsigned_zero(text: str) -> str:
    """`-0.00` is zero."""
    return text[1:] if text.startswith("-") and not text.strip("-0.") else text


def power(log10: float) -> str:
    """A power of ten, given its log10, at any size.

    >>> power(-612.4), power(float("-inf")), power(0.0)
    ('10^-612', '0', '10^0')
    """
    if math.isnan(log10):
        return "nan"
    if math.isinf(log10):
        return "inf" if log10 > 0 else "0"
    return f"10^{round(log10)}"


def estimate_words(training: float | None, starting: float) -> str:
    """About how long a command takes, start-up included.

    Args:
        training: Seconds of training; None where nobody knows.
        starting: Seconds of start-up and storing.

    >>> estimate_words(4.0, 5.0), estimate_words(None, 2.5)
    ('about 9.0 s, 5.0 s of it to start and store', 'nobody knows how long before a module has run')
    """
    if training is None:
        return "nobody knows how long before a module has run"
    return f"about {duration(training + starting)}, {duration(starting)} of it to start and store"


def duration(seconds: float) -> str:
    """A time that a person can compare.

    >>> duration(0.0123), duration(4.2), duration(75), duration(7500)
    ('12 ms', '4.2 s', '1 min 15 s', '2 h 5 min')
    """
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def layers_words(layers: tuple[int, int], named: "Sequence[str] | None" = None) -> str:
    """Layers concerned; those of somebody's own module by their names, where `named` holds them in order.

    >>> layers_words((3, 3)), layers_words((1, 12)), layers_words((1, 2), ("stem", "head"))
    ('layer 3', 'layers 1 to 12', 'stem to head')
    """
    first, last = layers
    if named is not None and last <= len(named):
        ends = [f"module {name}" if name.isdigit() else name for name in (named[first - 1], named[last - 1])]
        return ends[0] if first == last else " to ".join(ends)
    return f"layer {first}" if first == last else f"layers {first} to {last}"


def rate(steps_per_second: float) -> str:
    """How fast training goes.

    >>> rate(1234.5), rate(1.2), rate(0.25), rate(1.03)
    ('1,234 steps/s', '1.2 steps/s', '0.25 steps/s', '1 step/s')
    """
    shown = f"{steps_per_second:,.0f}" if steps_per_second >= 9.5 else f"{steps_per_second:.2g}"
    return f"{shown} step{'' if shown == '1' else 's'}/s"


def timing_words(timing: "Timing") -> str:
    """What a run took, in one line."""
    words = f"trained in {duration(timing.train_seconds)}, {rate(timing.steps_per_second)}"
    if timing.batch_runs > 1:
        words += f", in a batch of {timing.batch_runs} runs"
    if timing.record_share is not None:
        words += f"; recording took {timing.record_share:.0%}"
    if timing.record_bytes_per_step is not None:
        words += f"; {timing.record_bytes_per_step:,} bytes a recorded step"
    return words
