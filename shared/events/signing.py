"""What signing states about a document's PDF: prepared, signed, sealed, refused, augmented, validated."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime

from shared.events.envelope import Act, BlobRef, Contract, Fact, topic
from shared.events.part import Part

DOCUMENT = topic("signing.document", "fact", stated_by="signing", followed_by=("docs", "notify"), partitions=6)
ACT = topic("signing.act", "fact", stated_by="signing", followed_by=("docs",), partitions=6)

Indication = Literal["TOTAL_PASSED", "TOTAL_FAILED", "INDETERMINATE"]


# What is still missing of a document's proof: the CA said nothing about a certificate, a time stamp, validation data, an
# archive time stamp. It is paid by itself.
Debt = Literal["revocation", "T", "LT", "LTA"]


class DocumentPrepared(Fact, type="vn.vanthu.signing.document.prepared.v1", topic=DOCUMENT, key="document_id"):
    """Fields for signers, number, date and seal are in the PDF; the first signer may sign."""

    document_id: UUID
    content: BlobRef
    page_count: int
    waits_for: UUID  # person
    may_sign: tuple[UUID, ...] = ()  # all who may sign now; with a fixed order only the first
    copy_of_paper: bool = False  # a copy or extract: nobody signs it, `waits_for` is the clerk who numbers it next


class DocumentSigned(Fact, type="vn.vanthu.signing.document.signed.v1", topic=DOCUMENT, key="document_id"):
    """A leader's signature is embedded, time-stamped unless that is owed. `waits_for` is the next signer, none when all
    have signed.
    """

    document_id: UUID
    content: BlobRef
    person_id: UUID
    signer_name: str
    certificate_serial: str
    level: str
    waits_for: UUID | None = None
    authority_id: UUID | None = None  # under which authority; the capacity is in `by`
    seals_due: tuple[UUID, ...] = ()  # with the last signature: agencies that seal before the one that leads
    # The CA was not reachable: its status of the certificate was read from data kept since then (oldest thisUpdate).
    cached_revocation_as_of: AwareDatetime | None = None
    owes: tuple[Debt, ...] = ()  # the whole document, while it waits for its number


class DocumentSealed(Fact, type="vn.vanthu.signing.document.sealed.v1", topic=DOCUMENT, key="document_id"):
    """Number and date are filled, the agency's seal stands, at the best level that could be had."""

    document_id: UUID
    content: BlobRef
    number: int
    level: str
    cached_revocation_as_of: AwareDatetime | None = None  # as of DocumentSigned
    parts: tuple[Part, ...] = ()  # the annexes in files of their own, as they were signed
    owes: tuple[Debt, ...] = ()


class DocumentErased(Fact, type="vn.vanthu.signing.document.erased.v1", topic=DOCUMENT, key="document_id"):
    """By docs' order the bytes are gone from signing's store: `erased` are SHA-256; `kept` are those that another
    document, or docs, still needs.
    """

    document_id: UUID
    agency_id: UUID
    workfile_id: UUID
    decision: str
    erased: tuple[str, ...]
    kept: tuple[str, ...] = ()


class DocumentCounterSealed(
    Fact, type="vn.vanthu.signing.document.counter_sealed.v1", topic=DOCUMENT, key="document_id"
):
    """The seal of an agency that issues the document beside the one that leads; `by` is its clerk."""

    document_id: UUID
    agency_id: UUID
    agency_name: str
    content: BlobRef
    level: str
    lead_agency_id: UUID | None = None
    seals_due: tuple[UUID, ...] = ()  # agencies whose seal is not there yet
    cached_revocation_as_of: AwareDatetime | None = None  # as of DocumentSigned


class DocumentAugmented(Fact, type="vn.vanthu.signing.document.augmented.v1", topic=DOCUMENT, key="document_id"):
    """A better version of the same document: what stood is untouched, proof was added after it. `previous_sha256` is
    the version that it continues; `was_told` says that people had been told of the debt (DocumentOwing).

    `annexes` are those in files of their own that became better too; where only they did, `content` is what it was.
    `level` and `owes` are of all files together.
    """

    document_id: UUID
    content: BlobRef
    previous_sha256: str
    level: str
    owes: tuple[Debt, ...] = ()
    cause: Literal["debt", "renewal"]
    was_told: bool = False
    proven_until: AwareDatetime | None = None  # the end of the newest archive time stamp's authority
    annexes: tuple[Part, ...] = ()


