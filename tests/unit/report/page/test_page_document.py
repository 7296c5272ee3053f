"""The frame of every page: one file that loads nothing, in which text stays text."""

import base64
import gzip
import json
import math
import re
from importlib.resources import files

import jinja2
import pytest
from made.deep_runs import stored

from gradlab.report.page.run.page import run_page
from gradlab.report.page.shared import document
from gradlab.report.views.run import view

ROOMS = [room for room in files("gradlab.report.page").iterdir() if room.is_dir()]
ASSETS = sorted(
    f"{room.name}/{held.name}" for room in ROOMS for held in room.iterdir() if held.name.endswith((".css", ".js"))
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page of a run of three layers."""
    run = stored(3)
    return run_page(run, view(run), tmp_path_factory.mktemp("page") / "report.html")


def data_of(page: str) -> dict[str, object]:
    """What the page's script reads."""
    found: dict[str, object] = json.loads(page.partition('id="page-data">')[2].partition("</script>")[0])
    return found


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a_long-name.of:two", ["a_", "long-", "name.", "of:", "two"]),
        ("normal std=0.001", ["normal std=", "0.001"]),
        ("lr=1e-3,lr=-0.5", ["lr=", "1e-3,", "lr=-0.5"]),
        ("-2", ["-2"]),
        ("net-7f3a", ["net-", "7f3a"]),
    ],
)
def test_a_name_breaks_between_its_parts_and_in_no_number(name: str, parts: list[str]) -> None:
    assert str(document._breakable(name)).split("<wbr>") == parts


def test_nothing_is_loaded_and_the_page_forbids_it_itself(page: str) -> None:
    head = page.partition("<body>")[0]
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', head)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "unsafe-eval" not in policy[1]
    assert "http" not in policy[1]
    outside = page.replace(page.partition('id="page-library">')[2].partition("</script>")[0], "")
    markup = re.sub(r"<script>.*?</script>", "", outside, flags=re.DOTALL)
    assert re.findall(r"""(?:src|href)=(?!["'](?:#|data:))""", markup) == []
    assert "@import" not in outside
    assert "url(" not in outside


def test_the_policy_stands_before_every_script(page: str) -> None:
    assert page.index("Content-Security-Policy") < page.index("<script")


def test_the_library_is_plotly_s_own(page: str) -> None:
    held = page.partition('id="page-library">')[2].partition("</script>")[0]
    assert gzip.decompress(base64.b64decode(held)) == (files("plotly") / "package_data" / "plotly.min.js").read_bytes()


@pytest.mark.parametrize("name", ASSETS)
def test_no_asset_ends_its_element_or_writes_html(name: str) -> None:
    text = (files("gradlab.report.page") / name).read_text(encoding="utf-8")
    assert "</script" not in text.lower()
    assert "</style" not in text.lower()
    assert "<!--" not in text
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "fetch(",
        "XMLHttpRequest",
    ):
        assert way not in text, way


def test_data_cannot_end_its_element_and_comes_back_as_it_was() -> None:
    text = "</script><!--<b>&amp;\u2028😀 שלום"
    page = document.render("run", "title", {"text": text}, **_context())
    held = page.partition('id="page-data">')[2].partition("</script>")[0]
    assert not set("<>&") & set(held)
    assert json.loads(held) == {"text": text}


def test_what_is_not_finite_is_a_word() -> None:
    page = document.render("run", "title", {"all": [math.inf, -math.inf, math.nan, 1.5]}, **_context())
    assert data_of(page) == {"all": ["inf", "-inf", "nan", 1.5]}


def test_the_title_is_one_line_of_text() -> None:
    page = document.render("run", "a\n</title><script>", {}, **_context())
    assert "<title>a &lt;/title&gt;&lt;script&gt;</title>" in page


def test_a_name_that_a_template_misses_is_an_error() -> None:
    context = _context()
    del context["view"]
    with pytest.raises(jinja2.UndefinedError):
        document.render("run", "title", {}, **context)


def test_bytes_that_are_no_text_become_question_marks() -> None:
    assert document.encoded("a\udcff 😀") == "a? 😀".encode()


def test_ids_are_unique_and_links_within_the_page_lead_somewhere(page: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    inner = re.findall(r'href="#([^"]+)"', page)
    assert inner
    assert set(inner) <= set(ids)


def test_the_same_run_gives_the_same_page(page: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = stored(3)
    assert run_page(run, view(run), tmp_path_factory.mktemp("again") / "report.html") == page


def _context() -> dict[str, object]:
    """What the run's template reads, of a run of one layer."""
    run = stored(1)
    return {
        "view": view(run), "word": "healthy", "findings": [], "config": "", "facts": [], "timing": "", "profiles": [],
        "switch": [], "curves": [], "seeds": (), "mates": [], "pictures": (), "rows": [0, 1], "theory": None,
        "theory_rows": [], "theory_words": "", "reading": "", "nothing": "", "said_below": False, "constant": False,
        "traceback": "",
    }  # fmt: skip
