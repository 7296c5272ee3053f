"""Hands and eyes on a page's figures: the pointer over a cell, arrow keys, the tip, and what the library was given to draw."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page

from gradlab.results.stored import StoredRun

_PLACE = """([id, x, y]) => {
  const element = document.getElementById(id), box = element.getBoundingClientRect(), { xaxis, yaxis } = element._fullLayout;
  return [box.left + xaxis._offset + xaxis.d2p(x), box.top + yaxis._offset + yaxis.d2p(y)];
}"""


def settled(page: Page, figure: str) -> Locator:
    """A figure that is drawn, whole in the window, with nothing left to scroll."""
    element = page.locator(f"#{figure}")
    page.evaluate(
        "(id) => { const it = gradlab.figures.find((one) => one.element.id === id); return it.near ? it.busy : it.force(); }",
        figure,
    )
    page.evaluate(
        "(id) => document.getElementById(id).scrollIntoView({ block: 'center', behavior: 'instant' })", figure
    )
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return element


def spot(page: Page, figure: str, x: float, y: float) -> tuple[float, float]:
    """Whole pixel nearest to a place on a figure's axes: a browser cuts off what a place has beyond, and a cell may be little more
    than a pixel high.
    """
    across, down = page.evaluate(_PLACE, [figure, x, y])
    return float(round(across)), float(round(down))


def hover(page: Page, figure: str, x: float, y: float) -> list[str]:
    """Move the pointer to a place on a figure's axes; the lines of the tip."""
    across, down = spot(page, figure, x, y)
    page.mouse.move(2, 2)
    page.locator("#tip").wait_for(state="hidden")
    page.mouse.move(across - 1, down)
    page.mouse.move(across, down)
    page.locator("#tip").wait_for(state="visible")
    page.wait_for_timeout(60)  # the library looks at the pointer every 50 ms
    return tip(page)


def tip(page: Page) -> list[str]:
    """Lines of the tip."""
    return [line for line in page.locator("#tip").inner_text().splitlines() if line]


def until(page: Page, condition: str, milliseconds: int = 20_000) -> None:
    """Wait until an expression of JavaScript is true; the library's own waiting would evaluate strings, which a page's policy forbids."""
    over = page.evaluate(
        f"""async () => {{
          const start = performance.now();
          while (performance.now() - start < {milliseconds}) {{
            if ({condition}) return true;
            await new Promise((done) => setTimeout(done, 20));
          }}
          return false;
        }}"""
    )
    assert over, f"not within {milliseconds} ms: {condition}"


def traces(page: Page, figure: str) -> list[dict[str, Any]]:
    """What the library was given to draw."""
    found: list[dict[str, Any]] = page.evaluate("(id) => document.getElementById(id).data", figure)
    return found


def power(log10: float) -> str:
    """10 to a power with three digits, as a person writes it."""
    exponent = math.floor(log10)
    digits = 10 ** (log10 - exponent)
    if round(digits, 2) >= 10:
        digits, exponent = 1.0, exponent + 1
    if -2 <= exponent <= 3:
        return f"{float(f'{digits * 10.0**exponent:.3g}'):.10g}"
    return f"{digits:.2f}·10{str(exponent).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def page_of(run: StoredRun) -> Path:
    """Where a run's page lies."""
    return run.path / "report.html"


def recorded(run: StoredRun, quantity: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A quantity as layers.parquet has it, [L, T], and where it has a meaning."""
    assert run.record is not None
    column = run.record.layers[quantity]
    return column.values.T, column.present.T
