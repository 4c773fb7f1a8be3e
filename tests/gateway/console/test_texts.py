"""All words are there in every language, and every key that a page or a module names exists."""

import ast
import re
import string
from pathlib import Path

import pytest

from gateway.console import texts

CONSOLE = Path(texts.__file__).parents[1]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_language_has_the_same_keys_with_the_same_values_put_in() -> None:
    first, *others = (texts.every(language) for language in texts.LANGUAGES)
    for other in others:
        assert first.keys() == other.keys()
        assert {key: placeholders(first[key]) for key in first} == {key: placeholders(other[key]) for key in first}


def named() -> set[str]:
    found: set[str] = set()
    for path in CONSOLE.rglob("*.html"):
        found |= set(re.findall(r"""\bt\(\s*["']([\w.-]+)["']\s*[,)]""", path.read_text()))
    for path in CONSOLE.rglob("*.py"):
        found |= set(re.findall(r'"((?:access|admin|errors|base)\.[\w.]+)"', path.read_text()))
    return found


@pytest.mark.parametrize("key", sorted(named()))
def test_a_key_that_is_named_exists(key) -> None:
    for language in texts.LANGUAGES:
        every = texts.every(language)
        assert key in every or f"{key}.other" in every


def actions() -> set[str]:
    """Return the actions that any module writes into the audit: the third argument of `write` and `done`."""
    found: set[str] = set()
    for path in CONSOLE.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("audit.write", "done") and len(node.args) > 2:
                argument = node.args[2]
                options = [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]
                found |= {one.value for one in options if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return found


def details() -> set[str]:
    """Return the names of details that any module writes into the audit, where they are written out."""
    found: set[str] = set()
    for path in CONSOLE.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("audit.write", "audit.refuse", "done"):
                found |= {one.arg for one in node.keywords if one.arg}
                for argument in node.args:
                    keys = argument.keys if isinstance(argument, ast.Dict) else []
                    found |= {key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
    return found


def test_every_tool_of_the_agent_has_a_name() -> None:
    module = ast.parse((CONSOLE.parents[1] / "graph" / "tools" / "__init__.py").read_text())
    [names] = [
        node.value for node in module.body if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "TOOLS"
    ]
    assert isinstance(names, ast.List)
    for language in texts.LANGUAGES:
        assert {f"conversation.tools.{ast.unparse(one)}" for one in names.elts} <= texts.every(language).keys()


def test_every_detail_of_the_audit_has_a_name() -> None:
    assert len(details()) > 10
    for language in texts.LANGUAGES:
        assert {f"admin.audit.details.{name}" for name in details()} <= texts.every(language).keys()


def test_every_action_of_the_audit_has_a_name() -> None:
    assert len(actions()) > 20
    for language in texts.LANGUAGES:
        assert {f"admin.audit.actions.{action}" for action in actions()} <= texts.every(language).keys()
