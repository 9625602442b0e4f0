"""Which pods may speak with which: everything is closed, and each role opens what it needs and no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deploy.k8s import configuration
from deploy.k8s.configuration import KAFKA, POSTGRES
from deploy.k8s.workloads import labels

Object = dict[str, Any]

ROLES = ("api", "worker", "migrate")
DATABASE = ("postgres",)
FLOWS: Mapping[tuple[str, str], tuple[str, ...]] = {
    # role → where it connects to; whoever is not here connects to the database alone
    ("docs", "api"): ("objects", "telemetry"),
    ("docs", "worker"): ("kafka", "objects", "mailboxes", "antivirus", "telemetry"),
    ("signing", "api"): ("objects", "pki", "telemetry"),
    ("signing", "worker"): ("kafka", "objects", "pki", "telemetry"),
    ("registry", "api"): ("objects", "pki", "telemetry"),
    ("registry", "worker"): ("kafka", "objects", "pki", "telemetry"),
    ("notify", "api"): ("telemetry",),
    ("notify", "worker"): ("kafka", "mail", "telemetry"),
    ("portal", "api"): ("site", "telemetry"),
    ("portal", "worker"): ("kafka", "telemetry"),
}


def _namespace(name: str) -> Object:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _ports(*numbers: int) -> list[Object]:
    return [{"protocol": "TCP", "port": number} for number in numbers]


# Outside addresses are names, which a NetworkPolicy does not know; an overlay may narrow this to addresses.
OUTSIDE = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}  # the cloud's metadata stays shut
TARGETS: Mapping[str, Object] = {
    "postgres": {"to": [{"podSelector": {"matchLabels": {"cnpg.io/cluster": POSTGRES}}}], "ports": _ports(5432)},
    "kafka": {
        "to": [{"podSelector": {"matchLabels": {"strimzi.io/name": f"{KAFKA}-kafka"}}}],
        "ports": _ports(int(configuration.COMMON["kafka"].rpartition(":")[2])),
    },
    "telemetry": {"to": [_namespace("monitoring")], "ports": _ports(4318)},
    "objects": {"to": [OUTSIDE], "ports": _ports(443)},
    "pki": {"to": [OUTSIDE], "ports": _ports(80, 443)},  # CRL, OCSP and time stamps are plain HTTP by design
    "mail": {"to": [OUTSIDE], "ports": _ports(25, 465, 587)},
    "mailboxes": {"to": [OUTSIDE], "ports": _ports(143, 993)},  # IMAP, of agencies that have documents sent there
    "antivirus": {"to": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "clamd"}}}], "ports": _ports(3310)},
    "site": {"to": [OUTSIDE, _namespace("gateway")], "ports": _ports(443)},  # the services' public address
}


def everywhere() -> list[Object]:
    """Closed, but for names."""
    dns = {
        "to": [_namespace("kube-system") | {"podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}],
        "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")],
    }
    return [
        _policy("default-deny", {}, ["Ingress", "Egress"], {}),
        _policy("names", {}, ["Egress"], {"egress": [dns]}),
    ]


def of_service(service: str) -> list[Object]:
    return [_of_role(service, role) for role in ROLES]


def _of_role(service: str, role: str) -> Object:
    egress = [TARGETS[name] for name in (*DATABASE, *FLOWS.get((service, role), ()))]
    rules: Object = {"egress": egress}
    own = configuration.own(service)
    if role == "api":
        rules["ingress"] = [
            {"from": [_namespace("gateway"), _namespace("monitoring")], "ports": _ports(int(own["port"]))}
        ]
    elif role == "worker":
        rules["ingress"] = [{"from": [_namespace("monitoring")], "ports": _ports(int(own["worker_port"]))}]
    return _policy(f"{service}-{role}", {"matchLabels": labels(service, role)}, ["Ingress", "Egress"], rules)


def _policy(name: str, whom: Object, types: list[str], rules: Object) -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "vanthu"}},
        "spec": {"podSelector": whom, "policyTypes": types, **rules},
    }
