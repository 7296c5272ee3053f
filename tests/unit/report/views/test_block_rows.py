"""Every block that a view gives has a place in the terminal, and in Markdown unless it is a picture."""

from made.deep_runs import stored
from made.sweeps import GATES, init_by_depth, seen

from gradlab.config.experiment import Experiment
from gradlab.report.files.markdown import _WRITERS
from gradlab.report.terminal.blocks import _PRINTERS
from gradlab.report.views.blocks import Heatmap, Only, Profiles
from gradlab.report.views.prediction import prediction_view
from gradlab.report.views.run import view
from gradlab.theory.prediction import predict


def test_both_faces_know_every_block() -> None:
    experiment = Experiment.model_validate({"name": "deep", "model": {"depth": 4, "width": 8, "activation": "tanh"}})
    views = [view(stored()), seen(init_by_depth(), gates=GATES), prediction_view(predict(experiment))]
    given = {type(block) for shown in views for block in shown.blocks}
    assert given == set(_PRINTERS)
    assert given - {Heatmap, Profiles, Only} == set(_WRITERS)
