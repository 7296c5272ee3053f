"""What a notebook shows of runs: HTML without script, every text escaped, the same whether IPython is there or not."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from made.deep_runs import stored
from made.module_runs import RUN_NAMES, module_record, module_run, one_run, plain, save, watched

import gradlab.api
from gradlab.report.notebook import run_html, runs_html
from gradlab.results.stored import StoredRun

_VOID = {"br", "hr", "meta"}


class _Tags(HTMLParser):
    """The tags of a piece of HTML, which must close in the order in which they open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def picture(text: str) -> ElementTree.Element:
    found = re.search(r"<svg.*?</svg>", text, re.DOTALL)
    assert found is not None
    return ElementTree.fromstring(found[0])


@pytest.mark.parametrize("name", RUN_NAMES)
def test_a_run_is_sound_html_without_script(name: str) -> None:
    text = run_html(one_run(name))
    tags = _Tags(text)
    assert "script" not in tags.seen
    assert not any(attribute.startswith("on") for attribute in tags.attributes)
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")  # nothing is loaded from anywhere
    assert len(text) < 60_000


def test_a_module_has_its_verdict_profile_and_rows_by_name() -> None:
    text = run_html(one_run("resnet"))
    assert "▼ vanishing" in text
    assert "remedy: a normalisation, or another start" in text
    assert "falls by 9.0 decades from layer4.1 to layer1.0" in text
    assert "49 rows at step 195, 8 of them blocks" in text
    assert "rows in the blocks" in text
    assert '<td class="text named">layer1.0.conv1</td>' in text
    drawn = picture(text)
    labels = [one.text for one in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"conv1", "layer1.0", "fc"} <= set(labels)
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}circle"))) == 2 * 49  # each row at two steps


def test_a_dense_run_has_its_theory_beside_it() -> None:
    text = run_html(stored())
    assert "Layers at step" in text
    dashed = [one for one in picture(text).iter("{http://www.w3.org/2000/svg}path") if one.get("stroke-dasharray")]
    assert len(dashed) == 1


def test_odd_names_stay_text() -> None:
    text = run_html(one_run("odd"))
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "&amp;amp;" in text
    assert "\x1b" not in text
    assert "<b>boom</b>" not in run_html(one_run("failed"))


def test_zeros_and_what_is_not_finite_are_marked() -> None:
    record = module_record(plain(6))
    record.layers["log10_backward_norm"].values[0, 1] = -np.inf
    record.layers["log10_backward_norm"].values[0, 3] = np.nan
    text = run_html(module_run(watched("marked"), record))
    assert text.count("<title>zero</title>") == 1
    assert text.count("<title>not finite</title>") == 1


def test_what_recorded_nothing_has_no_picture() -> None:
    assert "<svg" not in run_html(one_run("failed_at_once"))
    record = module_record(plain(4))
    for column in record.layers.values():
        column.present[:] = False
    assert "<svg" not in run_html(module_run(watched("empty"), record))


def test_several_runs_are_a_table_of_which_each_can_be_opened() -> None:
    runs = [one_run(name) for name in ("resnet", "gan", "odd")]
    text = runs_html(runs)
    assert _Tags(text).seen.count("details") == 3
    assert "torchvision.models.resnet.ResNet" in text
    assert runs_html(runs[:1]) == run_html(runs[0])
    assert "and 5 more" in runs_html([one_run("lstm")] * 25)


def test_runs_show_themselves_once_gradlab_is_used_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = save(tmp_path, [one_run("lstm")])
    loaded = gradlab.load(run.id, out=tmp_path)
    assert loaded._repr_html_() == run_html(loaded)
    listed = gradlab.api.Runs([loaded, loaded])
    assert listed._repr_html_() == runs_html([loaded, loaded])
    assert listed == [loaded, loaded]
    monkeypatch.setattr(StoredRun, "html", None)
    assert loaded._repr_html_() is None  # a notebook falls back on the line of `repr`


def test_runs_of_a_training_are_a_list_that_shows_itself(tmp_path: Path) -> None:
    small = {"model": {"depth": 3, "width": 8, "activation": "relu"}, "data": {"source": "xor"}, "train": {"steps": 3}}
    runs = gradlab.run(small, out=tmp_path)
    assert isinstance(runs, list)
    assert "<svg" in runs._repr_html_()  # type: ignore[attr-defined]


def test_neither_ipython_nor_matplotlib_is_loaded(tmp_path: Path) -> None:
    (run,) = save(tmp_path, [one_run("transformer")])
    code = (
        "import sys, gradlab\n"
        f"assert '<svg' in gradlab.load({str(run.path)!r})._repr_html_()\n"
        "assert not {'IPython', 'matplotlib', 'torch'} & set(sys.modules), set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_watch_shows_its_run_once_it_is_closed(tmp_path: Path) -> None:
    import torch

    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with gradlab.watch(model, optimizer, name="mine", out=tmp_path) as run:
        for _ in range(3):
            loss = model(torch.ones(2, 4)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            run.log(loss=loss)
            optimizer.step()
        assert run._repr_html_() is None
    assert run.stored is not None
    assert run._repr_html_() == run_html(run.stored)
