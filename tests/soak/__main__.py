"""The soak: thousands of messages of hundreds of customers, a fault a second, and a comparison of all books at the end.

`python -m tests.soak --messages 10000 --seed 7` prints a report and ends with 1 where an invariant did not hold. A seed
repeats what customers write and which faults come; the machine decides what they meet.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from tests.soak.run import Plan, soak


def main() -> int:
    """Run the soak that the arguments describe."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000, help="that customers write")
    parser.add_argument("--customers", type=int, default=400)
    parser.add_argument("--rate", type=float, default=8.0, help="messages a second")
    parser.add_argument("--each", type=int, default=20, help="faults of each kind, at least")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two faults")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    given = parser.parse_args()
    plan = Plan(given.messages, given.customers, given.rate, given.each, given.every, given.seed)
    print(f"seed {plan.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="whatsapp-soak-") as directory:
        Path(directory).chmod(0o755)
        report = soak(Path(directory), plan)
        print(report.text())
        if not report.held:
            report.keep(Path(".dev/soak"))
            print("The logs and the rows that are wrong are in .dev/soak.")
    return 0 if report.held else 1


if __name__ == "__main__":
    sys.exit(main())
