"""Gates of a comparison in words."""

from gradlab.judgement.comparing.comparison import Comparison
from gradlab.judgement.comparing.gates import ComparedGate, State
from gradlab.report.views.side_names import letters

_WORDS: dict[State, str] = {"passed": "ok", "failed": "FAILED", "cannot tell": "cannot tell"}


def gate_words(comparison: Comparison) -> list[str]:
    """One line for each gate and side, as the output shows it below the table: sides by their letters."""
    each = len(comparison.gates) // max(1, len(comparison.sides) - 1)  # as many for every further side
    names = letters(len(comparison.sides))
    return [
        f"gate {_WORDS[gate.state]}: {_line(names[1 + place // each], gate)}"
        for place, (_, gate) in enumerate(comparison.gates)
    ]


def failed_gates(comparison: Comparison) -> list[str]:
    """One line for each condition that must not hold and does, or may."""
    return [_line(label, gate) for label, gate in comparison.gates if gate.state != "passed"]


def _line(label: str, gate: ComparedGate) -> str:
    """What a gate came to for a side, with what decided it."""
    by = ", by the bare figures" if gate.bare else ""
    if gate.state != "cannot tell":
        return f"{label}: {gate.text} {'holds' if gate.state == 'failed' else 'does not hold'}{by} ({gate.actual})"
    remedy = f"; {gate.remedy}" if gate.remedy else ""
    return f"{label}: {gate.text} cannot be told ({gate.actual}): {gate.because}{remedy}"
