"""The setting that makes products reproducible comes in time, or the user is told."""

import os
import subprocess
import sys

RUN = """
import gradlab.training
from gradlab.config.experiment import Experiment
from gradlab.datasets import load
one = Experiment.model_validate({"model": {"depth": 2, "width": 4, "activation": "tanh"}, "train": {"steps": 1}})
from gradlab.training.engine import train
train([one], load(one.data))
"""


def stderr_of(before: str) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "MKL_CBWR"} | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", before + RUN], env=environment, capture_output=True, text=True, check=True
    )
    return done.stderr


def test_gradlab_first_or_torch_merely_loaded_is_in_time() -> None:
    assert "MKL_CBWR" not in stderr_of("")
    assert "MKL_CBWR" not in stderr_of("import torch\n")


def test_a_product_before_gradlab_is_told_where_it_matters() -> None:
    """Only where this processor's products do vary without the setting; the probe itself says whether they do."""
    spoilt = "import torch\ntorch.randn(50, 50) @ torch.randn(50, 50)\n"
    probe = (
        spoilt
        + "from gradlab.training import product_check\nimport sys\nprint(product_check.vary(), file=sys.stderr)\n"
    )
    found, *rest = stderr_of(probe).splitlines()
    assert found in ("True", "False")
    assert ("MKL_CBWR" in "".join(rest)) is (found == "True")
