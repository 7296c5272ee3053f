"""The recipes of docs/architecture.md, and a copy of the package that follows them as they stand."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text()


@dataclass(frozen=True)
class Step:
    """Lines that a recipe adds, and where."""

    file: str
    how: str
    anchor: str
    lines: str

    def apply(self, root: Path) -> None:
        """Changes a copy of the package in `root`."""
        path = root / self.file
        if self.how == "a new file":
            assert not path.exists(), self.file
            path.write_text(self.lines)
            return
        text = path.read_text()
        assert text.count(self.anchor) == 1, f"{self.file} has {text.count(self.anchor)} times: {self.anchor}"
        start = text.index(self.anchor)
        stop = start + len(self.anchor)
        match self.how:
            case "after":
                stop = start = text.index("\n", start) + 1
            case "before":
                stop = start = text.rindex("\n", 0, start) + 1
        lines = self.lines.removesuffix("\n") if self.how == "in place of" else self.lines
        if self.how == "before" and lines[0].isalpha():
            lines += "\n\n"  # two blank lines stand between definitions
        path.write_text(text[:start] + lines + text[stop:])


def recipes() -> dict[str, list[Step]]:
    """The steps of each recipe, by its heading."""
    parts = re.split(r"^### (.+?)(?:: .*)?\n", PAGE.split("\n## To add …\n")[1], flags=re.MULTILINE)[1:]
    block = re.compile(
        r"^```\w+\n(?:#|//) (\S+), (?:(after|before|in place of) `([^\n]+)`|(a new file))\n(.*?)^```$", re.DOTALL | re.M
    )
    return {
        title: [Step(file, how or new, anchor, lines) for file, how, anchor, new, lines in block.findall(text)]
        for title, text in zip(parts[::2], parts[1::2], strict=True)
    }


def follow(root: Path) -> None:
    """Copy the package to a directory and follow all recipes in it."""
    shutil.copytree(ROOT / "gradlab", root / "gradlab")
    for steps in recipes().values():
        for step in steps:
            step.apply(root)
