"""What a process is told by its environment; the same names on one machine and on Kubernetes."""

from __future__ import annotations

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings that every service has; a service's own subclass stands in its `__main__.py`."""

    model_config = SettingsConfigDict(env_prefix="VANTHU_", frozen=True, extra="ignore")

    service: str
    database: SecretStr
    database_owner: SecretStr | None = None
    kafka: str
    kafka_user: str
    kafka_password: SecretStr
    kafka_security: str = "SASL_SSL"
    kafka_ca: str | None = None  # file of the broker's CA certificates, when the system does not know them
    blobs: str
    host: str = "127.0.0.1"
    port: int
    worker_port: int
    source: str = "urn:vanthu:dev"  # CloudEvents `source` of this deployment; partners address us by it
    portal_url: str
    traces: str | None = None
    registry_stale_after: float = 60.0  # seconds without a heartbeat before signing and sealing fail closed
