from tests.charts.generator import generate


def test_readme_and_definitions_are_current() -> None:
    stale = [str(path.relative_to(generate.ROOT)) for path in generate.stale()]
    assert stale == [], "run: python charts/generate.py"


def test_a_comment_of_several_lines_is_one_sentence() -> None:
    text = "# A section.\na:\n  # -- First half\n  # second half\n  b: [1]\n  # -- As a whole\n  c: {d: 1}\n  e: 2\n"
    rows = [(one.path, one.default, one.about) for one in generate.values(text)]
    assert rows == [("a.b", [1], "First half second half"), ("a.c", {"d": 1}, "As a whole"), ("a.e", 2, None)]
