"""A short soak: a fault of each kind while customers write; `make soak` runs a long one."""

from pathlib import Path

from tests.soak.run import Plan, soak


def test_everything_breaks_and_nobody_notices(server_dir: Path) -> None:
    directory = server_dir / "soak"
    directory.mkdir()
    directory.chmod(0o755)
    report = soak(directory, Plan(messages=80, customers=20, rate=8, each=1, every=0.5, seed=1))
    assert {name: rows for name, rows in report.wrong.items() if rows} == {}, report.text()
    assert set(report.faults.values()) <= {1, 2}
