"""Which modules a command line allows to import."""

from pathlib import Path

import pytest

from gradlab.config.allowed_code import AllowedCode, allowed_code, not_imported, refuse_code
from gradlab.config.modules import Module, ModuleData, ModuleExperiment
from gradlab.errors import UsageError

MINE = ModuleExperiment(model=Module(build="mine.nets:build"), data=ModuleData(build="loads.data:batches"))


@pytest.mark.parametrize(
    ("prefix", "module", "allowed"),
    [
        ("mine", "mine", True),
        ("mine", "mine.nets", True),
        ("mine.nets", "mine.nets.deep", True),
        ("mine.nets", "mine", False),
        ("mine.nets", "mine.other", False),
        ("ev", "evil", False),
        ("evil", "ev.il", False),
        ("mine.net", "mine.nets", False),
        ("Mine", "mine", False),
    ],
)
def test_whole_dotted_names_count(prefix: str, module: str, allowed: bool) -> None:
    assert AllowedCode((prefix,)).allows(module) is allowed


def test_nothing_is_allowed_by_itself() -> None:
    assert not AllowedCode().allows("mine")


@pytest.mark.parametrize("prefix", ["", ".", "mine.", "*", "mine.*", "a b", "os;x", "../mine", "mine:build"])
def test_what_is_no_dotted_name_is_refused(prefix: str) -> None:
    with pytest.raises(UsageError, match=r"--allow-code .*: expected a dotted name"):
        allowed_code([prefix])


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--import-path .*nowhere: there is no such directory"):
        allowed_code(["mine"], [tmp_path, tmp_path / "nowhere"])
    assert allowed_code(["mine"], [tmp_path]).import_path == (str(tmp_path),)


def test_one_text_is_not_several() -> None:
    with pytest.raises(UsageError, match="expected several"):
        allowed_code("mine")


def test_a_refusal_names_modules_and_flags() -> None:
    with pytest.raises(
        UsageError, match=r"^mine\.nets, loads\.data: .*--allow-code mine\.nets --allow-code loads\.data$"
    ):
        refuse_code([MINE], AllowedCode())
    with pytest.raises(UsageError, match=r"^loads\.data: .*add --allow-code loads\.data$"):
        refuse_code([MINE], AllowedCode(("mine",)))
    refuse_code([MINE], AllowedCode(("mine", "loads.data")))
    assert "mine.nets, loads.data was not imported" in (not_imported([MINE]) or "")
