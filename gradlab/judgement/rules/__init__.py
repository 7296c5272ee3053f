"""The rules of the verdicts: a file of this room gives those that its `RULES` hold."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from gradlab.config.catalogue import VERDICTS
from gradlab.judgement.rules.rule import Rule


def _rules() -> Iterator[Rule]:
    for module in iter_modules(__path__, f"{__name__}."):
        yield from getattr(import_module(module.name), "RULES", ())


RULES: tuple[Rule, ...] = tuple(sorted(_rules(), key=lambda rule: VERDICTS.index(rule.verdict)))
"""All rules but the first, `diverged`, which needs no record; in order of precedence."""
