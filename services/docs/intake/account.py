"""What an operator says of a mailbox that documents are sent to."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, SecretStr


class Mailbox(BaseModel):
    """Where mails come in. `agency` is the identifier of the one that it belongs to; without, the address says it:
    vanban+H37.01@tinh.gov.vn.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str
    port: int = 993
    user: str
    password: SecretStr
    tls: Literal["tls", "starttls", "none"] = "tls"  # none: on this machine only
    ca: str | None = None  # file of the server's CA, when the system does not know it
    agency: str | None = None
    limit_mb: int = 50  # of one attachment
