"""`gradlab plot`: every kind, what is refused before anything is drawn, and what is not loaded."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made.deep_runs import record, stored
from made.runs import make_spectrum

from gradlab import api
from gradlab.cli.main import main
from gradlab.results.record import Outcome
from gradlab.results.store import Store
from gradlab.results.sweeps.directory import StoredMember, SweepPlace, SweepPlan

Plot = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two experiments, one of them with two seeds, one with singular values, and a run that failed before its first step."""
    root = tmp_path_factory.mktemp("plotted")
    store = Store(root)
    spectrum = make_spectrum()
    for own, name, seed, kept in (
        ("aaaaaaaaaaa1", "deep", 0, record(8, steps=20)),
        ("aaaaaaaaaaa2", "deep", 1, record(8, steps=20)),
        ("bbbbbbbbbbb1", "spectral", 2, replace(record(8, steps=20), spectrum=spectrum)),
        ("ccccccccccc1", "failed", 3, None),
    ):
        made = stored(8, kept, outcome=Outcome("completed" if kept else "failed"))
        recording = {"spectrum": (1, 4)} if name == "spectral" else {}
        experiment = made.experiment.model_copy(
            update={
                "name": name,
                "seed": seed,
                "record": made.experiment.record.model_copy(update=recording),
            }
        )
        manifest = {"started": "2026-01-01T00:00:00", "finished": f"2026-01-01T00:0{seed}:00", "device": "cpu"}
        store.save(replace(made, id=own, experiment=experiment, manifest=manifest), "")
    return root


