"""Gates of a comparison in words."""

from gradlab.judgement.comparing.comparison import Comparison
from gradlab.judgement.comparing.gates import ComparedGate, State
from gradlab.report.views.side_names import letters, named

_WORDS: dict[State, str] = {"failed": "FAILED", "cannot tell": "cannot tell", "passed": "ok"}
"""What states are called, in the order in which gates stand."""


def gate_words(comparison: Comparison) -> list[str]:
    """One line for each gate and side, those that failed first, as the output shows it below the table: sides by their letters."""
    names = letters(len(comparison.sides))
    states = [gate.state for _, gate in comparison.gates]
    width = max((len(_WORDS[state]) for state in states), default=0)
    lines = [
        (gate.state, f"gate {_WORDS[gate.state]:<{width}}  {names[place]}: {_outcome(gate)}")
        for place, gate in zip(_places(comparison), (gate for _, gate in comparison.gates), strict=True)
    ]
    return [line for state in _WORDS for own, line in lines if own == state]


def failed_gates(comparison: Comparison) -> list[str]:
    """One line for each condition that must not hold and does, or may: sides by the shortest name that tells them apart."""
    names = [name.short for name in named(comparison)]
    return [
        _line(names[place], gate)
        for place, (_, gate) in zip(_places(comparison), comparison.gates, strict=True)
        if gate.state != "passed"
    ]


def _places(comparison: Comparison) -> list[int]:
    """Which side each gate is of: every further side has as many."""
    each = len(comparison.gates) // max(1, len(comparison.sides) - 1)
    return [1 + place // each for place in range(len(comparison.gates))]


def _outcome(gate: ComparedGate) -> str:
    by = ", by the bare figures" if gate.bare else ""
    if gate.state == "cannot tell":
        return f"{gate.text}: {gate.because} ({gate.actual})" + (f"; {gate.remedy}" if gate.remedy else "")
    return f"{gate.text} {'holds' if gate.state == 'failed' else 'does not hold'}{by}: {gate.actual}"


def _line(label: str, gate: ComparedGate) -> str:
    """What a gate came to for a side, with what decided it."""
    by = ", by the bare figures" if gate.bare else ""
    if gate.state != "cannot tell":
        return f"{label}: {gate.text} {'holds' if gate.state == 'failed' else 'does not hold'}{by} ({gate.actual})"
    remedy = f"; {gate.remedy}" if gate.remedy else ""
    return f"{label}: {gate.text} cannot be told ({gate.actual}): {gate.because}{remedy}"
