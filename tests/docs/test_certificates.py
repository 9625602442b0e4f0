"""A document that waits for somebody who cannot sign says so, as long as it is so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.events import Actor, registry, signing
from shared.ids import new_id
from tests.docs.conftest import Docs
from tests.docs.facts import Person, prepared, record

NOW = datetime.now(UTC)


def certificate(of: Person, **changed: Any) -> registry.CertificateStated:
    facts: dict[str, Any] = {
        "certificate_id": new_id(),
        "kind": "person",
        "person_id": of.person_id,
        "pem": "-",
        "chain_pem": "-",
        "spki_sha256": "0" * 64,
        "serial": "5f01",
        "not_before": NOW - timedelta(days=300),
        "not_after": NOW + timedelta(days=300),
        "status": "active",
    }
    return registry.CertificateStated(**(facts | changed))


def stopped(document: UUID, leader: Person) -> signing.DocumentDelayed:
    """As signing states it when the certificate is taken away."""
    return signing.DocumentDelayed(
        by=Actor(name="Hệ thống ký số", system="signing"),
        at=NOW,
        document_id=document,
        stage="sign",
        code="certificate_revoked",
        reason_vi="Chứng thư đã bị thu hồi.",
        reason_en="The certificate is revoked.",
        waits_for=leader.person_id,
        signer_name=leader.name,
    )


def reason(docs: Docs, document: UUID) -> str | None:
    """As the clerk reads it, the same at the document and in the list."""
    found = docs.get(docs.a.clerk, f"/documents/{document}")["state_reason"]
    (line,) = (each for each in docs.get(docs.a.clerk, "/documents")["items"] if each["id"] == str(document))
    assert line["state_reason"] == found
    return found["code"] if found else None


def test_a_revoked_certificate_is_said_and_a_new_one_ends_it(docs: Docs) -> None:
    leader = docs.a.leader
    document = docs.submitted(docs.a)
    own = certificate(leader)
    docs.hear(prepared(document, leader), own)
    assert reason(docs, document) is None
    docs.take(record(own.model_copy(update={"status": "revoked"}), seq=2))
    assert reason(docs, document) == "signer_certificate_unusable"
    docs.hear(stopped(document, leader))
    assert reason(docs, document) == "signer_certificate_unusable"
    assert leader.name in docs.get(docs.a.clerk, f"/documents/{document}")["state_reason"]["vi"]
    docs.hear(certificate(leader))
    assert reason(docs, document) is None, "what was stated then no longer holds"


def test_one_of_two_certificates_is_enough(docs: Docs) -> None:
    document = docs.submitted(docs.a)
    docs.hear(prepared(document, docs.a.leader), certificate(docs.a.leader))
    docs.hear(certificate(docs.a.leader, status="revoked"))
    assert reason(docs, document) is None


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"status": "suspended"}, "signer_certificate_unusable"),
        ({"status": "expired", "not_after": NOW - timedelta(days=1)}, "signer_certificate_ended"),
        ({"not_after": NOW - timedelta(seconds=1)}, "signer_certificate_ended"),
        ({"not_before": NOW + timedelta(days=1)}, "signer_certificate_ended"),
    ],
)
def test_the_reason_is_told_apart(docs: Docs, changed: dict[str, Any], code: str) -> None:
    document = docs.submitted(docs.a)
    docs.hear(prepared(document, docs.a.leader), certificate(docs.a.leader, **changed))
    assert reason(docs, document) == code


def test_a_document_that_is_signed_says_nothing_of_its_signer(docs: Docs) -> None:
    document = docs.signed(docs.a)
    docs.hear(certificate(docs.a.leader, status="revoked"))
    assert reason(docs, document) is None
