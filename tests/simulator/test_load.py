"""The load report for a business that answers correctly, and for one that makes every mistake."""

import asyncio
import math

import httpx
import pytest

from simulator.load import Customer, Load, Report


class Answering:
    """A simulator (by its transport) whose business answers each question as `answers` says."""

    def __init__(self, answers) -> None:
        self.answers = answers
        self.messages: list[dict] = []
        self.throughput: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)  # let the other tasks run, as a network would
        path = request.url.path
        if path == "/_sim/accounts":
            return httpx.Response(200, json={"numbers": [{"id": "1", "throughput": "STANDARD"}]})
        if path.startswith("/_sim/numbers/"):
            self.throughput.append(request.content.decode())
            return httpx.Response(200, json={})
        if path == "/_sim/transcript":
            after = int(request.url.params.get("after", 0))
            return httpx.Response(200, json={"revision": len(self.messages), "messages": self.messages[after:]})
        wa_id, text = path.split("/")[3], request.content.decode()
        self._add("in", wa_id, text)
        for answer in self.answers(text):
            self._add("out", wa_id, answer)
        return httpx.Response(201, json={"id": "x", "revision": 1})

    def _add(self, direction, wa_id, text) -> None:
        stamp = f"2026-01-01T00:00:{len(self.messages) % 60:02d}+00:00"
        message = {"id": f"m{len(self.messages)}", "direction": direction, "wa_id": wa_id, "type": "text", "text": text}
        self.messages.append(message | {"timestamp": stamp})


def number(text):
    return "".join(filter(str.isdigit, text))


async def run(answers, customers=5, messages=2, seconds=1.0):
    progress: list[int] = []
    business = Answering(answers)
    async with httpx.AsyncClient(transport=httpx.MockTransport(business), base_url="http://sim") as client:
        report = await Load(client, customers, messages, 0).run(seconds, progress.append)
    return report, progress, business


async def test_a_good_business_is_told_so() -> None:
    report, progress, business = await run(lambda text: [f"Nenhum pedido {number(text)} encontrado."])
    assert report.correct
    assert (report.questions, progress[-1], len(report.seconds)) == (10, 10, 10)
    assert report.percentile(0.5) <= report.percentile(0.99)
    assert ["HIGH" in business.throughput[0], "STANDARD" in business.throughput[1]] == [True, True]


async def test_silence_is_a_loss() -> None:
    report, _, _ = await run(lambda _: [], seconds=0.2)
    assert (report.lost, report.correct) == (10, False)
    assert math.isnan(report.percentile(0.5))


async def test_echoes_and_nonsense_are_seen() -> None:
    duplicated, _, _ = await run(lambda text: [number(text)] * 2, messages=1)
    assert (duplicated.duplicated, duplicated.lost) == (5, 0)
    unrecognised, _, _ = await run(lambda _: ["Desculpe, tente mais tarde."], messages=1)
    assert (unrecognised.unrecognised, unrecognised.lost) == (5, 5)


def test_order_is_checked() -> None:
    client = httpx.AsyncClient()
    load = Load(client, 1, 2, 0)
    [customer] = load.customers.values()
    customer.asked = [0.0, 1.0]
    customer.answers = [(f"pedido {order}", 2.0) for order in reversed(customer.orders)]
    assert (load.report().out_of_order, load.report().lost) == (1, 0)


def test_a_strangers_number_is_nobodys() -> None:
    customer = Customer("1", ["20000"], answers=[("pedido 20010", 1.0), ("pedido 20000", 2.0)])
    assert customer.named == ["?", "20000"]


@pytest.mark.parametrize(("customers", "messages"), [(0, 1), (10_000, 1), (1, 0), (1, 10)])
def test_impossible_loads_are_refused(customers, messages) -> None:
    with pytest.raises(ValueError, match="are possible"):
        Load(httpx.AsyncClient(), customers, messages, 10)


def test_one_answer_has_percentiles_too() -> None:
    assert Report(1, 1, 0, 0, 0, 0, 0, [3.0]).percentile(0.99) == 3.0