class DocumentOwing(Fact, type="vn.vanthu.signing.document.owing.v1", topic=DOCUMENT, key="document_id"):
    """A debt has grown older than people should have to find out by themselves, or can't be paid at all."""

    document_id: UUID
    level: str
    owes: tuple[Debt, ...]
    since: AwareDatetime
    final: bool = False  # it can't be paid: somebody has to do something
    code: str
    reason_vi: str
    reason_en: str


class DocumentRefused(Fact, type="vn.vanthu.signing.document.refused.v1", topic=DOCUMENT, key="document_id"):
    """What was ordered can't be done, for good, and why. What stood before stands."""

    document_id: UUID
    stage: Literal["prepare", "sign", "seal"]
    code: str
    reason_vi: str
    reason_en: str
    agency_id: UUID | None = None  # set when it is a co-issuer's seal


class DocumentDelayed(Fact, type="vn.vanthu.signing.document.delayed.v1", topic=DOCUMENT, key="document_id"):
    """What was ordered waits for something (TSA, OCSP, seal key) and is tried again by itself; this says why.

    `waits_for` is set when it waits for a person who can't sign now: their certificate was revoked or suspended.
    """

    document_id: UUID
    stage: Literal["prepare", "sign", "seal", "validate"]
    code: str
    reason_vi: str
    reason_en: str
    waits_for: UUID | None = None
    signer_name: str | None = None
    agency_id: UUID | None = None  # as of DocumentRefused


class SignatureSummary(Contract):
    """One signature of a validated PDF."""

    field: str
    signer: str
    indication: Indication
    sub_indication: str | None = None
    level: str
    signed_at: AwareDatetime | None = None


class PartValidated(Contract):
    """The verdict on one annex of what arrived; the fields as of DocumentValidated."""

    ordinal: int
    sha256: str
    indication: Indication
    sub_indication: str | None = None
    code: str | None = None
    reason_vi: str
    reason_en: str
    signatures: tuple[SignatureSummary, ...] = ()
    report: BlobRef | None = None
    policy: str | None = None


class DocumentValidated(Fact, type="vn.vanthu.signing.document.validated.v1", topic=DOCUMENT, key="incoming_id"):
    """The answer to ValidateDocument; `report` is the JSON report in signing's blobs."""

    incoming_id: UUID
    agency_id: UUID
    sha256: str
    indication: Indication
    sub_indication: str | None = None
    code: str | None = None  # stable code of the refusal when the file could not even be validated
    reason_vi: str
    reason_en: str
    signatures: tuple[SignatureSummary, ...] = ()
    report: BlobRef | None = None
    annexes: tuple[PartValidated, ...] = ()
    policy: str | None = None  # the validation policy by which it was judged: "default", "incoming", …


class TreeHeadSealed(Fact, type="vn.vanthu.signing.treehead.sealed.v1", topic=DOCUMENT, key="head_id"):
    """The answer to SealTreeHead. `stamped_at` is the time stamp's own time, none when no time-stamping authority answered."""

    head_id: UUID
    text: str
    signature: str  # base64 of CMS SignedData, detached, over the text
    certificate_serial: str
    stamped_at: AwareDatetime | None = None


class ReceiptSealed(Fact, type="vn.vanthu.signing.receipt.sealed.v1", topic=DOCUMENT, key="receipt_id"):
    """The answer to SealReceipt. Stated again when a time stamp that was owed has come."""

    receipt_id: UUID
    agency_id: UUID
    text: str
    signature: str  # base64 of CMS SignedData, detached, over the text
    certificate_serial: str
    stamped_at: AwareDatetime | None = None


class SigningAct(Act, type="vn.vanthu.signing.act.recorded.v1", topic=ACT, key="object_id"):
    """An act in signing that is no fact about a document's PDF: fetching it, refused signatures, reports read."""
