"""The presets of configs/papers: each a claim of the literature, with what it expects and why.

That all of them hold, over their seeds and with the gates of configs/papers.yaml, takes minutes and is among the longer proofs. The fast
tests hold each preset to its form, and the constants that presets and gates are written with to the formulas that they come from.
"""

import functools
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from processor_time import within
from scipy.special import polygamma, psi
from scipy.stats import binom, norm

from gradlab.config.reading import document
from gradlab.config.sweeps.sweep import Sweep, load

ROOT = Path(__file__).parents[2]
PRESETS = sorted((ROOT / "configs" / "papers").glob("*.yaml"))
SWEEP = ROOT / "configs" / "papers.yaml"

FAMILIES = (
    "batchnorm", "born_dead", "d2l_product", "d2l_sigmoid", "edge", "glorot_gradients", "glorot_jacobian", "glorot_saturation", "hanin",
    "he_10", "he_30", "he_variance", "isometry", "layernorm", "poole", "random_walk", "residual", "rezero",
    "saxe", "schoenholz", "selu", "shattered",
    "ten_thousand_layers", "xiao",
)  # fmt: skip
"""The claims that the networks at hand can show."""


@functools.cache
def papers() -> Sweep:
    return load(SWEEP)


def texts(path: Path) -> list[str]:
    """The paragraphs of the comment at the top."""
    comment = [line for line in path.read_text().splitlines() if line.startswith("#")][1:]
    return " ".join(line.removeprefix("#").strip() or "\n" for line in comment).split(" \n ")


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_says_what_it_shows_where_it_is_from_and_what_it_expects(path: Path) -> None:
    experiment = document.read(path)
    assert experiment.expect
    shown, source, expected = texts(path)
    assert 60 < len(shown) < 420
    assert re.match(r"Source: .", source)
    assert re.match(r"Expected: .*\d", expected)
    # A verdict follows rules that may change; a claim is about figures.
    assert not any("verdict" in condition for condition in experiment.expect)


def test_every_claim_has_a_preset_and_every_preset_a_claim() -> None:
    for family in FAMILIES:
        assert any(path.stem.startswith(family) for path in PRESETS), family
    for path in PRESETS:
        assert path.stem.startswith(FAMILIES), path.stem
    for number in range(len(FAMILIES) - 1):
        assert FAMILIES[number] < FAMILIES[number + 1]


def test_the_sweep_has_every_preset_and_its_gates_are_about_them() -> None:
    made = papers()
    names = {path.stem for path in PRESETS}
    assert {member.point["name"] for member in made.members} == names
    assert len(made.gates) >= 20
    for gate in made.gates:
        (about,) = re.findall(r" where name == (\w+)$", gate)
        assert about in names


