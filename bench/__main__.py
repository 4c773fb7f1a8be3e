"""Run all benchmarks, or those named: ``python -m bench turns``."""

import sys

from bench import console, graph, history, instant, knowledge, limits, long, person, replicas, sizes, turns, webhooks

BENCHES = {
    "webhooks": webhooks.main,
    "turns": turns.main,
    "instant": instant.main,
    "limits": limits.main,
    "history": history.main,
    "graph": graph.main,
    "console": console.main,
    "long": long.main,
    "replicas": replicas.main,
    "sizes": sizes.main,
    "knowledge": knowledge.main,
    "person": person.main,
}

names = sys.argv[1:] or [*BENCHES]
if unknown := set(names) - BENCHES.keys():
    sys.exit(f"there is no bench {', '.join(sorted(unknown))}, only {', '.join(BENCHES)}")
for name in names:
    print(f"## {name}")
    BENCHES[name]()
