"""All definitions, and which of them a word means."""

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from gradlab.config import spellings
from gradlab.config.compared_names import FIGURES
from gradlab.config.figures import AT_A_STEP, BESIDES, OF_A_RUN, SummaryFigure
from gradlab.config.quantities import LAYER_QUANTITIES, STEP_QUANTITIES, Quantity
from gradlab.config.suggestion import suggestion
from gradlab.config.text import clean_line, cut, value_text
from gradlab.errors import UsageError
from gradlab.judgement import limits
from gradlab.report.glossary.columns import COLUMNS
from gradlab.report.glossary.comparing import COMPARISONS, RULES
from gradlab.report.glossary.definition import KINDS, Definition
from gradlab.report.glossary.provenance import PROVENANCE
from gradlab.report.glossary.signs import SIGNS
from gradlab.report.glossary.terms import TERMS
from gradlab.report.glossary.theory import THEORY
from gradlab.report.glossary.verdicts import FINDINGS, OUTCOMES, VERDICTS

_SPELLED = str.maketrans(
    {
        "₀": "0",
        "₁": "1",
        "₂": "2",
        "²": "2",
        "χ": "chi",
        "σ": "sigma",
        "δ": "delta",
        "ξ": "xi",
        "φ": "phi",
        "∥": "parallel",
        "*": "star",
        "–": "null",
        "∞": "inf",
        "±": "plusminus",
    }
)

_PRINTED = KINDS.index("theory")
"""Kinds before this one are verdicts, figures and the like, whose names are nobody else's."""

_AROUND = (
    re.compile(r"(?:any|min|max|median|mean|spread|count|share|change)\((.+)\)"),
    re.compile(r"(?:init|final|critical|pytorch|xavier|he|timing)\.(.+)"),
    re.compile(r"(.+)\.(?:spread|num_finite|median|a|b|q_star|chi_1)"),
    re.compile(r"(.+) (?:change|is)"),
)
"""What may stand around a name: a word of a condition, a moment, a scheme, a statistic or a side."""

_STANDS_FOR = (
    (re.compile(r"[A-Z] (?:− [A-Z]|change)|change_\d+"), "change"),
    (re.compile(r"[A-Z] is|is_\d+"), "is"),
    (re.compile(r"[C-Z]"), "side"),
    (re.compile(r"((?:model|data)\.args)\..+"), r"\1"),
)
"""Names of columns that are made of a side's letter or number, or of an argument, and what explains them."""

_GROUPS = {"none": "always", "by name": "where record.quantities names it"}

_LEARNS = (
    f"a layer learns if its median update ratio is at least {100 * limits.LEARNING_SHARE:g} % of the largest hidden layer's and above the "
    f"format's rounding; in 16 bits, if an update changes the stored value of {100 * limits.LEAST_CHANGED:g} % of its weights or more"
)
_INNER = f"from {limits.TRIMMED_DEPTH} layers on, without the {limits.TRIMMED_LAYERS} at each end"
_FIGURE_RULES = {
    "learning_layers": _LEARNS,
    "learning_share": _LEARNS,
    "backward_slope": _INNER,
    "backward_fit": _INNER,
}


def _of_figures(figures: Iterable[SummaryFigure], moments: str) -> Iterator[Definition]:
    for one in figures:
        yield Definition(
            one.name, "figure", one.definition, unit=one.unit, reads=one.why, values=moments,
            rule=_FIGURE_RULES.get(one.name, ""), page="quantities.md",
        )  # fmt: skip


def _of_quantities(quantities: Iterable[Quantity], kind: str) -> Iterator[Definition]:
    for one in quantities:
        group = _GROUPS.get(one.group, f"with record.quantities: {one.group}, and what holds more")
        shown = (one.label,) if one.label and one.label != one.name else ()
        yield Definition(
            one.name,
            kind,
            one.definition,
            one.symbol,
            one.unit,
            one.why,
            values=group,
            also=shown,
            page="quantities.md",
        )


@functools.cache
def definitions() -> tuple[Definition, ...]:
    """Every definition but those of the config, by kind."""
    every = (
        *VERDICTS, *OUTCOMES, *FINDINGS,
        *_of_figures(AT_A_STEP, "init. at the first recorded step, final. at the last finite one"),
        *_of_figures(OF_A_RUN, "of the whole run"),
        *_of_figures(BESIDES, ""),
        *_of_quantities(LAYER_QUANTITIES, "quantity of a layer"), *_of_quantities(STEP_QUANTITIES, "quantity of a step"),
        *COMPARISONS, *THEORY, *TERMS, *SIGNS, *COLUMNS, *PROVENANCE,
    )  # fmt: skip
    return tuple(sorted(every, key=lambda one: KINDS.index(one.kind)))


