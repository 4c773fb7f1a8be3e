"""A short soak: a fault of each kind while customers write; `make soak` runs a long one."""

from pathlib import Path

import pytest

from tests.soak.books import ANSWERS_KEPT, _missing
from tests.soak.run import Plan, soak


def test_everything_breaks_and_nobody_notices(server_dir: Path) -> None:
    directory = server_dir / "soak"
    directory.mkdir()
    directory.chmod(0o755)
    report = soak(directory, Plan(messages=80, customers=20, rate=8, each=1, every=0.5, seed=1))
    assert {name: rows for name, rows in report.wrong.items() if rows} == {}, report.text()
    assert set(report.faults.values()) <= {1, 2}


@pytest.mark.parametrize(
    ("done", "others", "gone", "missing"),
    [(5, 0, (), []), (30, 0, range(10), []), (30, 1, range(11), []), (30, 1, range(12), ["11"]), (5, 1, (3,), ["3"])],
)
def test_the_books_know_which_answers_a_thread_has_to_have(
    done: int, others: int, gone: tuple[int, ...], missing: list[str]
) -> None:
    turns = [str(n) for n in range(done)]
    kept = [one for one in turns if int(one) not in gone] + ["failed"] * bool(others)
    assert len(kept) <= ANSWERS_KEPT
    assert _missing(turns, kept) == missing
