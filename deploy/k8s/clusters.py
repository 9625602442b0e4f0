"""Topics, Kafka users, databases and database roles, from the same catalogue that the embedded stack is made from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from confluent_kafka.admin import ResourcePatternType

from deploy.k8s.configuration import KAFKA, POSTGRES
from deploy.local.postgres import owner
from deploy.local.topics import FOR_EVER, PARTNER, RETENTION, Right, partner_user, topic_names, wanted_rights
from shared.events import TOPICS, Topic

Object = dict[str, Any]
REPLICAS = 3
ENOUGH = 2  # of the replicas, to acknowledge a write


def topics(partners: Iterable[str] = ()) -> list[Object]:
    """Those of the services, or, with partners, only the partners' own."""
    named = tuple(partners)
    return [
        _topic(name, topic)
        for topic in TOPICS.values()
        if (PARTNER in topic.name) == bool(named)
        for name in topic_names(topic, named)
    ]


def _topic(name: str, topic: Topic) -> Object:
    return _of_cluster("KafkaTopic", name) | {
        "spec": {
            "partitions": topic.partitions,
            "replicas": REPLICAS,
            "config": {**RETENTION.get(topic.kind, FOR_EVER), "min.insync.replicas": str(ENOUGH)},
        }
    }


def users(partners: Iterable[str] = ()) -> list[Object]:
    """Those of the services, or, with partners, only the partners' own."""
    named = tuple(partners)
    theirs = {partner_user(partner) for partner in named}
    rights: dict[str, set[Right]] = defaultdict(set)
    for right in wanted_rights(TOPICS.values(), named):
        if bool(named) == (right.user in theirs):
            rights[right.user].add(right)
    return [_user(name, found) for name, found in sorted(rights.items())]


def _user(name: str, rights: set[Right]) -> Object:
    resources: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for right in rights:
        pattern = "prefix" if right.pattern is ResourcePatternType.PREFIXED else "literal"
        resources[right.resource.name.lower(), right.name, pattern].append(right.operation.name.capitalize())
    acls = [
        {"resource": {"type": kind, "name": name, "patternType": pattern}, "operations": sorted(operations)}
        for (kind, name, pattern), operations in sorted(resources.items())
    ]
    return _of_cluster("KafkaUser", name) | {
        "spec": {
            "authentication": {"type": "scram-sha-512"},
            "authorization": {"type": "simple", "acls": acls},
        }
    }


def _of_cluster(kind: str, name: str) -> Object:
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": kind,
        "metadata": {"name": name, "labels": {"strimzi.io/cluster": KAFKA, "app.kubernetes.io/part-of": "vanthu"}},
    }


def databases(services: Iterable[str]) -> list[Object]:
    """For each service a database, its owner for migrations, and the plain role that the service runs as."""
    made: list[Object] = []
    for service in services:
        made += [
            _role(service, service),
            _role(f"{service}-owner", owner(service)),
            _of_postgres("Database", service)
            | {
                "spec": {
                    "cluster": {"name": POSTGRES},
                    "name": service,
                    "owner": owner(service),
                    "databaseReclaimPolicy": "retain",
                }
            },
        ]
    return made


def _role(name: str, role: str) -> Object:
    return _of_postgres("DatabaseRole", name) | {
        "spec": {
            "cluster": {"name": POSTGRES},
            "name": role,
            "login": True,
            "superuser": False,
            "bypassrls": False,
            "createdb": False,
            "createrole": False,
            "disablePassword": True,
            "clientCertificate": {"enabled": True},
            "databaseRoleReclaimPolicy": "retain",
        }
    }


def _of_postgres(kind: str, name: str) -> Object:
    return {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": kind,
        "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "vanthu"}},
    }


def access_rules(services: Iterable[str]) -> list[str]:
    """Lines of pg_hba.conf: a service's roles, to its own database, by certificate and over TLS only."""
    return [f"hostssl {service} {service},{owner(service)} all cert" for service in services]
