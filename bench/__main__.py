"""Run all benchmarks, or those named: `python -m bench [webhooks] [turns] [history] [graph] [console]`."""

import sys

from bench import console, graph, history, turns, webhooks

BENCHES = {
    "webhooks": webhooks.main,
    "turns": turns.main,
    "history": history.main,
    "graph": graph.main,
    "console": console.main,
}

for name in sys.argv[1:] or BENCHES:
    if name not in BENCHES:
        sys.exit(f"there is no bench {name!r}, only {', '.join(BENCHES)}")
    print(f"## {name}")
    BENCHES[name]()
