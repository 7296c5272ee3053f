"""How many rows of a module learn: each matrix counts once, however many blocks it is in."""

import numpy as np
from made.module_runs import module_record, module_run, plain, resnet, watched

from gradlab.judgement.comparing.samples import figure_of


def test_a_block_is_as_many_as_it_has_members() -> None:
    made = resnet()
    run = module_run(watched("resnet"), module_record(made))
    matrices = [name for name, kind in made.rows if kind == "Conv2d"]
    assert run.summary.learning_layers == len(matrices)
    assert figure_of(run, "learning_share") == 1.0


def test_the_share_is_of_rows_that_are_trained() -> None:
    record = module_record(plain(6))
    for name in ("log10_grad_norm", "grad_norm", "log10_update_ratio"):
        record.layers[name].present[:, 0] = False  # frozen
    record.layers["log10_update_ratio"].values[:, 1] = -np.inf
    run = module_run(watched("frozen"), record)
    assert run.summary.learning_layers == 3
    assert figure_of(run, "learning_share") == 0.75
