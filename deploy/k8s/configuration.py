"""What each service's settings are on Kubernetes: the fields come from the service's own settings class.

A field is one of three: a value in a ConfigMap, a key of a Secret, or left at its default. A required field that
none of the tables below knows stops the generation, so that a new setting can't be forgotten here.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.local.layout import PORTS
from shared.settings import Settings

POSTGRES = "postgres"  # names of the two clusters; the operators derive services and secrets from them
KAFKA = "kafka"
CERTIFICATES = "/etc/vanthu"
SITE = "https://vanthu.example"  # one public address: paths lead to the services, see overlays/*/route.yaml

COMMON: Mapping[str, str] = {
    "kafka": f"{KAFKA}-kafka-bootstrap:9093",
    "kafka_security": "SASL_SSL",
    "kafka_ca": f"{CERTIFICATES}/kafka/ca.crt",
    "blobs": "s3://vanthu",
    "host": "0.0.0.0",  # noqa: S104  a pod's own address; policies say who may come
    "source": "urn:vanthu:example",
    "portal_url": SITE,
}
"""The same in every service."""

OF_SERVICE: Mapping[str, Mapping[str, str]] = {
    "portal": {f"{name}_url": SITE for name in ("docs", "signing", "registry", "notify")},
    "docs": {"partners": ""},  # an overlay names its own
    "signing": {
        "trust": f"{CERTIFICATES}/trust/roots.pem",
        "tsa_url": "http://tsa.example/tsa",
        "pkcs11_module": "/opt/hsm/pkcs11.so",
        "seal_token": "vanthu-seal",
    },
    "registry": {"devpki_url": "https://ca.example", "tsa_url": "http://tsa.example/tsa"},
    "notify": {"smtp": "mail.example:587", "smtp_security": "starttls", "mail_from": "vanthu@example.vn"},
}
"""What one service has beside; an overlay puts the deployment's own addresses in their place."""

BESIDE: Mapping[str, str] = {"VANTHU_LOG": "json", "AWS_REGION": "vn-1", "AWS_ENDPOINT": "https://objects.example"}
"""Read by libraries or before the settings are."""


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key of a Secret."""

    secret: str
    key: str


SECRET_FIELDS: Mapping[str, Mapping[str, SecretKey]] = {
    "signing": {"seal_pin": SecretKey("seal", "pin")},
    "registry": {"devpki_secret": SecretKey("ca", "secret")},
    "notify": {"smtp_user": SecretKey("mail", "username"), "smtp_password": SecretKey("mail", "password")},
}
"""Settings that only a worker needs, from Secrets that the README asks the people who deploy for."""

KEEPS_BLOBS = frozenset({"docs", "signing", "registry"})


def secrets(service: str, role: str) -> Mapping[str, SecretKey]:
    """Environment variables of one role that come from Secrets: no process gets one that it does not use."""
    # Made by Strimzi for the KafkaUser. The settings ask for it in every role; only workers reach a broker.
    found = {"VANTHU_KAFKA_PASSWORD": SecretKey(service, "password")}
    if service in KEEPS_BLOBS and role != "migrate":
        found["AWS_ACCESS_KEY_ID"] = SecretKey(f"blobs-{service}", "access-key")
        found["AWS_SECRET_ACCESS_KEY"] = SecretKey(f"blobs-{service}", "secret-key")
    if role == "worker":
        found |= {variable(field): secret for field, secret in SECRET_FIELDS.get(service, {}).items()}
    return found


BY_ROLE = frozenset({"database_owner", "kafka_password"})


def variable(field: str) -> str:
    return f"{Settings.model_config['env_prefix']}{field.upper()}"


def settings_class(service: str) -> type[Settings]:
    """The subclass of Settings in the service's `__main__`, or Settings itself."""
    module = importlib.import_module(f"services.{service}.__main__")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Settings) and value is not Settings
    ]
    return found[0] if found else Settings


def conninfo(service: str, role: str) -> str:
    """By client certificate, so that there is no password to keep; the server's name is checked."""
    folder = f"{CERTIFICATES}/postgres"
    return (
        f"host={POSTGRES}-rw dbname={service} user={role} target_session_attrs=read-write sslmode=verify-full"
        f" sslrootcert={folder}/ca.crt sslcert={folder}/tls.crt sslkey={folder}/tls.key"
    )


def own(service: str) -> dict[str, str]:
    """Field → value of what is this service's alone."""
    return {
        "service": service,
        "database": conninfo(service, service),
        "kafka_user": service,
        "port": str(PORTS[service]),
        "worker_port": str(PORTS[f"{service}_worker"]),
        **OF_SERVICE.get(service, {}),
    }


def check(service: str) -> None:
    """Raises SystemExit naming the settings that are not said here, or that are said here and are none."""
    fields = settings_class(service).model_fields
    said = {*COMMON, *own(service), *SECRET_FIELDS.get(service, {}), *BY_ROLE}
    if missing := [name for name, field in fields.items() if field.is_required() and name not in said]:
        raise SystemExit(f"{service}: say in deploy/k8s/configuration.py what {', '.join(missing)} is on Kubernetes")
    if unknown := said - set(fields):
        raise SystemExit(f"{service}: {', '.join(sorted(unknown))} in deploy/k8s/configuration.py is no setting")


def environment(values: Mapping[str, str]) -> dict[str, str]:
    return {variable(field): value for field, value in values.items()}