@functools.cache
def config_definitions() -> tuple[Definition, ...]:
    """Those of the config: every field, and every word that a field takes."""
    from gradlab.config.experiment import Experiment
    from gradlab.config.fields import fields, part_at
    from gradlab.config.modules import ModuleExperiment
    from gradlab.config.namespace import OnOwnBatches
    from gradlab.config.sweeps.draws import KINDS as DRAWS
    from gradlab.config.sweeps.keys import KEYS as OF_A_SWEEP

    known = {**fields(OnOwnBatches), **fields(ModuleExperiment), **fields(Experiment)}
    found, words = [], dict[tuple[str, str], list[str]]()
    for path, field in known.items():
        above, _, key = path.rpartition(".")
        part = part_at(Experiment, tuple(above.split("."))) if above else None
        short = above if part is not None and part.shorthand == key and not part.folded else ""
        default = "" if field.default in (None, ()) else value_text(field.default)
        found.append(
            Definition(
                path, "config field", field.about or f"part of {above}", values=field.expected(),
                default="required" if field.required else default, also=(short,) if short else (), page="config.md",
            )
        )  # fmt: skip
        for word, about in field.words.items():
            words.setdefault((word, about), []).append(short or path)
    for (word, about), paths in words.items():
        if about:
            found.append(
                Definition(word, "config value", about, values=f"a value of {', '.join(paths)}", page="config.md")
            )
    kept = {(one.name, one.kind) for one in found}
    sections, draws = "in a sweep's file: ", "in random.space of a sweep's file: "
    of_a_sweep = [
        *(Definition(key, "config field", sections + about, page="sweep.md") for key, about in OF_A_SWEEP.items()),
        *(Definition(kind, "config value", draws + about, page="sweep.md") for kind, about in DRAWS.items()),
    ]  # fmt: skip
    return (*found, *(one for one in of_a_sweep if (one.name, one.kind) not in kept))


def normal(word: str) -> str:
    """A word without what people write differently: case, signs between letters, Greek letters.

    >>> normal("χ₁"), normal("chi_1"), normal("Not learning")
    ('chi1', 'chi1', 'notlearning')
    """
    return re.sub(r"[^a-z0-9.]", "", word.casefold().translate(_SPELLED))


def explained(word: str) -> tuple[Definition, ...]:
    """What a word means; more than one where several things have the name.

    Raises:
        UsageError: If nothing has it, with a near word.
    """
    for form in _forms(word):
        named = _named(form) or [one for meant in _spelled(form) for one in _named(meant)]
        if named:
            return tuple(map(_with_rule, named))
    near = suggestion(word, _names())
    raise UsageError(
        f"explain {cut(clean_line(word), 80)}: no such word{f'{near} ' if near else '; '}`gradlab explain` lists all words"
    )


def defined(word: str) -> Definition | None:
    """The first meaning of a word outside a config, None where there is none; without the rule of a comparison's judgement."""
    return next((_by_name()[key][0] for key in map(normal, _forms(word)) if key in _by_name()), None)


def told(word: str) -> Definition | None:
    """As `defined`, with its rule."""
    found = defined(word)
    return None if found is None else _with_rule(found)


def _forms(word: str) -> list[str]:
    """A word as it is written, then without what stands around it."""
    asked = [word.strip()]
    for form in asked:
        asked += [found.expand(meant) for made, meant in _STANDS_FOR if (found := made.fullmatch(form))]
        asked += [found[1].strip() for around in _AROUND if (found := around.fullmatch(form))]
    return asked


def _spelled(word: str) -> list[str]:
    """What a word is called here that is another library's."""
    plain = spellings.folded(word)
    words = [meant for words in spellings.WORDS.values() if (meant := words.get(plain)) is not None]
    scheme = [meant if isinstance(meant, str) else meant["scheme"] for meant in words]
    keys = [names[plain] for names in (*spellings.KEYS.values(), FIGURES) if plain in names]
    return list(dict.fromkeys([*scheme, *keys]))


def _named(word: str) -> list[Definition]:
    key = normal(word)
    found = list(_by_name().get(key, ()))
    # What is printed of a run is known without the models of a config, which take a while to load.
    if any(one.kind in KINDS[:_PRINTED] and key == normal(one.name) for one in found) or not key:
        return found
    return [*found, *(one for one in _in_config().get(key, ()) if one not in found)]


@functools.cache
def _by_name() -> dict[str, list[Definition]]:
    return _indexed(definitions())


@functools.cache
def _in_config() -> dict[str, list[Definition]]:
    found = _indexed(config_definitions())
    for one in config_definitions():
        if one.kind == "config field":  # `lr` is train.lr
            for path in (one.name, *one.also):
                last = found.setdefault(normal(path.rpartition(".")[2]), [])
                if one not in last:
                    last.append(one)
    return found


def _indexed(every: Iterable[Definition]) -> dict[str, list[Definition]]:
    """Definitions by what they go by: their own names first, then their signs and the other words for them."""
    found: dict[str, list[Definition]] = {}
    every = list(every)
    for one in every:
        found.setdefault(normal(one.name), []).append(one)
    for one in every:
        for other in (one.symbol, *one.also):
            key = normal(other)
            if key and key not in found:
                found[key] = [one]
    return found


def _names() -> list[str]:
    """Every word that may be asked for, as it is written."""
    every = (*definitions(), *config_definitions())
    return list(dict.fromkeys(name for one in every for name in (one.name, *one.also)))


def _with_rule(one: Definition) -> Definition:
    """A definition with its rule, where that is read only when it is asked for."""
    return replace(one, rule=RULES[one.name]()) if one.name in RULES and one.kind == "comparison" else one


def whole() -> tuple[Definition, ...]:
    """Every definition with its rule, without those of the config."""
    return tuple(map(_with_rule, definitions()))
