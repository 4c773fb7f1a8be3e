import subprocess

import pytest

from tests import kubetools
from tests.charts import chart


@pytest.mark.parametrize("name", chart.SCENARIOS)
@pytest.mark.parametrize("helm", [3, 4])
def test_helm_finds_nothing_to_complain_of(helm: int, name: str) -> None:
    command = [str(kubetools.helm(helm)), "lint", "--strict", "--quiet", str(chart.CHART)]
    command += ["--values", str(chart.SCENARIOS[name])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout
    assert "[ERROR]" not in done.stdout


def test_the_notes_say_what_to_do_next() -> None:
    demo, routed = notes("demo"), notes("external")
    assert "port-forward service/wa-whatsapp-agent-simulator 8100" in demo
    assert "helm --namespace shop test wa" in demo
    assert "Callback URL: https://whatsapp.example.com/webhook/whatsapp" in routed
    assert "get secret whatsapp -o jsonpath='{.data.verify-token}'" in routed
    assert "Nothing routes it yet" in notes("first-try")
    assert "no KEDA" in notes("first-try")
    assert "knows no customers" in notes("first-try")
    assert "port-forward deployment/wa-whatsapp-agent-worker 8001" in demo
    assert "volume of one node" in demo
    assert "volume of one node" not in routed
    assert "exec deployment/wa-whatsapp-agent-console -- gateway users add" in demo
    assert "port-forward service/wa-whatsapp-agent-console 8002" in demo
    assert "open https://console.example.com/console" in routed
    assert "https://accounts.example.com: https://console.example.com/console/oidc/callback" in routed
    assert "console" not in notes("first-try")


def notes(name: str) -> str:
    command = [str(kubetools.helm()), "install", "wa", str(chart.CHART), "--namespace", "shop", "--dry-run=client"]
    command += ["--values", str(chart.SCENARIOS[name])]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.partition("NOTES:")[2]
