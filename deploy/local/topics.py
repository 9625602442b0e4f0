"""Topics, users and access rights of the embedded broker, as the code's own registry of topics states them.

A service may write what it states and read what it follows, a partner its own three topics; nobody may more.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

from deploy.local.kafka import ClientSettings
from shared.events import TOPICS, Topic

BOUND = 30.0  # seconds for one request
SCRAM_ROUNDS = 4096  # the least that RFC 7677 and Kafka allow; the passwords are 24 random bytes
PARTNER = "<partner>"
RETENTION: Mapping[str, Mapping[str, str]] = {
    "state": {"cleanup.policy": "compact", "segment.ms": "3600000"},
}
FOR_EVER = {"cleanup.policy": "delete", "retention.ms": "-1"}


@dataclass(frozen=True, slots=True)
class Right:
    """That `user` may do `operation` on the topic or group of that name, or on all that begin with it."""

    user: str
    operation: AclOperation
    resource: ResourceType
    name: str
    pattern: ResourcePatternType = ResourcePatternType.LITERAL

    def binding(self) -> AclBinding:
        return AclBinding(
            self.resource,
            self.name,
            self.pattern,
            f"User:{self.user}",
            "*",
            self.operation,
            AclPermissionType.ALLOW,
        )


def partners() -> tuple[str, ...]:
    """VANTHU_PARTNERS, comma-separated, default `motcua` (the one-stop shop of the demo)."""
    return tuple(name for name in os.environ.get("VANTHU_PARTNERS", "motcua").split(",") if name)


def partner_user(partner: str) -> str:
    return f"partner-{partner}"


def apply(settings: ClientSettings, password: Callable[[str], str]) -> list[str]:
    """Makes the broker hold exactly what the registry states; the users, whose passwords `password` gives.

    `settings` are confluent-kafka's, of the super user. Topics are only ever added, rights also taken away.
    """
    admin = AdminClient(settings)
    rights = wanted_rights(TOPICS.values(), partners())
    users = sorted({right.user for right in rights})
    _settle(_topics(admin), _users(admin, users, password), _rights(admin, {right.binding() for right in rights}))
    _await(settings, users[0], password(users[0]))
    return users


def _await(settings: ClientSettings, user: str, password: str) -> None:
    """What the controller has committed the broker holds some milliseconds later, all of it in that order.

    Until then a user who has just been made is turned away, which would stand in every service's log as an error.
    """
    login: ClientSettings = {**settings, "sasl.username": user, "sasl.password": password, "log_level": 0}
    until = time.monotonic() + BOUND
    while True:
        try:
            if AdminClient(login).list_topics(timeout=1.0).topics:
                return
        except KafkaException:
            if time.monotonic() > until:
                raise


def _settle(*batches: Mapping[Any, Future[Any]]) -> None:
    """Waits for all of them after all were sent; the first failure is raised."""
    for batch in batches:
        for future in batch.values():
            future.result(BOUND)


def topic_names(topic: Topic, named: Iterable[str]) -> list[str]:
    return [topic.of(partner) for partner in named] if PARTNER in topic.name else [topic.name]


def _topics(admin: AdminClient) -> Mapping[Any, Future[Any]]:
    there = admin.list_topics(timeout=BOUND).topics
    new = [
        NewTopic(
            name,
            num_partitions=topic.partitions,
            replication_factor=1,
            config=dict(RETENTION.get(topic.kind, FOR_EVER)),
        )
        for topic in TOPICS.values()
        for name in topic_names(topic, partners())
        if name not in there
    ]
    created: Mapping[Any, Future[Any]] = admin.create_topics(new, request_timeout=BOUND) if new else {}
    return created


def _users(admin: AdminClient, users: Iterable[str], password: Callable[[str], str]) -> Mapping[Any, Future[Any]]:
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, SCRAM_ROUNDS)
    changes: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(user, info, password(user).encode()) for user in users
    ]
    changed: Mapping[Any, Future[Any]] = admin.alter_user_scram_credentials(changes)
    return changed


def _rights(admin: AdminClient, wanted: set[AclBinding]) -> Mapping[Any, Future[Any]]:
    there = held(admin)
    futures: dict[Any, Future[Any]] = {}
    if surplus := there - wanted:
        futures |= admin.delete_acls([_exactly(binding) for binding in surplus])
    if missing := wanted - there:
        futures |= admin.create_acls(list(missing))
    return futures


def held(admin: AdminClient) -> set[AclBinding]:
    """Every right that the broker goes by now."""
    every: Any = None  # any name, principal or host, which the library's annotations do not know
    anything = AclBindingFilter(
        ResourceType.ANY, every, ResourcePatternType.ANY, every, every, AclOperation.ANY, AclPermissionType.ANY
    )
    return set(admin.describe_acls(anything, request_timeout=BOUND).result(BOUND))


def _exactly(binding: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        binding.restype,
        binding.name,
        binding.resource_pattern_type,
        binding.principal,
        binding.host,
        binding.operation,
        binding.permission_type,
    )


def wanted_rights(topics: Iterable[Topic], named: Iterable[str]) -> set[Right]:
    """Least privilege: who states a topic may write it, who follows it may read it, with groups of its own."""
    rights: set[Right] = set()
    for topic in topics:
        rights |= _on_topic(topic, topic.stated_by, AclOperation.WRITE, named)
        for follower in topic.followed_by:
            rights |= _on_topic(topic, follower, AclOperation.READ, named)
    readers = {right.user for right in rights if right.operation is AclOperation.READ}
    own = {partner_user(partner) for partner in named}
    for user in readers - own:
        rights.add(Right(user, AclOperation.READ, ResourceType.GROUP, user, ResourcePatternType.PREFIXED))
    for user in readers & own:
        # With the full stop, since the name of one partner may begin with another's.
        rights.add(Right(user, AclOperation.READ, ResourceType.GROUP, user))
        rights.add(Right(user, AclOperation.READ, ResourceType.GROUP, f"{user}.", ResourcePatternType.PREFIXED))
    return rights


def _on_topic(topic: Topic, who: str, operation: AclOperation, named: Iterable[str]) -> set[Right]:
    operations = (operation, AclOperation.DESCRIBE)
    if who == PARTNER:
        return {
            Right(partner_user(partner), each, ResourceType.TOPIC, topic.of(partner))
            for partner in named
            for each in operations
        }
    pattern = ResourcePatternType.PREFIXED if PARTNER in topic.name else ResourcePatternType.LITERAL
    name = topic.prefix if PARTNER in topic.name else topic.name
    return {Right(who, each, ResourceType.TOPIC, name, pattern) for each in operations}
