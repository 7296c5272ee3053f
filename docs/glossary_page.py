"""The glossary: every word that an output prints, with a table of the verdicts and their rules."""

from page_tables import table

from gradlab.report.glossary.definition import KINDS, Definition
from gradlab.report.glossary.index import whole
from gradlab.report.words.verdicts import APPEARANCES

HEADINGS = {
    "outcome": "Outcomes",
    "finding": "Findings besides the verdicts",
    "figure": "Figures of a run",
    "quantity of a layer": "Quantities of a layer and step",
    "quantity of a step": "Quantities of a step",
    "comparison": "What a comparison comes to",
    "theory": "Theory",
    "term": "Words",
    "column": "Columns and keys",
}


def glossary() -> str:
    """Every word that an output prints."""
    every = whole()
    verdicts = [one for one in every if one.kind == "verdict"]
    parts = [
        "\n# Glossary\n\n",
        "Every word that gradlab prints, as `gradlab explain NAME` says it; the fields of a config stand in [config.md](config.md). "
        "`null` (– in tables) is a value that has no meaning there.\n\n"
        "## Verdicts\n\nWhat gradlab says of a run in one word, the worst first: the first whose rule finds something critical "
        "is the verdict. [How often it is wrong](diagnosis.md) is measured.\n\n",
        table(
            ["", "verdict", "what it means", "its rule"],
            [
                [APPEARANCES[one.name].glyph, f"`{one.name}`", one.sentence, f"{one.rule[:1].upper()}{one.rule[1:]}."]
                for one in verdicts
            ],
        ),
    ]
    for kind in KINDS:
        held = [one for one in every if one.kind == kind]
        if kind in HEADINGS and held:
            parts.append(f"\n## {HEADINGS[kind]}\n\n{_words(held)}")
    return "".join(parts)


def _words(held: list[Definition]) -> str:
    """A table of definitions, without the columns in which none says anything."""
    columns = {
        "written": "symbol",
        "unit": "unit",
        "what it is": "text",
        "how it is read": "reads",
        "when": "rule",
        "also": "also",
    }
    told = {
        head: name for head, name in columns.items() if any(getattr(one, name) not in ("", "1", ()) for one in held)
    }

    def shown(one: Definition, name: str) -> str:
        value = getattr(one, name)
        return ", ".join(value) if isinstance(value, tuple) else value

    rows: list[list[object]] = [[f"`{one.name}`", *(shown(one, name) for name in told.values())] for one in held]
    return table(["word", *told], rows)
