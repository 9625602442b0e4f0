"""What each process of the embedded stack is told: the same variables that its Deployment gets on Kubernetes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from deploy.local import kafka, postgres, softhsm
from deploy.local.java import Java
from deploy.local.layout import LOOPBACK, SERVICES, Layout, variable
from deploy.local.topics import partner_user

SEAL_TOKEN = "vanthu-seal"  # noqa: S105  a token's label, no secret


def broker(layout: Layout, java: Java) -> kafka.Broker:
    return kafka.Broker(
        directory=layout.var / "kafka",
        cache=layout.cache,
        port=layout.ports["kafka"],
        controller_port=layout.ports["kafka_controller"],
        admin_password=kafka_password(layout, kafka.ADMIN),
        controller_password=kafka_password(layout, kafka.CONTROLLER),
        java=java,
    )


def server(layout: Layout) -> postgres.Server:
    return postgres.Server(layout.var / "postgres", layout.ports["postgres"], role_password(layout, postgres.ADMIN))


def seal_store(layout: Layout, hsm: softhsm.SoftHsm) -> softhsm.Store:
    """The signing service's token store with the token of the agencies' seal keys."""
    store = softhsm.open_store(hsm, layout.directory("softhsm", "seal"))
    store.provide(SEAL_TOKEN, pin=layout.pin("seal"), so_pin=layout.pin("seal-so"))
    return store


def kafka_password(layout: Layout, user: str) -> str:
    return layout.secret(f"kafka-{user}")


def role_password(layout: Layout, role: str) -> str:
    return layout.secret(f"postgres-{role}")


def scan_folder(layout: Layout) -> Path:
    """Where scanners write, with a sub folder for each agency; VANTHU_SCAN_FOLDER names another one."""
    return layout.directory("scan")


def everywhere(layout: Layout) -> dict[str, str]:
    """For every Python process of the stack, the demo's included: where things are, no secret."""
    addresses = {f"VANTHU_{name.upper()}_URL": layout.url(name) for name in (*SERVICES, "devpki", "mail")}
    ports = {variable(name): str(port) for name, port in layout.ports.items()}
    return {
        **addresses,
        **ports,
        "VANTHU_VAR": str(layout.var),
        "VANTHU_CACHE": str(layout.cache),
        "VANTHU_HOST": LOOPBACK,
        "VANTHU_KAFKA": f"{LOOPBACK}:{layout.ports['kafka']}",
        "VANTHU_KAFKA_SECURITY": "SASL_PLAINTEXT",
        "VANTHU_SMTP": f"{LOOPBACK}:{layout.ports['smtp']}",
        "VANTHU_TSA_URL": f"{layout.url('devpki')}/tsa",
        "VANTHU_TRUST": str(layout.var / "devpki" / "hierarchy" / "root.pem"),
        "VANTHU_BLOBS": layout.directory("blobs").as_uri(),
        "VANTHU_TRACES": str(layout.directory("traces")),
        "PYTHONUNBUFFERED": "1",
        # A second start is faster by the compiled modules of the first.
        "PYTHONDONTWRITEBYTECODE": "",
    }


def of_service(layout: Layout, service: str, hsm: softhsm.SoftHsm | None) -> dict[str, str]:
    """For the processes of one service, with its own passwords and nobody else's."""
    database = server(layout)
    environment = {
        **everywhere(layout),
        "VANTHU_SERVICE": service,
        "VANTHU_DATABASE": database.conninfo(service, service, role_password(layout, service)),
        "VANTHU_KAFKA_USER": service,
        "VANTHU_KAFKA_PASSWORD": kafka_password(layout, service),
        "VANTHU_PORT": str(layout.ports[service]),
        "VANTHU_WORKER_PORT": str(layout.ports[f"{service}_worker"]),
    }
    if service == "signing" and hsm is not None:
        store = seal_store(layout, hsm)
        environment |= store.environment
        environment |= {"VANTHU_SEAL_TOKEN": SEAL_TOKEN, "VANTHU_SEAL_PIN": layout.pin("seal")}
    if service == "docs":
        environment["VANTHU_SCAN_FOLDER"] = os.environ.get("VANTHU_SCAN_FOLDER") or str(scan_folder(layout))
    if service == "registry":
        environment["VANTHU_DEVPKI_SECRET"] = layout.secret("devpki")
    return environment


def of_migration(layout: Layout, service: str) -> dict[str, str]:
    """The owner's password is for migrations alone; a running service cannot change its schema."""
    owner = postgres.owner(service)
    database = server(layout)
    return {
        **of_service(layout, service, None),
        "VANTHU_DATABASE_OWNER": database.conninfo(service, owner, role_password(layout, owner)),
    }


def partner(layout: Layout, name: str) -> Mapping[str, str]:
    """What a partner's program is told: the broker and its own user."""
    user = partner_user(name)
    return {
        "VANTHU_KAFKA": f"{LOOPBACK}:{layout.ports['kafka']}",
        "VANTHU_KAFKA_SECURITY": "SASL_PLAINTEXT",
        "VANTHU_KAFKA_USER": user,
        "VANTHU_KAFKA_PASSWORD": kafka_password(layout, user),
    }


def known_services(root: Path) -> tuple[str, ...]:
    """The services whose program is there."""
    return tuple(name for name in SERVICES if (root / "services" / name / "__main__.py").exists())
