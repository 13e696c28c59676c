"""Real alerts beside the repository, where they are: used in addition, never needed."""

from pathlib import Path

from lxml import etree

FOLDER = Path(__file__).parents[4] / "shared" / "cap"


def files() -> list[Path]:
    """All documents of the corpus; none where there is no corpus."""
    return sorted(FOLDER.glob("*.xml"))


def oasis() -> etree.XMLSchema | None:
    """The schema of the standard, as an oracle; None where there is no corpus."""
    path = FOLDER / "CAP-v1.2.xsd"
    return etree.XMLSchema(file=str(path)) if path.exists() else None
