"""The levels of a Word document's headings, by its styles: their ids are translated, their names never are."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from xml.parsers import expat

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main "
STYLES_PART = "word/styles.xml"
STYLES_BYTES_LIMIT = 5_000_000
_HEADING = re.compile(r"heading ([1-6])", re.IGNORECASE)


def heading_levels(archive: zipfile.ZipFile) -> dict[str, int]:
    """Return the level of each style for headings, by its id; none if the document says nothing about styles."""
    if STYLES_PART not in archive.namelist():
        return {}
    styles = _Styles()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = styles.begin
    with archive.open(STYLES_PART) as part:
        parser.Parse(part.read(STYLES_BYTES_LIMIT))
    return styles.levels


class _Styles:
    def __init__(self) -> None:
        self.levels: dict[str, int] = {}
        self._id = ""

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        """Begin an element."""
        if name == W + "style":
            self._id = attributes.get(W + "styleId", "")
        elif name == W + "name" and (found := _HEADING.fullmatch(attributes.get(W + "val", ""))):
            self.levels[self._id] = int(found[1])
