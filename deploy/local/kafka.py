"""The embedded broker: Apache Kafka (KRaft), one node, loopback, SCRAM for clients, ACLs that deny at first.

The controller's own listener is for the broker alone, with a password of its own: nobody is anonymous here.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import socket
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.local import jars, refusals
from deploy.local.java import Java
from deploy.local.layout import LOOPBACK
from deploy.local.process import Command, Processes
from shared.errors import Rejected

HEAP = "-Xmx512m"
ADMIN = "admin"
CONTROLLER = "controller"
START_BOUND = 60.0  # seconds
ClientSettings = dict[str, str | int | float | bool]  # as confluent-kafka takes them
LOGIN = "org.apache.kafka.common.security"

PROPERTIES = """\
# Written anew at each start by deploy/local/kafka.py.
node.id=1
process.roles=broker,controller
controller.quorum.voters=1@{host}:{controller_port}
listeners=CLIENT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=CLIENT://{host}:{port}
listener.security.protocol.map=CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENT
log.dirs={data}

# Clients and the broker itself prove who they are with SCRAM. The controller listener cannot: SCRAM's
# credentials are kept in the very log that it opens.
listener.name.client.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.client.scram-sha-512.sasl.jaas.config={login}.scram.ScramLoginModule required \
username="{admin}" password="{admin_password}";
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config={login}.plain.PlainLoginModule required \
username="{controller}" password="{controller_password}" user_{controller}="{controller_password}";
sasl.mechanism.controller.protocol=PLAIN
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{admin};User:{controller}
allow.everyone.if.no.acl.found=false

# A topic exists because the code's registry names it, never because somebody mistyped one.
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
log.retention.ms=-1
# A group that was away longer than this would read everything again, or nothing: never.
offsets.retention.minutes=52560000

# Another worker takes over six seconds after one was killed; the default is 45.
group.consumer.session.timeout.ms=6000
group.consumer.min.session.timeout.ms=6000
group.consumer.heartbeat.interval.ms=1000
group.consumer.min.heartbeat.interval.ms=1000
group.initial.rebalance.delay.ms=0

# A killed broker may register again four seconds after its last heartbeat, not nine.
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=4000

# One small machine.
num.network.threads=2
num.io.threads=4
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=16777216
"""

LOG4J = """\
status = WARN
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %p %m (%c{1})%n%throwable
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
logger.started.name = kafka.server.KafkaRaftServer
logger.started.level = INFO
"""


@dataclass(frozen=True, slots=True)
class Broker:
    """`directory` holds its configuration and data, `cache` the jars and class archives, shared."""

    directory: Path
    cache: Path
    port: int
    controller_port: int
    admin_password: str
    controller_password: str
    java: Java

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def client(self, user: str = ADMIN, password: str | None = None) -> ClientSettings:
        """confluent-kafka's settings for a user of this broker, by default the super user."""
        return {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": password or self.admin_password,
        }


def prepare(broker: Broker, processes: Processes, progress: Callable[[int, int], None]) -> Command:
    """Fetches what is missing, writes the configuration, formats the storage the first time."""
    paths = jars.fetch(jars.KAFKA_LOCK, broker.cache / "jars", progress)
    broker.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _private(broker.directory / "server.properties", _properties(broker))
    _private(broker.directory / "log4j2.properties", LOG4J)
    classpath = os.pathsep.join(map(str, paths))
    if not (broker.data / "meta.properties").exists():
        _format(broker, processes, classpath)
    return Command(
        name="kafka",
        arguments=[
            *_java(broker, paths),
            "-cp",
            classpath,
            "kafka.Kafka",
            str(broker.directory / "server.properties"),
        ],
        # At its first end a broker also writes the class archive, which takes some seconds.
        patience=40.0,
    )


