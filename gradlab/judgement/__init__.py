"""What a record means: findings and a verdict, expectations, and runs side by side.

Names are loaded when they are first used: a list of runs wants the version of the rules and nothing that computes.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradlab.judgement.comparing.comparison import Comparison as Comparison
    from gradlab.judgement.comparing.comparison import compare as compare
    from gradlab.judgement.conditions.expectations import expect as expect
    from gradlab.judgement.verdict import judge as judge

__all__ = ["Comparison", "compare", "expect", "judge"]

_WHERE = {
    "Comparison": "comparing.comparison",
    "compare": "comparing.comparison",
    "expect": "conditions.expectations",
    "judge": "verdict",
}


def __getattr__(name: str) -> Any:
    """Load a name when it is first used."""
    if name not in _WHERE:
        raise AttributeError(f"module 'gradlab.judgement' has no attribute {name!r}")
    found = getattr(import_module(f"gradlab.judgement.{_WHERE[name]}"), name)
    globals()[name] = found
    return found
