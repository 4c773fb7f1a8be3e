import re
import tomllib

import pytest

from gateway.turns.canned_texts import FOLDER, apology, limited, unreadable

UNREADABLE = [{"kind": "unsupported"}]


@pytest.mark.parametrize("locale", ["pt", "pt_BR", "pt-BR", "pt_PT", "PT"])
def test_portuguese_is_spoken_in_all_its_countries(locale):
    assert apology(locale).startswith("Desculpe")
    assert "pessoa" in apology(locale, person_called=True)
    assert unreadable(UNREADABLE, locale).startswith("Ainda não")


@pytest.mark.parametrize("locale", ["es", "es_AR", "es-419"])
def test_spanish_is_spoken_in_all_its_countries(locale):
    assert apology(locale).startswith("Lo siento")
    assert "equipo" in limited(locale)
    assert unreadable(UNREADABLE, locale).startswith("Todavía no")


def test_languages_whose_courtesies_are_known_are_spoken():
    known = {path.stem for path in (FOLDER.parents[1] / "inbox" / "courtesies").glob("*.toml")}
    assert known <= {path.stem for path in FOLDER.glob("*.toml")}


@pytest.mark.parametrize("locale", ["en", "en_US", "de_DE", ""])
def test_languages_without_a_file_read_english(locale):
    assert apology(locale).startswith("Sorry")
    assert unreadable(UNREADABLE, locale).startswith("I cannot")


def keys(values, before=""):
    return {
        key
        for name, value in values.items()
        for key in (keys(value, f"{before}{name}.") if isinstance(value, dict) else {before + name})
    }


def test_every_language_says_everything():
    languages = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.toml")}
    assert {"pt", "en"} <= languages.keys()
    assert len({frozenset(keys(texts)) for texts in languages.values()}) == 1


def test_the_sentences_to_customers_stand_nowhere_else():
    modules = FOLDER.parents[1].rglob("*.py")
    assert [path for path in modules if re.search(r"\b(Desculpe|você|Sorry|Lo siento)\b", path.read_text())] == []
