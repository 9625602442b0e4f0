"""What docs states: the life of a document, its deliveries, and its orders to signing."""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.envelope import Act, BlobRef, Contract, Fact, topic
from shared.events.part import Part as Part  # noqa: PLC0414  both names are part of this module
from shared.events.part import Party as Party  # noqa: PLC0414
from shared.events.signing import Debt

DOCUMENT = topic(
    "docs.document", "fact", stated_by="docs", followed_by=("docs", "signing", "notify", "portal"), partitions=6
)
DELIVERY = topic("docs.delivery", "fact", stated_by="docs", followed_by=("docs", "notify"), partitions=6)
# Inner to the agency that received a document: its sender never hears of it.
TASK = topic("docs.task", "fact", stated_by="docs", followed_by=("docs", "notify"), partitions=6)
# What came in and who is told: mails that people send are answered (notify).
INTAKE = topic("docs.intake", "fact", stated_by="docs", followed_by=("docs", "notify"), partitions=6)
# Partners keep the heads, so that not even the platform can rewrite the ledger unseen.
TREEHEAD = topic("docs.treehead", "fact", stated_by="docs", followed_by=("<partner>",), partitions=1)
ACT = topic("docs.act", "fact", stated_by="docs", followed_by=("docs",), partitions=6)
COMMANDS = topic("signing.commands", "order", stated_by="docs", followed_by=("signing",), partitions=6)


class Signer(Contract):
    """Who shall sign, in which capacity, decided on the registry's facts of that day."""

    person_id: UUID
    post_id: UUID
    authority_id: UUID
    name: str
    post: str
    capacity: str
    block: tuple[str, ...]
    # Of a delegated authority: which one it comes from, and the document that says so ("12/GUQ-UBND, 01/11/2026").
    delegated_from: UUID | None = None
    basis: str | None = None
    agency: Party | None = None  # for which of the issuing agencies, when it is not the one that leads


class Descriptor(Contract):
    """What identifies a document to a reader: type, number and symbol, abstract, urgency."""

    agency_id: UUID
    agency_identifier: str
    agency_name: str
    type_code: str
    type_name: str
    symbol: str
    abstract: str
    urgency: int = 0  # STANDARDS T2
    number: int | None = None
    number_symbol: str | None = None
    issued_on: date | None = None


class DocumentFact(Fact):
    """Common to all facts about a document: its id and the agency that owns it."""

    document_id: UUID
    agency_id: UUID


class DocumentSubmitted(DocumentFact, type="vn.vanthu.docs.document.submitted.v1", topic=DOCUMENT, key="document_id"):
    """A clerk has submitted a draft; with reviewers it waits for them, without it goes on to the signer."""

    descriptor: Descriptor
    parts: tuple[Part, ...]
    signers: tuple[Signer, ...]
    reviewers: tuple[UUID, ...] = ()
    author_id: UUID


class ReviewAsked(DocumentFact, type="vn.vanthu.docs.document.review_asked.v1", topic=DOCUMENT, key="document_id"):
    """It is these people's turn to read a draft, in that stage of its workflow."""

    title: str
    stage: str
    people: tuple[UUID, ...]
    due_at: AwareDatetime | None = None
    reason: str | None = None  # given back to this stage, and why


class ReviewAnswered(
    DocumentFact, type="vn.vanthu.docs.document.review_answered.v1", topic=DOCUMENT, key="document_id"
):
    """It is these people's turn no more: they have agreed, or somebody else did in their place; `act` says what was done."""

    act: Literal["approved", "sent_back", "reviewer_replaced", "reviewers_changed"]
    people: tuple[UUID, ...]


class ReviewDue(DocumentFact, type="vn.vanthu.docs.document.review_due.v1", topic=DOCUMENT, key="document_id"):
    """A stage of review is due soon or late, or nobody is left who could answer: `people` are told, and with `clerks`
    those of the agency. Goes up: first who has to answer, then the head of their unit, then the clerks.
    """

    title: str
    stage: str
    standing: Literal["due_soon", "overdue", "stuck"]
    due_at: AwareDatetime | None = None
    people: tuple[UUID, ...] = ()
    clerks: bool = False


class RemarkMade(DocumentFact, type="vn.vanthu.docs.document.remark_made.v1", topic=DOCUMENT, key="document_id"):
    """Somebody said something on a draft or document, and to whom in particular. The text stays in docs."""

    title: str
    remark_id: UUID
    mentions: tuple[UUID, ...] = ()


