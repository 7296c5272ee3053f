"""Symmetry: units of a layer that stay copies of one another, because they began alike and are given the same gradient at every step.

A layer of copies is a layer of one unit, however wide: its weight has rank one. It is measured on the weights of the last step, which are
equal but for the rounding of their own products.
"""

from gradlab.config import row_names
from gradlab.config.text import counted
from gradlab.judgement.evidence import Evidence
from gradlab.judgement.remedies import starts
from gradlab.results.finding import Finding


def symmetry(evidence: Evidence) -> list[Finding]:
    """Layers whose units are all copies of one another at the end."""
    copied = evidence.record.copied_layers
    if not copied:
        return []
    advice = evidence.advice(starts.different_units)
    width, last = evidence.experiment.model.width, evidence.step(evidence.num_rows - 1)
    where = row_names.span(evidence.experiment.model, copied[0], copied[-1])
    return [
        Finding(
            rule="symmetry",
            severity="critical",
            layers=(copied[0], copied[-1]),
            since_step=0,
            value=float(len(copied)),
            limit=0.0,
            message=f"all {counted(width, 'unit')} of {where} are still copies of one another after {counted(last, 'step')}: "
            f"{'it is' if len(copied) == 1 else 'each is'} worth one unit: they began alike, and what is alike gets the same gradient",
            remedy=advice.sentence,
            remedies=advice.remedies,
        )
    ]