def test_every_preset_is_on_the_page() -> None:
    page = (ROOT / "docs" / "papers.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == {path.stem for path in PRESETS}


# The constants, from their formulas.


def bounds(name: str, term: str) -> tuple[float, float]:
    """The bounds that the gates set for a statistic of a preset."""
    (gate,) = [gate for gate in papers().gates if gate.endswith(f"name == {name}") and gate.startswith(term)]
    low, high = (float(text) for text in re.findall(r"[<>]=? (-?[\d.]+)", gate))
    return low, high


def num_seeds(name: str) -> int:
    return sum(member.point["name"] == name for member in papers().members)


def chi_squared_layers(width: int, num_layers: int, variance: float, active: float) -> tuple[float, float]:
    """Mean and standard deviation, in decades of a length, of Π χ²_K · variance / width with K ~ Bin(width, active)."""
    K = np.arange(1, width + 1)
    weight = binom.pmf(K, width, active)
    weight /= weight.sum()  # of networks that are not dead
    log = psi(K / 2) + math.log(2 * variance / width)
    mean = float(weight @ log)
    spread = float(weight @ (polygamma(1, K / 2) + log**2)) - mean**2
    return num_layers * mean / (2 * math.log(10)), math.sqrt(num_layers * spread) / (2 * math.log(10))


LAWS = {
    "d2l_product": chi_squared_layers(4, 99, 4.0, 1.0),
    "d2l_product_scaled": chi_squared_layers(4, 99, 1.0, 1.0),
    "he_variance": chi_squared_layers(256, 49, 2.0, 0.5),
    "he_variance_xavier": chi_squared_layers(256, 49, 1.0, 0.5),
    "random_walk": chi_squared_layers(32, 100, 1.47272**2, 0.5),
    "random_walk_he": chi_squared_layers(32, 100, 2.0, 0.5),
    "hanin_32": chi_squared_layers(32, 20, 2.0, 0.5),
    "hanin_64": chi_squared_layers(64, 40, 2.0, 0.5),
    "hanin_linear": chi_squared_layers(32, 20, 1.0, 1.0),
}


@pytest.mark.parametrize("name", list(LAWS))
def test_bounds_of_means_are_four_standard_errors_of_the_law(name: str) -> None:
    mean, spread = LAWS[name]
    low, high = bounds(name, "mean(init.forward_decades)")
    error = spread / math.sqrt(num_seeds(name))
    assert (low - mean) / error == pytest.approx(-4, abs=0.15)
    assert (high - mean) / error == pytest.approx(4, abs=0.15)
    (own,) = [path for path in PRESETS if path.stem == name]
    for text in document.read(own).expect:
        low, high = (float(number) for number in re.findall(r"[<>] (-?[\d.]+)", text))
        assert -5.6 < (low - mean) / spread < -4.9
        assert 4.9 < (high - mean) / spread < 5.6


@pytest.mark.parametrize("name", [name for name in LAWS if name.startswith("hanin")])
@pytest.mark.parametrize("way", ["forward", "backward"])
def test_bounds_of_spreads_are_four_standard_errors_of_the_law(name: str, way: str) -> None:
    _, spread = LAWS[name]
    low, high = bounds(name, f"spread(init.{way}_decades)")
    error = spread / math.sqrt(2 * (num_seeds(name) - 1))
    assert (low - spread) / error == pytest.approx(-4, abs=0.15)
    assert (high - spread) / error == pytest.approx(4, abs=0.15)


def test_bounds_of_the_born_dead_are_four_binomial_standard_deviations() -> None:
    share, count = 1 - (1 - 2.0**-5) ** 20, num_seeds("born_dead")
    deviation = math.sqrt(count * share * (1 - share))
    low, high = bounds("born_dead", "count(min(forward_rms) == 0)")
    assert low == pytest.approx(count * share - 4 * deviation, abs=1)
    assert high == pytest.approx(count * share + 4 * deviation, abs=1)


def test_constants_of_the_presets() -> None:
    by_name = {path.stem: path.read_text() for path in PRESETS}
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    chi = scale**2 * (0.5 + alpha**2 * math.exp(2) * norm.cdf(-2))
    assert f"χ₁ = λ² (1/2 + α² e² Φ(-2)) = {chi:.4f}" in " ".join(texts(ROOT / "configs/papers/selu.yaml"))
    low, high = bounds("selu", "mean(init.backward_slope)")
    assert low < math.log10(chi) / 2 < high
    gain = math.sqrt(2) * math.exp(1.2 / (32 - 2.4))
    assert f"sigma_w: {gain:.5f}" in by_name["random_walk"]
    for z in (0, 4, 8):
        slope = 1 / (1 + math.exp(-z)) * (1 - 1 / (1 + math.exp(-z)))
        decades = 10 * math.log10(1e-3 * slope)
        (text,) = [
            text for text in document.read(ROOT / f"configs/papers/d2l_sigmoid_at_{z}.yaml").expect if "decades" in text
        ]
        low, high = (float(number) for number in re.findall(r"[<>] (-?[\d.]+)", text))
        assert low < decades < high
        assert high - low < 0.021
    product, c = 1.0, 0.0
    for _ in range(3):  # the arc-cosine kernel of ReLU at σ_w² = 2
        product *= 1 - math.acos(c) / math.pi
        c = (math.sqrt(1 - c * c) + c * (math.pi - math.acos(c))) / math.pi
    assert f"is {product:.3f}." in by_name["shattered_relu_3"].replace("\n# ", " ")


@pytest.mark.slow
def test_all_presets_hold_and_take_less_than_five_minutes_on_two_cores(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gradlab", "sweep", str(SWEEP), "--out", str(tmp_path), "--workers", "2"]
    with within(2 * 300):
        done = subprocess.run(
            [*command, "--format", "json", "--quiet"], capture_output=True, text=True, check=False, timeout=900
        )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert all(gate["passed"] for gate in found["sweep"]["gates"])
    layers = {run["seed"]: run["layers"] for run in found["runs"] if run["name"] == "glorot_saturation"}
    assert len(layers) == 3
    for rows in layers.values():  # it is the top hidden layer that saturates
        means = [row["activation_mean"] for row in rows[:-1]]
        assert means.index(min(means)) == len(means) - 1
