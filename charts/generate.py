"""Write the parts of the chart that follow from other files: README's table of values, CRDs, database roles.

`python charts/generate.py` writes them, `--check` only says whether they are current.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from gateway.store.roles import statements

ROOT = Path(__file__).parents[1]
CHART = ROOT / "charts" / "whatsapp-agent"
README = CHART / "README.md"
CRDS = ROOT / "k8s" / "crds"
COPIES = CHART / "files" / "crds"
ROLES = CHART / "files" / "roles.sql"
OWNER = "whatsapp_agent"  # the superuser of the chart's Postgres, who owned everything in older releases
BEGIN, END = "<!-- values: written by charts/generate.py -->", "<!-- end of values -->"
LONGEST_DEFAULT = 60


@dataclass(frozen=True)
class Value:
    """A row of the table: dotted path, default, and what the comment says; None where there is no comment."""

    path: str
    default: object
    about: str | None


def values(text: str) -> list[Value]:
    """The values of a values.yaml. A map with a comment of its own is one row; of others each part is."""
    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)
    return list(_rows(root, text.splitlines(), ""))


def _rows(node: yaml.MappingNode, lines: list[str], prefix: str) -> Iterator[Value]:
    for key, value in node.value:
        path = f"{prefix}{key.value}"
        about = _comment(lines, key.start_mark.line)
        if about is None and isinstance(value, yaml.MappingNode) and value.value:
            yield from _rows(value, lines, f"{path}.")
        else:
            yield Value(path, _plain(value), about)


def _comment(lines: list[str], line: int) -> str | None:
    """The `# --` comment that ends right above a line."""
    found: list[str] = []
    while line and lines[line - 1].strip().startswith("#"):
        line -= 1
        text = lines[line].strip().removeprefix("#").strip()
        found.insert(0, text.removeprefix("--").strip())
        if text.startswith("--"):
            return " ".join(found)
    return None


def _plain(node: yaml.Node) -> object:
    plain: object = yaml.safe_load(yaml.serialize(node))
    return plain


def table(rows: list[Value]) -> str:
    """Markdown, one table a section."""
    out: list[str] = []
    section = None
    for row in rows:
        first = row.path.split(".")[0] if "." in row.path else ""
        if first != section:
            out += ["", f"### {first or 'General'}", "", "| value | default | what it is |", "| --- | --- | --- |"]
            section = first
        out.append(f"| `{row.path}` | {_shown(row.default)} | {(row.about or '').replace('|', chr(92) + '|')} |")
    return "\n".join(out).strip()


def _shown(default: object) -> str:
    text = json.dumps(default, ensure_ascii=False)
    return f"`{text}`" if len(text) <= LONGEST_DEFAULT else "see values.yaml"


def outputs() -> dict[Path, str]:
    """Every generated file with its content."""
    readme = README.read_text()
    head, _, rest = readme.partition(BEGIN)
    _, _, tail = rest.partition(END)
    made = f"{head}{BEGIN}\n\n{table(values((CHART / 'values.yaml').read_text()))}\n\n{END}{tail}"
    copies = {COPIES / path.name: path.read_text() for path in sorted(CRDS.glob("*.yaml"))}
    return {README: made, ROLES: statements(OWNER), **copies}


def stale() -> list[Path]:
    """Files that are not what they should be, those too many included."""
    wanted = outputs()
    wrong = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    return wrong + [path for path in COPIES.glob("*") if path not in wanted]


def main() -> None:
    """Write, or with --check exit with 1 when something is not current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    wrong = stale()
    if parser.parse_args().check:
        sys.exit(f"not current: {', '.join(str(path.relative_to(ROOT)) for path in wrong)}" if wrong else 0)
    wanted = outputs()
    for path in wrong:
        if path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path])
        else:
            path.unlink()
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