class OpinionAsked(DocumentFact, type="vn.vanthu.docs.document.opinion_asked.v1", topic=DOCUMENT, key="document_id"):
    """An opinion on a draft or document is asked of people, units or posts; `people` are those who may answer now."""

    title: str
    request_id: UUID
    people: tuple[UUID, ...]
    due_at: AwareDatetime | None = None
    standing: Literal["asked", "due_soon", "overdue"] = "asked"


class OpinionGiven(DocumentFact, type="vn.vanthu.docs.document.opinion_given.v1", topic=DOCUMENT, key="document_id"):
    """An opinion was given: agreed, with remarks, or not agreed. `asked_by` is who wanted it."""

    title: str
    request_id: UUID
    asked_by: UUID
    verdict: Literal["agreed", "remarks", "disagreed"]


class DocumentApproved(DocumentFact, type="vn.vanthu.docs.document.approved.v1", topic=DOCUMENT, key="document_id"):
    """The draft is approved; from here on its bytes belong to signing."""


class DocumentReturned(DocumentFact, type="vn.vanthu.docs.document.returned.v1", topic=DOCUMENT, key="document_id"):
    """Returned for revision, with a reason: by a reviewer, or by the leader instead of signing."""

    reason: str
    author_id: UUID


class DocumentNumbered(DocumentFact, type="vn.vanthu.docs.document.numbered.v1", topic=DOCUMENT, key="document_id"):
    """Number and date are fixed (`approved → sealing`); the seal is retried with this number until issued."""

    register_code: str
    year: int
    number: int
    number_symbol: str
    issued_on: date


class NumberVoided(DocumentFact, type="vn.vanthu.docs.document.number_voided.v1", topic=DOCUMENT, key="document_id"):
    """A clerk gave the number up; it stays in the book as void."""

    number: int
    reason: str


class DocumentIssued(DocumentFact, type="vn.vanthu.docs.document.issued.v1", topic=DOCUMENT, key="document_id"):
    """Signed, numbered, dated and sealed: may be dispatched from now on."""

    descriptor: Descriptor
    content: BlobRef
    level: str
    author_id: UUID
    owes: tuple[Debt, ...] = ()  # of the proof; added by itself


class DocumentRef(Contract):
    """Another document that one refers to. `delivery_id` is the delivery by which the agency that reads this got it, or
    sent it; none when it did not.
    """

    document_id: UUID
    delivery_id: UUID | None = None
    agency_identifier: str
    number_symbol: str | None = None
    issued_on: date | None = None


class Relation(Contract):
    """What a document is to another: it updates or replaces one of its own agency (STANDARDS T6), or answers one that
    came in.
    """

    kind: Literal["updates", "replaces", "answers"]
    document: DocumentRef
    reason: str | None = None


class DeliveryDispatched(Fact, type="vn.vanthu.docs.delivery.dispatched.v1", topic=DELIVERY, key="delivery_id"):
    """One recipient's delivery of one issued document."""

    delivery_id: UUID
    document_id: UUID
    sender: Party
    receiver: Party
    partner: str | None = None  # set when the receiver is reached through a partner
    descriptor: Descriptor
    signer_name: str
    parts: tuple[Part, ...]
    owes: tuple[Debt, ...] = ()  # sent before its proof was complete; DeliveryRenewed follows
    dispatch_id: UUID | None = None  # the one decision by which it went to everybody
    relations: tuple[Relation, ...] = ()


class DocumentAccessChanged(
    DocumentFact, type="vn.vanthu.docs.document.access_changed.v1", topic=DOCUMENT, key="document_id"
):
    """From here on a document is for those who need to know it alone, or for everybody at its agency again.

    `readers`: the people of that agency who may read what is restricted, as of now.
    """

    restricted: bool
    readers: tuple[UUID, ...] = ()


class ArrivalAccessChanged(Fact, type="vn.vanthu.docs.delivery.access_changed.v1", topic=DELIVERY, key="delivery_id"):
    """The same of what arrived, decided by its receiver for its own people."""

    delivery_id: UUID
    incoming_id: UUID
    agency_id: UUID
    restricted: bool


class ArrivalPolicyChanged(Fact, type="vn.vanthu.docs.delivery.policy_changed.v1", topic=DELIVERY, key="agency_id"):
    """Whether everything that arrives at an agency from now on is for those alone whom it is given to."""

    agency_id: UUID
    need_to_know: bool


