"""charts/generate.py as a module: charts/ is no package."""

import importlib.util
import sys

from tests.charts.chart import ROOT

_spec = importlib.util.spec_from_file_location("charts_generate", ROOT / "charts" / "generate.py")
assert _spec is not None
assert _spec.loader is not None
generate = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = generate
_spec.loader.exec_module(generate)