@pytest.fixture
def plot(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Plot:
    """Draw these runs into an empty directory: exit code and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str]:
        code = main(["plot", *words, "--out", str(runs)])
        captured = capsys.readouterr()
        assert captured.out == ""
        return code, captured.err

    return call


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("@latest~1",), "profile of spectral is in a.svg\n"),
        (("aaa",), None),
        (("aaaaaaaaaaa1", "aaaaaaaaaaa2", "bbb"), "profile of 3 runs is in a.svg\n"),
        (("aaaaaaaaaaa1", "aaaaaaaaaaa1"), "profile of deep is in a.svg\n"),
        (("aaaaaaaaaaa1", "aaaaaaaaaaa1", "deep-aaaaaaaaaaa1"), "profile of deep is in a.svg\n"),
        (("aaaaaaaaaaa1", "--kind", "heatmap"), "heatmap of deep is in a.svg\n"),
        (("aaaaaaaaaaa1", "bbb", "--kind", "heatmap", "--quantity", "mean_slope"), "heatmap of 2 runs is in a.svg\n"),
        (("aaaaaaaaaaa1", "bbb", "--kind", "loss"), "loss of 2 runs is in a.svg\n"),
        (("bbb", "--kind", "Spectrum"), "spectrum of spectral is in a.svg\n"),
        (
            ("bbb", "--quantity", "Log10-GradNorm"),
            "Log10-GradNorm is understood as log10_grad_norm\nprofile of spectral is in a.svg\n",
        ),
        (("bbb", "--quantity", "log10_grad_norm", "--quantity", "forward_rms", "--quiet"), ""),
    ],
)
def test_figures_are_written_and_named(words: tuple[str, ...], said: str | None, plot: Plot, tmp_path: Path) -> None:
    code, err = plot(*words, "-o", "a.svg")
    if said is None:  # two runs begin like that
        assert code == 2
        assert list(tmp_path.iterdir()) == []
        return
    assert (code, err) == (0, said)
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("bbb", "-o", "a.jpg"), 2, "a.jpg: a figure's name ends in .svg, .png or .pdf"),
        (("bbb", "-o", "none/a.svg"), 2, "there is no directory none"),
        (("bbb",), 2, "Missing option"),
        (("nobody", "-o", "a.svg"), 5, "nobody"),
        (("bbb", "--kind", "profil", "-o", "a.svg"), 2, "profil"),
        (("bbb", "--quantity", "log10_grad", "-o", "a.svg"), 2, "Did you mean 'log10_grad_norm'?"),
        (("bbb", "--kind", "loss", "--quantity", "zzz", "-o", "a.svg"), 2, "one of: loss, accuracy, log10_grad_norm_total"),
        (("bbb", "--kind", "spectrum", "--quantity", "loss", "-o", "a.svg"), 2, "--kind spectrum draws"),
        (("bbb", "--kind", "heatmap", "--quantity", "mean_slope", "--quantity", "dead_fraction", "-o", "a.svg"), 2,
         "--quantity dead_fraction: --kind heatmap draws one"),
        (("bbb", "--kind", "heatmap", "--quantity", "sign_coherence", "-o", "a.svg"), 5, "-s record.quantities=all records it"),
        (("ccc", "-o", "a.svg"), 5, "nothing was recorded, the run failed before its first step"),
        (("aaaaaaaaaaa1", "--kind", "spectrum", "-o", "a.svg"), 5, "deep: no singular values were recorded; -s record.spectrum=1"),
        (("bbb", "--kind", "space", "-o", "a.svg"), 5, "spectral: its data have 64 features"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_said_and_nothing_is_written(
    words: tuple[str, ...], code: int, said: str, plot: Plot, tmp_path: Path
) -> None:
    found, err = plot(*words)
    assert found == code
    assert said in " ".join(err.split())
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_is_its_members(plot: Plot, runs: Path) -> None:
    place = SweepPlace(runs, "grid", "a" * 8 + "0000")
    config = stored(8, None).experiment.model_dump(mode="json")
    members = [StoredMember(own, {}, config) for own in ("0" * 12, "aaaaaaaaaaa1", "bbbbbbbbbbb1")]
    place.write_plan(SweepPlan(place.id, "grid", (), (), "cpu", tuple(members)), "")
    assert plot("grid", "-o", "a.svg") == (0, "profile of 2 runs is in a.svg\n")
    place.write_plan(SweepPlan(place.id, "grid", (), (), "cpu", tuple(members[:1])), "")
    code, told = plot("grid", "-o", "a.svg")
    assert code == 5
    assert told.startswith("no runs of 'grid' in ")


def test_a_run_without_a_record_is_left_out_and_named(plot: Plot) -> None:
    code, err = plot("ccc", "bbb", "-o", "a.svg")
    assert code == 0
    assert err.splitlines()[0].endswith("failed-ccccccccccc1: left out, nothing was recorded of it")
    assert err.splitlines()[1] == "profile of spectral is in a.svg"


def test_more_experiments_than_can_be_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plot: Plot) -> None:
    from gradlab.report.figures import sides

    monkeypatch.setattr(sides, "MOST", 1)
    code, err = plot("aaaaaaaaaaa1", "bbb", "-o", "a.svg")
    assert code == 2
    assert err == "2 experiments cannot be told apart in one figure, 1 can; name fewer\n"


def test_more_than_can_be_told_apart_are_told_which_condition_takes_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from gradlab.report.figures import sides

    store = Store(tmp_path / "runs")
    for number, depth in enumerate((6, 8, 9)):
        made = stored(depth, record(depth, steps=20))
        named = made.experiment.model_copy(update={"name": "net", "seed": number})
        store.save(replace(made, id=f"{number:012x}", experiment=named), "")
    monkeypatch.setattr(sides, "MOST", 2)
    words = ["plot", "--out", str(tmp_path / "runs"), "-o", str(tmp_path / "a.svg"), "--where"]
    assert main([*words, "name == net"]) == 2
    told = capsys.readouterr().err
    assert told.startswith(
        "3 experiments cannot be told apart in one figure, 2 can; name fewer, or take some of them, as in --where '"
    )
    assert main([*words, told.partition("--where '")[2].rstrip("'\n")]) == 0


def test_the_plane_of_a_real_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    config = {
        "name": "moons",
        "model": {"depth": 2, "width": 8, "activation": "relu", "init": "he"},
        "data": {"source": "moons", "samples": 80, "batch_size": 16},
        "train": {"steps": 10},
    }
    api.run(config, device="cpu")
    capsys.readouterr()
    for name in ("a.svg", "b.svg"):
        assert main(["plot", "moons", "--kind", "space", "-o", name]) == 0
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert capsys.readouterr().err.splitlines()[:2] == [
        "training moons again: its weights are not stored",
        "space of moons is in a.svg",
    ]
    made = api.load("moons")
    assert made.record is not None
    losses = made.record.figures["loss"].values
    losses[3:] = np.nextafter(losses[3:], 9.0)
    Store("runs").save(replace(made, read=lambda: made.record), "")
    assert main(["plot", "moons", "--kind", "space", "-o", "c.svg", "--quiet"]) == 0
    err = capsys.readouterr().err
    assert "moons: trained again, its losses differ from the stored ones from step 3 on" in err


@pytest.mark.parametrize(
    ("words", "spared"),
    [
        (("--help",), ("torch", "matplotlib", "numpy")),
        (("bbb", "-o", "a.png"), ("torch", "matplotlib.pyplot", "sklearn")),
    ],
)
def test_what_is_not_needed_is_not_loaded(
    words: tuple[str, ...], spared: tuple[str, ...], runs: Path, tmp_path: Path
) -> None:
    code = (
        "import sys\n"
        "from gradlab.cli.main import main\n"
        f"assert main(['plot', *{words!r}, '--out', {str(runs)!r}]) == 0\n"
        f"loaded = [name for name in {spared!r} if name in sys.modules]\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
