"""A page as a notebook: its text as it is, its Python as cells. Used by generate.py."""

import json
import re
from pathlib import Path

_CODE = re.compile(r"^```python\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


def notebook(page: Path) -> str:
    """A page of Markdown as a notebook (nbformat 4), without outputs."""
    cells = []
    for place, part in enumerate(_CODE.split(page.read_text(encoding="utf-8"))):
        source = part.strip("\n").splitlines(keepends=True)
        if not source:
            continue
        own = {"execution_count": None, "outputs": []} if place % 2 else {}
        cells.append(
            {
                "cell_type": "code" if place % 2 else "markdown",
                "id": f"cell-{len(cells)}",
                "metadata": {},
                **own,
                "source": source,
            }
        )
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
