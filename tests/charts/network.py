"""The connections that the NetworkPolicies of a release allow, as a cluster that enforces them would decide."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from tests.charts import chart

NAMESPACE = {"kubernetes.io/metadata.name": "shop"}


@dataclass(frozen=True)
class Pod:
    """One end: a pod with its labels and those of its namespace."""

    labels: dict[str, str]
    namespace: dict[str, str]


@dataclass(frozen=True)
class Outside:
    """One end: an address that is no pod's."""

    address: str


End = Pod | Outside


class Network:
    """The policies of a release."""

    def __init__(self, objects: list[chart.Object]) -> None:
        self._policies = [one["spec"] for one in objects if one["kind"] == "NetworkPolicy"]
        self.pods = {
            metadata["labels"]["app.kubernetes.io/component"]: Pod(metadata["labels"], NAMESPACE)
            for _, metadata, _ in chart.pods(objects)
        }

    def leaves(self, source: Pod, target: End, port: int, protocol: str = "TCP") -> bool:
        """Whether the source's own policies let it go there."""
        return self._allowed("egress", "Egress", "to", source, target, port, protocol)

    def enters(self, source: End, target: Pod, port: int, protocol: str = "TCP") -> bool:
        """Whether the target's own policies let it in."""
        return self._allowed("ingress", "Ingress", "from", target, source, port, protocol)

    def among_pods(self, ports: set[int]) -> set[tuple[str, str, int]]:
        """Every connection between components that both ends allow."""
        return {
            (source, target, port)
            for source, one in self.pods.items()
            for target, other in self.pods.items()
            for port in ports
            if self.leaves(one, other, port) and self.enters(one, other, port)
        }

    def _allowed(self, rules: str, kind: str, peers: str, own: Pod, other: End, port: int, protocol: str) -> bool:
        mine = [
            one for one in self._policies if kind in one["policyTypes"] and _selects(one["podSelector"], own.labels)
        ]
        return not mine or any(
            _names(rule, peers, other) and _opens(rule, port, protocol) for one in mine for rule in one.get(rules, [])
        )


def _names(rule: dict[str, Any], peers: str, end: End) -> bool:
    return peers not in rule or any(_is(peer, end) for peer in rule[peers])


def _is(peer: dict[str, Any], end: End) -> bool:
    """A block of addresses never means a pod here: network plugins differ in that, and the stricter ones count."""
    if isinstance(end, Outside):
        return "ipBlock" in peer and _holds(peer["ipBlock"], end.address)
    if "ipBlock" in peer:
        return False
    namespaces = peer.get("namespaceSelector", {"matchLabels": NAMESPACE})
    return _selects(namespaces, end.namespace) and _selects(peer.get("podSelector", {}), end.labels)


def _holds(block: dict[str, Any], address: str) -> bool:
    one = ip_address(address)
    return one in ip_network(block["cidr"]) and not any(one in ip_network(part) for part in block.get("except", []))


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    assert not selector.get("matchExpressions")
    return bool(selector.get("matchLabels", {}).items() <= labels.items())


def _opens(rule: dict[str, Any], port: int, protocol: str) -> bool:
    return "ports" not in rule or any(one["port"] == port and one["protocol"] == protocol for one in rule["ports"])
