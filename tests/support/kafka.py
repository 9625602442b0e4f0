"""A real broker for the test run: started when a test first asks, stopped at the end, killed when a test wants it."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_END, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AdminClient,
    ConfigResource,
    NewTopic,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from deploy.local import jars, java, topics
from deploy.local import kafka as broker
from deploy.local.layout import ROOT
from deploy.local.process import Processes
from tests.support.parts import free_port, scratch, until

BOUND = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Kafka:
    """The broker of this run; `admin` are confluent-kafka's settings of the super user."""

    bootstrap: str
    admin: broker.ClientSettings
    _broker: broker.Broker
    _processes: Processes

    def topic(self, name: str | None = None, partitions: int = 1, *, compacted: bool = False) -> str:
        """Makes a topic, of a name that no other test has unless one is given; its name."""
        name = name or f"test.{secrets.token_hex(6)}"
        config = {"cleanup.policy": "compact"} if compacted else {"retention.ms": "-1"}
        new = NewTopic(name, num_partitions=partitions, replication_factor=1, config=config)
        admin = AdminClient(self.admin)  # must outlive the future
        admin.create_topics([new], operation_timeout=BOUND)[name].result(BOUND)
        return name

    def user(self, name: str | None = None, *rights: topics.Right) -> broker.ClientSettings:
        """Makes a user who may do what `rights` say and nothing else; confluent-kafka's settings to log in as it."""
        name, password = name or f"test-{secrets.token_hex(6)}", secrets.token_urlsafe(16)
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, topics.SCRAM_ROUNDS)
        admin = AdminClient(self.admin)
        change = UserScramCredentialUpsertion(name, info, password.encode())
        admin.alter_user_scram_credentials([change])[name].result(BOUND)
        bindings: list[AclBinding] = [right.binding() for right in rights]
        for future in (admin.create_acls(bindings) if bindings else {}).values():
            future.result(BOUND)
        # What the controller has committed the broker holds a moment later.
        until(lambda: set(bindings) <= topics.held(admin), bound=BOUND, what=f"the rights of {name}")
        return self._broker.client(name, password)

    def services(self) -> None:
        """Makes all topics, users and rights of the code's registry, as `make run` does. Takes others' rights away."""
        topics.apply(self.admin, self.password)

    def empty(self) -> None:
        """Nothing is left of what other tests stated on topics with a history; states that are compacted stay."""
        admin = AdminClient(self.admin)
        known = admin.list_topics(timeout=BOUND).topics
        configs = {name: ConfigResource(ConfigResource.Type.TOPIC, name) for name in known if not name.startswith("_")}
        told = admin.describe_configs(list(configs.values())) if configs else {}
        kept = {each.name for each, found in told.items() if found.result(BOUND)["cleanup.policy"].value == "compact"}
        ends = [
            TopicPartition(name, partition, OFFSET_END)
            for name in configs.keys() - kept
            for partition in known[name].partitions
        ]
        for done in admin.delete_records(ends).values() if ends else ():
            done.result(BOUND)

    def password(self, user: str) -> str:
        """Of a service or partner, after `services()`."""
        return f"{user}-of-this-test-run"

    def environment(self, service: str) -> dict[str, str]:
        """What a process of this service is told about the broker."""
        return {
            "VANTHU_KAFKA": self.bootstrap,
            "VANTHU_KAFKA_USER": service,
            "VANTHU_KAFKA_PASSWORD": self.password(service),
            "VANTHU_KAFKA_SECURITY": "SASL_PLAINTEXT",
        }

    def signal(self, what: signal.Signals) -> None:
        """SIGKILL (it is started again), SIGSTOP, SIGCONT."""
        pid = self._processes.running["kafka"].pid
        assert pid is not None, "the broker is not running"
        os.kill(pid, what)

    def wait_ready(self) -> None:
        broker.wait_ready(self._broker, self._processes)


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    with scratch("kafka") as path:
        processes = Processes(path, lambda _name, _line: None)
        embedded = broker.Broker(
            directory=path / "kafka",
            cache=jars.cache_directory(path),
            port=free_port(),
            controller_port=free_port(),
            admin_password=secrets.token_urlsafe(16),
            controller_password=secrets.token_urlsafe(16),
            java=java.find(),
        )
        _fetch(embedded.cache)
        try:
            processes.keep(broker.prepare(embedded, processes, lambda _done, _count: None))
            broker.wait_ready(embedded, processes)
            yield Kafka(embedded.bootstrap, embedded.client(), embedded, processes)
        finally:
            processes.stop([["kafka"]])


def _fetch(cache: Path) -> None:
    """In a process of its own: this one may not leave the machine."""
    if all((cache / "jars" / jar.filename).exists() for jar in jars.read_lock(jars.KAFKA_LOCK)):
        return
    command: list[str | Path] = [sys.executable, "-m", "deploy.local.jars", "fetch", jars.KAFKA_LOCK, cache / "jars"]
    subprocess.run(command, check=True, cwd=ROOT)
