"""docs/python.ipynb runs from its first cell to its last, and shows what it says."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs/python.ipynb"


def shown(code: str, names: dict[str, Any]) -> Any:
    """What a cell's last expression comes to, None where it has none."""
    body = ast.parse(code).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "<cell>", "exec"), names)
    if last is None:
        return None
    assert isinstance(last, ast.Expr)
    return eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)


@pytest.mark.slow
def test_every_cell_runs_and_what_has_a_picture_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cells = [
        "".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"
    ]
    assert len(cells) > 12
    names: dict[str, Any] = {}
    found = {code: shown(code, names) for code in cells}
    html = [code for code, value in found.items() if hasattr(value, "_repr_html_") and value._repr_html_()]
    assert [code.splitlines()[-1].split()[0] for code in html if "import" not in code][:2] == ["compared", "sweep"]
    assert html[0].endswith("\nrun")
    pictures = [value for value in found.values() if hasattr(value, "_repr_png_")]
    assert len(pictures) == 2
    assert all(picture._repr_png_().startswith(b"\x89PNG") for picture in pictures)
    assert (tmp_path / "loss.pdf").stat().st_size > 1000
    assert names["sweep"].path.joinpath("report.html").is_file()
    assert found[cells[-2]][1] >= 1, "conditions find the run that vanished"
