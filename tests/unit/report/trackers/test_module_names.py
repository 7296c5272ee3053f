"""What trackers call the rows of somebody's own modules: by rank and name, which every one of them takes."""

import re

from made.module_runs import ODD_NAMES, one_run

from gradlab.report.trackers.contents import contents_of


def test_rows_go_by_rank_and_name() -> None:
    names = contents_of(one_run("resnet")).figures.names
    assert "log10_backward_norm/49_fc_readout" in names
    ranked = [name for name in names if name.startswith("log10_backward_norm/")]
    assert ranked[0] == "log10_backward_norm/01_conv1"  # the gradient vanishes, so the smallest is worst
    assert any(name.endswith("layer2_0_downsample_0") for name in ranked)


def test_odd_names_are_letters_digits_and_one_stroke_and_all_different() -> None:
    names = contents_of(one_run("odd")).figures.names
    assert all(re.fullmatch(r"[A-Za-z0-9_]+(/[A-Za-z0-9_]+)?", name) for name in names)
    assert len(set(names)) == len(names)
    assert sum(name.startswith("log10_grad_norm/") for name in names) == len(ODD_NAMES)
    assert max(map(len, names)) < 150


def test_of_many_rows_the_worst_are_taken_and_without_a_readout_no_more() -> None:
    held = contents_of(one_run("transformer"), top=10)
    assert (held.hidden, held.left_out, held.noun) == (10, 161, "rows")
    alone = contents_of(one_run("gan"), top=3)
    assert (alone.hidden, alone.left_out) == (3, 5)
    assert "seed" not in alone.tags
