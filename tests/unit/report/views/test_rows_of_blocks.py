"""Rows are called what they are in every face: a stem and blocks where there are skip connections, layers elsewhere."""

from pathlib import Path

import pytest
from made.judged_runs import experiment, only, record, stuck

import gradlab
from gradlab.cli.main import main
from gradlab.judgement.verdict import judge
from gradlab.report.views.run import why
from gradlab.results.finding import Finding
from gradlab.results.record import Outcome


def found(rule: str, decades: float, **model: object) -> Finding:
    run = experiment(40, model=model)
    return only(judge(run, record(depth=40, decades=decades, **stuck()), Outcome("completed"), None), rule)


def test_findings_say_blocks() -> None:
    said = found("vanishing", -6.0, residual=1).message
    assert said.startswith(
        "the gradient signal falls by 6.0 decades from block 40 to the stem at step 0, 0.15 a block (R² 1.00)"
    )
    assert "the stem and blocks 2 to 27 get less than 1 % of block 40's; 40 of 40 rows learn" in said
    plain = found("vanishing", -6.0).message
    assert "from layer 40 to layer 1 at step 0, 0.15 a layer" in plain
    assert "layers 1 to 27 get less than 1 % of layer 40's; 40 of 40 hidden layers learn" in plain


def test_a_divergence_names_its_row() -> None:
    run = experiment(40, model={"residual": 1})
    for layer, where in ((1, "the stem"), (7, "block 7"), (41, "the readout")):
        told = judge(run, None, Outcome("diverged", 2, layer), None)
        assert f"first in {where}" in told.findings[0].message
    assert "first in layer 7" in judge(experiment(40), None, Outcome("diverged", 2, 7), None).findings[0].message


def test_faces_of_a_residual_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = {
        "name": "blocks", "data": {"source": "digits", "batch_size": 16}, "train": {"steps": 3},
        "model": {"depth": 4, "width": 8, "activation": "relu", "norm": "batch", "residual": {"scale": 0, "learned": True}},
    }  # fmt: skip
    (run,) = gradlab.run(config, out=tmp_path)
    assert main(["show", "blocks", "--full", "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "rows at step 2, " in shown
    assert "1 the stem, 2 to 4 the blocks; the readout last" in shown
    assert "by block (input on top) and step" in shown
    assert {"norm_grad_norm", "residual_scale", "residual_scale_grad"} <= set(shown.split())
    assert "## Rows at step 2" in (run.path / "summary.md").read_text()
    assert main(["report", "blocks", "--out", str(tmp_path)]) == 0
    page = (run.path / "report.html").read_text()
    assert 'Rows at step 2 <span class="muted">(1 the stem, 2 to 4 the blocks, 5 the readout)</span>' in page
    assert '"noun":"block"' in page.replace('"noun": "', '"noun":"')
    assert main(["predict", str(run.path / "config.yaml")]) == 0
    assert "from block 4 to the stem" in capsys.readouterr().out


def test_a_healthy_network_in_words() -> None:
    run = experiment(40, model={"residual": 1})
    summary = judge(run, record(depth=40, decades=0.5), Outcome("completed"), None)
    assert (
        why(summary, run.model) == "40 rows learn; the gradient changes by 0.50 decades from the last block to the stem"
    )
    assert why(summary, experiment(40).model).endswith("from the last hidden layer to the first")