def wait_ready(broker: Broker, processes: Processes) -> None:
    """Until the broker lets the super user in and answers."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    waited = 0.0
    while not _listens(broker.port):
        processes.wait(0.1)
        waited += 0.1
        if waited > START_BOUND:
            processes.failed("kafka", f"> {START_BOUND:.0f} s")
    admin = AdminClient({**broker.client(), "log_level": 0, "reconnect.backoff.max.ms": 250})
    while True:
        try:
            admin.list_topics(timeout=2.0)
        except KafkaException:
            processes.wait(0.1)
            waited += 2.0
            if waited > START_BOUND:
                processes.failed("kafka", f"> {START_BOUND:.0f} s")
        else:
            return


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _properties(broker: Broker) -> str:
    return PROPERTIES.format(
        host=LOOPBACK,
        port=broker.port,
        controller_port=broker.controller_port,
        data=broker.data,
        login=LOGIN,
        admin=ADMIN,
        admin_password=broker.admin_password,
        controller=CONTROLLER,
        controller_password=broker.controller_password,
    )


def _format(broker: Broker, processes: Processes, classpath: str) -> None:
    """A half-formatted directory of a run that was cut short is formatted anew: it holds nothing yet."""
    shutil.rmtree(broker.data, ignore_errors=True)
    first, *rest = uuid.uuid4().bytes
    # Kafka's own option parser takes an id that begins with a hyphen for the next option; bits below 128 give letters.
    cluster = base64.urlsafe_b64encode(bytes([first & 0x7F, *rest])).decode().rstrip("=")
    scram = f"SCRAM-SHA-512=[name={ADMIN},password={broker.admin_password}]"
    arguments = ["-cp", classpath, "kafka.tools.StorageTool", "format", "--cluster-id", cluster]
    arguments += ["--config", str(broker.directory / "server.properties"), "--add-scram", scram]
    # Through a file, since everybody on the machine may read a command line.
    file = broker.directory / "format.args"
    _private(file, "\n".join(f'"{argument}"' for argument in arguments))
    try:
        processes.run(Command(name="kafka", arguments=[*_jvm(broker), f"@{file}"]))
    finally:
        file.unlink()
    if not (broker.data / "meta.properties").exists():
        raise Rejected(refusals.PROCESS_FAILED, name="kafka", reason="format", log=processes.log("kafka"))


def _jvm(broker: Broker) -> list[str]:
    options = [
        str(broker.java.path),
        HEAP,
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",  # half the CPU of a start; a relay is slower than the broker even so
        "-XX:-UsePerfData",
        "-Djava.awt.headless=true",
    ]
    options += [
        f"-Dlog4j2.configurationFile={broker.directory / 'log4j2.properties'}",
        "-Dlog4j2.disable.jmx=true",
        "-Dlog4j.shutdownHookEnabled=false",
        "-Xlog:disable",
        "-Xlog:all=error:stderr",
    ]
    if broker.java.major >= 24:
        # What zstd and the buffers do is announced as a warning from here on.
        options += ["--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"]
    return options


def _java(broker: Broker, paths: list[Path]) -> list[str]:
    """With the archive of loaded classes that the first run wrote at its end, or told to write it."""
    # The archive fits one Java and exactly these files with these times.
    fitting = hashlib.sha256(broker.java.version.encode())
    for path in paths:
        fitting.update(f"{path}\0{path.stat().st_mtime_ns}\0".encode())
    archive = broker.cache / "classes" / f"kafka-{broker.java.major}-{fitting.hexdigest()[:16]}"
    archive.parent.mkdir(parents=True, exist_ok=True)
    return [*_jvm(broker), "-XX:+ExitOnOutOfMemoryError", *_archive_options(broker.java.major, archive)]


def _archive_options(major: int, archive: Path) -> list[str]:
    if major >= 25:
        aot = archive.with_suffix(".aot")
        return [f"-XX:AOTCache={aot}"] if aot.exists() else [f"-XX:AOTCacheOutput={aot}"]
    jsa = archive.with_suffix(".jsa")
    if jsa.exists():
        return ["-Xshare:auto", f"-XX:SharedArchiveFile={jsa}"]
    return [f"-XX:ArchiveClassesAtExit={jsa}"]
