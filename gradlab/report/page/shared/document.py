"""The frame of every page: a template, its style and script, the figures' library and the data, in one file.

Nothing is loaded from anywhere, and the page's own policy forbids it. All text is escaped by the template engine; the data
travels as JSON that cannot end its element.
"""

import base64
import gzip
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from gradlab.config.text import clean_line
from gradlab.report.page.shared.terms import Terms
from gradlab.report.words.remedies import config_lines, options
from gradlab.report.words.table import Table
from gradlab.report.words.values import Value, has_or_is, layers_words, say
from gradlab.report.words.verdicts import APPEARANCES
from gradlab.results import strict_json
from gradlab.results.finding import Finding

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_SHARED = ("style.css", "core.js", "figures.js", "series.js", "tables.js", "terms.js")
"""What every page has, in the order in which it is read."""


def render(kind: str, title: str, data: Mapping[str, Any], **context: Any) -> str:
    """A page as text.

    Args:
        kind: Of the page: the room that holds its template `kind.html`, styles and scripts.
        title: What the browser's tab says.
        data: What the page's script reads, of plain types and numpy scalars; infinities and NaN are written as words.
        context: What the template reads.
    """
    names = (*(f"shared/{name}" for name in _SHARED), *_own(kind))
    style, scripts = ([_asset(name) for name in names if name.endswith(ending)] for ending in (".css", ".js"))
    return (
        _environment()
        .get_template(f"{kind}/{kind}.html")
        .render(
            title=clean_line(title),
            style="\n".join([_colours(), *style]),
            scripts=scripts,
            library=_library(),
            data=_json(data),
            appearances=_json({word: vars(shown) for word, shown in APPEARANCES.items()}),
            version=version("gradlab"),
            terms=Terms(),
            **context,
        )
    )


def encoded(page: str) -> bytes:
    """A page's bytes; what UTF-8 cannot say, such as a byte of a path that is no text, is a question mark."""
    return page.encode("utf-8", errors="replace")


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    """The template engine: everything is escaped, and a name that is missing is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("gradlab.report.page", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    glyphs = {word: shown.glyph for word, shown in APPEARANCES.items()}
    made.filters |= {
        "cells": _cells,
        "glyph": glyphs.get,
        "line": clean_line,
        "place": _place,
        "say": say,
        "has_or_is": has_or_is,
    }
    made.filters |= {"config_lines": config_lines, "options": options, "breakable": _breakable}
    return made


@lru_cache(maxsize=4)
def _own(kind: str) -> tuple[str, ...]:
    """Styles and scripts that one kind of page has for itself."""
    names = sorted(held.name for held in (files("gradlab.report.page") / kind).iterdir())
    return tuple(f"{kind}/{name}" for name in names if name.endswith((".css", ".js")))


@lru_cache(maxsize=32)
def _asset(name: str) -> str:
    return (files("gradlab.report.page") / name).read_text(encoding="utf-8")


def _colours() -> str:
    """The style of every word that a run can come to: its colour on white and on dark, as text and as a background (`--hue`)."""
    light = " ".join(f"--{word}: {shown.ink};" for word, shown in APPEARANCES.items())
    dark = " ".join(f"--{word}: {shown.dark};" for word, shown in APPEARANCES.items())
    own = [f".{word} {{ color: var(--{word}); --hue: var(--{word}); }}" for word in APPEARANCES]
    # Paper is white.
    return "\n".join([f":root {{ {light} }}", f'@media screen {{ [data-theme="dark"] {{ {dark} }} }}', *own])


@lru_cache(maxsize=1)
def _library() -> str:
    """Plotly's JavaScript, compressed, in base64: a page of 2 MB in place of 5."""
    script = (files("plotly") / "package_data" / "plotly.min.js").read_bytes()
    return base64.b64encode(gzip.compress(script, mtime=0)).decode("ascii")


def _json(data: Mapping[str, Any]) -> str:
    """Strict JSON that holds no character with a meaning in HTML."""
    text = json.dumps(strict_json.encode(dict(data)), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


_PARTS = re.compile(
    r"(?<=[_./:,=~+-])(?=[^\s_./:,=~+-])"
    r"(?!(?<=[0-9]\.)[0-9])(?!(?<=[0-9][eE][+-])[0-9])(?!(?<![A-Za-z0-9][+-])(?<=[+-])[0-9])"
)
"""Where a name may be broken: after what separates its parts, but in no number, such as 0.5, 1e-3 or -2."""


def _breakable(text: str) -> "Markup":
    """A name in one line that a narrow window breaks where its parts do, not in the middle of a word."""
    from markupsafe import Markup

    return Markup("<wbr>").join(_PARTS.split(clean_line(text)))


def _place(finding: Finding, names: Sequence[str] | None = None) -> str:
    """Where and since when a finding is, in words; the rows of somebody's own module have `names`."""
    words = [] if finding.layers is None else [layers_words(finding.layers, names)]
    return ", ".join(words + ([f"since step {finding.since_step}"] if finding.since_step else []))


def _cells(table: Table) -> list[list[tuple[str, Value]]]:
    """Each cell of a table: as it is read, and exactly where it is a number."""
    return [
        [
            (word, repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else None)
            for word, value in zip(words, row, strict=True)
        ]
        for words, row in zip(table.words(), table.rows, strict=True)
    ]
