"""A comparison as JSON holds it."""

from dataclasses import asdict
from typing import Any

from gradlab.judgement.comparing.comparison import Comparison
from gradlab.report.views.comparison import rows_shown
from gradlab.report.views.side_names import letters


def comparison_object(comparison: Comparison, *, changed_only: bool) -> dict[str, Any]:
    """A comparison for JSON."""
    rows = rows_shown(comparison, changed_only=changed_only)
    return {
        "sides": [
            {**asdict(side), "letter": letter}
            for side, letter in zip(comparison.sides, letters(len(comparison.sides)), strict=True)
        ],
        "config": [asdict(item) for item in comparison.config],
        "figures": [asdict(row) for row in rows],
        "judgements": list(comparison.judgements),
        "profiles": [
            [
                None
                if profile is None
                else {
                    "quantity": profile.quantity,
                    "relative_depth": profile.relative_depth.tolist(),
                    "values": profile.values.tolist(),
                    "num_seeds": len(profile.each),
                }
                for profile in sides
            ]
            for sides in comparison.profiles
        ],
        **_rows_object(comparison),
        "gates": [{"run": label, **asdict(gate)} for label, gate in comparison.gates],
        "notices": list(comparison.notices),
    }


def _rows_object(comparison: Comparison) -> dict[str, Any]:
    """Rows by name, where the sides have names."""
    held = comparison.named_rows
    if not held.missing:
        return {}
    return {"rows": [asdict(row) for row in held.matched], "missing_rows": [list(names) for names in held.missing]}