class ArrivalChased(Fact, type="vn.vanthu.docs.delivery.chase_passed_on.v1", topic=DELIVERY, key="delivery_id"):
    """A sender's chase reached those who have the document now, beside the clerks who got it: `people`."""

    delivery_id: UUID
    incoming_id: UUID
    agency_id: UUID
    title: str
    sender_name: str
    people: tuple[UUID, ...]
    note: str | None = None


class DeliveryRenewed(Fact, type="vn.vanthu.docs.delivery.renewed.v1", topic=DELIVERY, key="delivery_id"):
    """A better version of the main part that was delivered: the same bytes with more proof after them.

    `annexes` likewise, of those in files of their own; where only they became better, `content` is what it was.
    """

    delivery_id: UUID
    document_id: UUID
    sender: Party
    receiver: Party
    partner: str | None = None
    content: BlobRef
    previous_sha256: str
    level: str
    owes: tuple[Debt, ...] = ()
    annexes: tuple[Part, ...] = ()


class DeliveryStatusReported(
    Fact, type="vn.vanthu.docs.delivery.status_reported.v1", topic=DELIVERY, key="delivery_id"
):
    """The receiver (01–06, 15, 16) or the sender (13) says how a delivery stands (STANDARDS T7)."""

    delivery_id: UUID
    document_id: UUID
    sender: Party
    receiver: Party
    status: str = Field(pattern=r"^\d\d$")
    reason: str | None = None
    reason_code: str | None = None
    arrival_number: int | None = None
    assignee_id: UUID | None = None  # with 04: who shall handle it; stays here, partners are never told
    about: Literal["recall", "updates", "replaces"] | None = None  # 13, 15, 16: what is asked; none: to take it back
    partner: str | None = None  # with 13, when the receiver is reached through a partner
    reason_vi: str | None = None  # with a partner's 02: what its code means here; `reason` is in its own words
    incoming_id: UUID | None = None  # the receiver's own name for what arrived, when the receiver is here


class DeliveryChased(Fact, type="vn.vanthu.docs.delivery.chased.v1", topic=DELIVERY, key="delivery_id"):
    """The sender asks a recipient who has not finished to get on with it."""

    delivery_id: UUID
    document_id: UUID
    sender: Party
    receiver: Party
    partner: str | None = None
    status: str = Field(pattern=r"^\d\d$")  # as the sender knew it
    note: str | None = None


class DeliveryReceiptGiven(Fact, type="vn.vanthu.docs.delivery.receipt_given.v1", topic=DELIVERY, key="delivery_id"):
    """The receiver's sealed receipt: proof for the sender that stands without the platform. Given again, with the same
    id, when its time stamp comes later.
    """

    delivery_id: UUID
    document_id: UUID
    receipt_id: UUID
    kind: Literal["arrived", "registered"]
    sender: Party
    receiver: Party
    text: str  # what is sealed, UTF-8, byte for byte
    signature: str  # base64 of CMS SignedData, detached, over the text
    stamped_at: AwareDatetime | None = None


class PrepareDocument(Fact, type="vn.vanthu.docs.order.prepare.v1", topic=COMMANDS, key="document_id"):
    """Order to signing: add the fields for signers, number, date and seal, and wait for the signers."""

    document_id: UUID
    descriptor: Descriptor
    content: BlobRef
    filename: str
    signers: tuple[Signer, ...]
    author_id: UUID
    signing_order: Literal["any", "fixed"] = "any"  # fixed: each signs after those named before
    annexes: tuple[Part, ...] = ()  # in files of their own, looked at now so that no number is taken for bad ones
    co_issuers: tuple[Party, ...] = ()  # agencies that seal beside the one that leads
    # The agency's policy: a signature may stand while the CA says nothing about its certificate; it is checked later.
    unchecked_allowed: bool = True


class SealDocument(Fact, type="vn.vanthu.docs.order.seal.v1", topic=COMMANDS, key="document_id"):
    """Order to signing: fill number and date, seal, and bring to LTA as soon as that can be had; sign annexes in files of
    their own (`parts`).
    """

    document_id: UUID
    agency_id: UUID
    number: int
    number_symbol: str
    issued_on: date
    parts: tuple[Part, ...] = ()


class CounterSealDocument(Fact, type="vn.vanthu.docs.order.counter_seal.v1", topic=COMMANDS, key="document_id"):
    """Order to signing, by a co-issuer's clerk (`by`): put that agency's seal on a document that everybody has signed."""

    document_id: UUID
    agency_id: UUID  # the agency that leads
    co_agency_id: UUID


