"""Words of a page that have a definition: each is told in a tip, and once more in a list at the page's end, which needs no script."""

from markupsafe import Markup

from gradlab.report.glossary.definition import Definition
from gradlab.report.glossary.index import normal, told


class Terms:
    """The words that one page shows, gathered as its template is filled in."""

    def __init__(self) -> None:
        self._met: dict[str, Definition] = {}

    def id(self, word: object) -> str:
        """The element that has a word's definition, "" where it has none."""
        found = told(str(word))
        if found is None:
            return ""
        self._met[found.name] = found
        return _id(found)

    def attributes(self, word: object) -> Markup:
        """Of an element that takes the focus: what describes it; nothing where the word has no definition."""
        return self.tipped(word) + self.described(word)

    def tipped(self, word: object) -> Markup:
        """Of an element around one that takes the focus, such as a label: what its tip says."""
        place = self.id(word)
        return Markup(' data-term="{}"').format(place) if place else Markup("")

    def described(self, word: object) -> Markup:
        """Of an element in one that has the tip: what describes it."""
        place = self.id(word)
        return Markup(' aria-describedby="{}"').format(place) if place else Markup("")

    def met(self) -> list[tuple[str, str, str]]:
        """Element, name and definition of every word so far, by the alphabet."""
        return [
            (_id(one), one.name, one.tip) for one in sorted(self._met.values(), key=lambda one: one.name.casefold())
        ]


def _id(one: Definition) -> str:
    return f"word-{normal(one.name).replace('.', '-')}"
