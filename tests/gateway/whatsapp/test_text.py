import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.whatsapp.text import split_formatted, split_text

WORD = st.text(alphabet="abçé", min_size=1, max_size=12)
SPACE = st.sampled_from([" ", "  ", "\n", "\n\n", ". ", "! ", "?\n\n", "\t"])
PROSE = st.lists(st.tuples(WORD, SPACE), max_size=60).map(lambda pairs: "".join(map("".join, pairs)))


def squeezed(text):
    return "".join(text.split())


@given(PROSE | st.text(), st.integers(1, 50))
def test_nothing_but_white_space_is_lost_and_no_part_is_too_long(text, limit):
    parts = split_text(text, limit)
    assert all(0 < len(part) <= limit for part in parts)
    assert squeezed("".join(parts)) == squeezed(text)
    at = 0
    for part in parts:  # in order, with white space only in between
        found = text.index(part, at)
        assert not text[at:found].strip()
        at = found + len(part)
    assert not text[at:].strip()


@given(PROSE, st.integers(14, 60))
def test_no_word_is_cut_that_fits(text, limit):
    words = text.split()
    for part in split_text(text, limit):
        assert all(word in words for word in part.split())


@given(PROSE | st.text(), st.integers(1, 50))
def test_text_that_fits_stays_whole(text, limit):
    if len(text.strip()) <= limit:
        assert split_text(text, limit) == ([text.strip()] if text.strip() else [])


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        ("um dois\n\ntrês quatro. cinco", 24, ["um dois", "três quatro. cinco"]),
        ("um dois\ntrês quatro. cinco", 24, ["um dois", "três quatro. cinco"]),
        ("um dois. três quatro cinco", 24, ["um dois.", "três quatro cinco"]),
        ("um dois três quatro cinco", 24, ["um dois três quatro", "cinco"]),
        ('Ele disse "sim." Ela não disse nada', 24, ['Ele disse "sim."', "Ela não disse nada"]),
        ("a.\n\n" + "b" * 10 + " " + "c" * 10, 20, ["a.\n\n" + "b" * 10, "c" * 10]),  # not for so small a part
        ("R$ 1.234,56 é o preço final", 12, ["R$ 1.234,56", "é o preço", "final"]),
        ("x" * 10, 4, ["xxxx", "xxxx", "xx"]),
        ("日本語。日本語。", 5, ["日本語。", "日本語。"]),
        ("   ", 5, []),
        ("", 5, []),
    ],
)
def test_where_it_is_cut(text, limit, parts):
    assert split_text(text, limit) == parts


FAMILY = "👩‍👩‍👧"
GRAPHEMES = [FAMILY, "👍🏽", "🇧🇷", "e\u0301", "각", "🏴\U000e0067\U000e0062\U000e007f", "☎️"]


@given(st.lists(st.sampled_from(GRAPHEMES), min_size=1, max_size=30), st.integers(6, 20))
def test_no_grapheme_is_torn(graphemes, limit):
    for part in split_text("".join(graphemes), limit):
        rest = part
        while rest:
            whole = next((g for g in GRAPHEMES if rest.startswith(g)), None)
            assert whole, f"{rest!r} begins in the middle of a grapheme"
            rest = rest.removeprefix(whole)


def test_one_grapheme_longer_than_the_limit_is_torn_after_all():
    assert split_text("e" + "\u0301" * 9, 4) == ["e\u0301\u0301\u0301", "\u0301" * 4, "\u0301" * 2]


CODE = st.lists(WORD | SPACE, max_size=30).map("".join).map(lambda code: f"```\n{code}\n```")


def without_fences(text):
    return squeezed(text.replace("```", ""))


@given(st.lists(PROSE | CODE, max_size=6).map("\n".join), st.integers(16, 60))
def test_a_code_block_that_is_cut_is_closed_and_opened_again(text, limit):
    parts = split_formatted(text, limit)
    assert all(0 < len(part) <= limit for part in parts)
    assert all(part.count("```") % 2 == 0 for part in parts)
    assert without_fences("".join(parts)) == without_fences(text)


@given(PROSE | st.text(alphabet=st.characters(exclude_characters="`")), st.integers(16, 50))
def test_text_without_code_is_split_like_any_other(text, limit):
    assert split_formatted(text, limit) == split_text(text, limit)


def test_words_before_a_code_block_stay_out_of_it():
    parts = split_formatted("um dois tr\u00eas\n```\nquatro cinco seis\n```\nsete", 24)
    assert parts == ["um dois tr\u00eas", "```\nquatro cinco\n```", "```\nseis\n```\nsete"]
