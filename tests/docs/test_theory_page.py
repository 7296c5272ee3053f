"""docs/theory.md shows what `predict` says, and names columns, limits and files that are there."""

import re
from pathlib import Path

import pytest

from gradlab.cli.main import main
from gradlab.config.experiment import Experiment
from gradlab.judgement.rules import theory as rule
from gradlab.report.views import prediction, theory
from gradlab.theory.prediction import predict

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/theory.md").read_text()


def test_the_page_shows_what_predict_says(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    shown = re.search(r"\$ gradlab (predict .*)\n((?:.+\n)+?)```", PAGE)
    assert shown is not None
    assert main([*shown[1].split(), "--full"]) == 0
    said = " ".join(capsys.readouterr().out.split("by layer")[0].split())
    assert " ".join(shown[2].split()) == said


def test_columns_and_keys_of_the_page_are_those_of_the_tables() -> None:
    found = prediction.prediction_view(
        predict(Experiment.model_validate({"model": {"depth": 3, "width": 16, "activation": "tanh"}}))
    )
    keys = {*found.data, *found.data["layers"][0]}
    table = PAGE.split("| what | how | in JSON |")[1].split("\n\n")[0]
    told = set(re.findall(r"`(\w+)`", "".join(row.rsplit("|", 2)[1] for row in table.strip().splitlines()[1:])))
    assert told <= keys
    names = {field.name for field in theory.table(()).fields}
    table = PAGE.split("| column | what it is |")[1].split("\n\n")[0]
    first = "".join(row.split("|")[1] for row in table.strip().splitlines()[1:])
    assert set(re.findall(r"`(\w+)`", first)) == names - {"layer"}
    columns = {field.name for field in theory.columns((), 0).fields}
    assert {"init_backward_decades", "backward_spread", "backward_deviation"} <= columns


def test_limits_of_the_page_are_those_of_the_rule() -> None:
    assert f"Within {rule.NUM_SPREADS:.0f} spreads and {rule.ALLOWANCE} decades" in PAGE
    assert f"Beyond, {rule.NUM_NETWORKS} networks are drawn" in PAGE
    assert rule.MARGIN == 2.0
    assert f"(to {rule.WEIGHT_SHARE:.0%} and {rule.WEIGHT_ERRORS:.0f} standard errors".replace("%", " %") in PAGE
    assert f"below {rule.FEWEST_UNITS} units nothing is forbidden" in PAGE


def test_files_that_the_page_names_are_there() -> None:
    for name in re.findall(r"`((?:gradlab|tests|configs)/[\w/.]+)`", PAGE):
        assert (ROOT / name).exists(), name
