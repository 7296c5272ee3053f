"""What there is to see of a forecast where there is no theory: of a module of one's own."""

from gradlab.config.modules import ModuleExperiment
from gradlab.judgement.modules.verdict import NO_THEORY
from gradlab.report.views.prediction import PredictionView
from gradlab.report.views.run import setting
from gradlab.report.words.table import Table

_NULL = (
    "expected_backward_decades", "typical_backward_decades", "expected_spread", "phase", "q_star", "chi_1", "chi_parallel", "c_star",
    "xi_q", "xi_c", "trainable_depth", "trainable_depth_basis", "critical", "critical_reason", "input_mean_square", "input_correlation",
)  # fmt: skip
"""What programs find of every forecast."""


def unanswered(experiment: ModuleExperiment) -> PredictionView:
    """As `prediction_view`, of an experiment that theory says nothing about."""
    headline = f"theory has no answer: {NO_THEORY}"
    nothing = dict.fromkeys(_NULL)
    return PredictionView(
        name=experiment.name,
        setting=setting(experiment),
        headline=headline,
        meaning=(),
        figures=Table((), ()),
        layers=Table((), ()),
        profiles={},
        data={
            "name": experiment.name, "seed": experiment.seed, "reason": NO_THEORY, "outcomes": [], "phase_reason": NO_THEORY,
            **nothing, "meaning": [headline], "layers": [],
        },
        noun="layer",
    )  # fmt: skip