class PrepareCopy(Fact, type="vn.vanthu.docs.order.prepare_copy.v1", topic=COMMANDS, key="document_id"):
    """Order to signing: a copy or extract that the agency certifies (NĐ 30 art. 25; SY, SL, TrS by type). Nobody signs
    it; SealDocument follows with its number, for the agency's text-only signature.
    """

    document_id: UUID
    descriptor: Descriptor
    content: BlobRef
    filename: str
    author_id: UUID
    unchecked_allowed: bool = True  # as in PrepareDocument


class ValidateDocument(Fact, type="vn.vanthu.docs.order.validate.v1", topic=COMMANDS, key="incoming_id"):
    """Order to signing: validate what arrived. `content.sha256` is what the sender declared.

    `type_code` and `came_by` choose the policy: "network" from an agency of this deployment, "partner:<name>" through
    the exchange, None or another word for any other way.
    """

    incoming_id: UUID
    agency_id: UUID
    content: BlobRef
    annexes: tuple[Part, ...] = ()
    type_code: str | None = None
    came_by: str | None = None


class EraseDocument(Fact, type="vn.vanthu.docs.order.erase.v1", topic=COMMANDS, key="document_id"):
    """Order to signing: the content of this document was disposed of (`by` decided it), every copy that signing has of it
    goes. `whole`: all that signing ever made of it; `content` names more by digest, `kept` what something else still
    needs and is not touched. What proves the erasure stays.
    """

    document_id: UUID
    agency_id: UUID  # whose work file it was
    workfile_id: UUID
    decision: str
    decided_on: date
    whole: bool
    content: tuple[BlobRef, ...] = ()
    kept: tuple[str, ...] = ()  # SHA-256


class SealTreeHead(Fact, type="vn.vanthu.docs.order.seal_tree_head.v1", topic=COMMANDS, key="head_id"):
    """Order to signing: seal the text of a head of the ledger's tree with this agency's key, and time-stamp it."""

    head_id: UUID
    agency_id: UUID
    log_id: UUID
    size: int
    root: str  # hexadecimal
    text: str  # what is signed, UTF-8, byte for byte


class SealReceipt(Fact, type="vn.vanthu.docs.order.seal_receipt.v1", topic=COMMANDS, key="receipt_id"):
    """Order to signing: seal the text of a receipt with the receiving agency's key, and time-stamp it."""

    receipt_id: UUID
    agency_id: UUID
    text: str  # what is signed, UTF-8, byte for byte


class TreeHeadPublished(Fact, type="vn.vanthu.docs.treehead.published.v1", topic=TREEHEAD, key="log_id"):
    """A sealed head of the ledger's tree (RFC 6962), for anybody who keeps copies: whoever has it can prove later that
    an entry was there, and that nothing before it was changed.
    """

    log_id: UUID
    head_id: UUID
    size: int
    root: str  # hexadecimal
    text: str
    signature: str  # base64 of CMS SignedData, detached, over the text; with a signature time stamp (RFC 3161)
    stamped_at: AwareDatetime | None = None


class DocsAct(Act, type="vn.vanthu.docs.act.recorded.v1", topic=ACT, key="object_id"):
    """An act in docs that is no fact about a document: reading, downloading, refusals."""


TaskAct = Literal[
    "given",
    "started",
    "noted",
    "proposed",
    "closed",
    "returned",
    "called_off",
    "reassigned",
    "extension_asked",
    "extension_granted",
    "extension_refused",
    "due_soon",
    "overdue",
    "declined",
    "deadline_set",
]


class TaskChanged(Fact, type="vn.vanthu.docs.task.changed.v1", topic=TASK, key="task_id"):
    """Something happened to a task on a document that arrived; inner to its agency. `people` are to be told."""

    task_id: UUID
    agency_id: UUID
    incoming_id: UUID
    act: TaskAct
    title: str
    holder: str
    due_on: date | None = None
    reason: str | None = None
    people: tuple[UUID, ...] = ()


class AnswerLine(Contract):
    """One sentence of an answer, in both languages."""

    vi: str
    en: str


class MailAnswered(Fact, type="vn.vanthu.docs.intake.mail_answered.v1", topic=INTAKE, key="mail_id"):
    """A mail that brought documents has been dealt with: its sender is told by one mail (notify).

    `subject`, `message_id` and `references` are those of the mail that is answered. `agency_id`: none when nobody could
    be found whom it was for.
    """

    mail_id: UUID
    agency_id: UUID | None = None
    agency_name: str | None = None
    to: str
    to_name: str
    subject: str
    message_id: str
    references: str = ""
    outcome: Literal["taken", "partly", "refused"]
    lines: tuple[AnswerLine, ...]
