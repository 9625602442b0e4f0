"""Whom signing believes, and how it goes on when a CA is silent: real responders, switched off, and what was kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from deploy.devpki.issuing import Issued
from deploy.devpki.server import Running, running
from services.signing import copies_trust, pdf
from services.signing.authority import VIETNAM
from services.signing.craft import Network
from services.signing.desk import believed
from services.signing.kept import Kept
from shared import db
from shared.blobs import Blobs
from shared.errors import Rejected
from shared.events import registry, signing
from shared.inbox import park
from tests.devpki.tools import call
from tests.interop import paper
from tests.signing.desktop import Desktop, sign, signed
from tests.signing.office import Leader, Office
from tests.signing.office import certificate as stated_certificate

SOON = timedelta(hours=1)


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# --- what the registry keeps, as its worker does


def kept_answer(pki: Running, certificate: x509.Certificate, issuer: x509.Certificate) -> Kept:
    request = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1()).build()  # noqa: S303
    asked = request.public_bytes(serialization.Encoding.DER)
    content = call(pki.ocsp_url, asked, Content_Type="application/ocsp-request").body
    said = ocsp.load_der_ocsp_response(content)
    assert said.next_update_utc is not None
    serial = f"{certificate.serial_number:x}"
    return Kept("ocsp", pki.ocsp_url, sha256(der(issuer)), serial, content, said.this_update_utc, said.next_update_utc)


def kept_list(pki: Running, name: str, issuer: x509.Certificate) -> Kept:
    content = call(f"{pki.url}/{name}.crl").body
    found = x509.load_der_x509_crl(content)
    assert found.next_update_utc is not None
    url = f"{pki.url}/{name}.crl"
    return Kept("crl", url, sha256(der(issuer)), None, content, found.last_update_utc, found.next_update_utc)


def kept_lists(pki: Running) -> tuple[Kept, ...]:
    return kept_list(pki, "issuing", pki.issuing), kept_list(pki, "root", pki.root)


def stated(kept: Kept, blobs: Blobs) -> registry.RevocationDataStated:
    return registry.RevocationDataStated(
        data_id=sha256(f"{kept.kind} {kept.url} {kept.serial}".encode())[:40],
        kind=kept.kind,
        url=kept.url,
        issuer_sha256=kept.issuer_sha256,
        serial=kept.serial,
        status="good" if kept.kind == "ocsp" else None,
        content=blobs.put(kept.content, "application/octet-stream"),
        this_update=kept.this_update,
        next_update=kept.next_update,
    )


def keep(office: Office, pki: Running, *more: Kept) -> None:
    """The registry states its lists, and these."""
    blobs = Blobs(office.folder.as_uri(), "registry")
    office.take(*(stated(one, blobs) for one in (*kept_lists(pki), *more)))


def silent(pki: Running) -> None:
    pki.outage(ocsp=True, crl=True)


# --- an office whose CA is silent


def test_signing_and_sealing_to_lta_go_on_while_the_ca_is_silent_and_say_so(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader, pki: Running
) -> None:
    document_id = prepared_with_seal(office, leader, seal)
    began = datetime.now(UTC) - timedelta(seconds=5)
    keep(office, pki)
    silent(pki)
    http = desktop.of(leader.principal)
    preparation = sign(http, leader, document_id)
    office.work()
    done = next(e for e in office.stated() if isinstance(e, signing.DocumentSigned))
    assert done.cached_revocation_as_of is not None
    assert began <= done.cached_revocation_as_of <= datetime.now(UTC)
    notice = http.get(f"/preparations/{preparation}").json()["notice"]
    hour = done.cached_revocation_as_of.astimezone(VIETNAM).strftime("%H:%M")
    assert notice["code"] == "cached_revocation_used"
    assert hour in notice["vi"]
    assert hour in notice["en"]

    office.order_seal(document_id)
    office.work()
    fact = next(e for e in office.stated() if isinstance(e, signing.DocumentSealed))
    assert fact.level == "PAdES-BASELINE-LTA"
    assert fact.cached_revocation_as_of is not None
    report = pdf.validate(office.desk.blobs.get(fact.content), paper.trust(pki, fetch=False))
    assert [(one.indication, one.level) for one in report.signatures if one.kind == "signature"] == [
        (pdf.Indication.PASSED, pdf.Level.LTA),
        (pdf.Indication.PASSED, pdf.Level.LTA),
    ], "what was kept is in the document: nobody needs the CA to judge it"


def prepared_with_seal(office: Office, leader: Leader, seal: Issued) -> Any:
    office.found(leader)
    office.seal_certificate(seal)
    document_id = office.order(leader)
    office.work()
    office.only(signing.DocumentPrepared)
    return document_id


def test_nothing_is_said_when_the_ca_answers_itself(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader, pki: Running
) -> None:
    keep(office, pki)
    document_id = prepared_with_seal(office, leader, seal)
    http = desktop.of(leader.principal)
    preparation = sign(http, leader, document_id)
    office.work()
    assert next(e for e in office.stated() if isinstance(e, signing.DocumentSigned)).cached_revocation_as_of is None
    assert "notice" not in http.get(f"/preparations/{preparation}").json()


def test_what_ran_out_helps_nobody(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader, pki: Running
) -> None:
    document_id = prepared_with_seal(office, leader, seal)
    keep(office, pki)
    with db.transaction(office.pool) as tx:
        tx.execute("UPDATE revocation_data SET next_update = now() - interval '1 second'")
    silent(pki)
    sign(desktop.of(leader.principal), leader, document_id)
    office.work()
    fact = next(e for e in office.stated() if isinstance(e, signing.DocumentSigned))
    assert (fact.cached_revocation_as_of, fact.owes) == (None, ("revocation",))
    pki.outage(ocsp=False, crl=False)
    office.work_again()
    assert next(e for e in office.stated() if isinstance(e, signing.DocumentAugmented)).owes == ()


def test_a_certificate_that_the_registry_revoked_is_not_helped_by_an_older_good(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader, pki: Running
) -> None:
    """The CA has not even been told: what the registry knows counts."""
    document_id = signed(office, desktop, leader)
    office.seal_certificate(seal)
    issued = x509.load_der_x509_certificate(leader.certificate.der)
    keep(office, pki, kept_answer(pki, issued, pki.issuing))
    silent(pki)
    office.take(stated_certificate(leader, status="revoked"))
    office.order_seal(document_id)
    office.work()
    sealed = next(e for e in office.stated() if isinstance(e, signing.DocumentSealed))
    assert sealed.owes == ("LT", "LTA"), "no validation data are made of it"
    pki.outage(ocsp=False, crl=False)
    office.work_again()
    paid = next(e for e in office.stated() if isinstance(e, signing.DocumentAugmented))
    assert paid.owes == (), "signed before it ended: the CA says so"


def test_without_a_fresh_word_of_the_registry_nothing_kept_is_used(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader, pki: Running
) -> None:
    document_id = prepared_with_seal(office, leader, seal)
    keep(office, pki)
    silent(pki)
    sign(desktop.of(leader.principal), leader, document_id)
    with db.transaction(office.pool) as tx:
        tx.execute("UPDATE registry_copy SET as_of = now() - interval '11 minutes'")
    office.work()
    delayed = next(e for e in office.stated() if isinstance(e, signing.DocumentDelayed))
    assert delayed.code == "registry_copy_stale"


# --- which evidence decides


@pytest.fixture
def key(pki: Running) -> paper.SoftKey:
    return paper.person(pki)


def loaded(key: paper.SoftKey) -> x509.Certificate:
    return x509.load_der_x509_certificate(key.certificate)


def check(key: paper.SoftKey, trust: pdf.Trust) -> None:
    pdf.check_certificate(key.certificate, key.chain, trust)


def refused(code: str) -> Any:
    return pytest.raises(Rejected, match=rf"^{code}:")


def test_a_kept_answer_stands_in_only_while_its_responder_is_silent(pki: Running, key: paper.SoftKey) -> None:
    good = kept_answer(pki, loaded(key), pki.issuing)
    trust = replace(paper.trust(pki), kept=(good, *kept_lists(pki)))
    pki.revoke(loaded(key).serial_number, "keyCompromise")
    with refused("certificate_revoked"):
        check(key, trust)
    pki.outage(ocsp=True)
    with refused("certificate_revoked"):  # the list is to be had, and newer than what was kept
        check(key, trust)
    assert trust.used == []


def test_of_what_is_kept_the_newest_decides(pki: Running, key: paper.SoftKey) -> None:
    good = kept_answer(pki, loaded(key), pki.issuing)
    old_lists = kept_lists(pki)
    pki.revoke(loaded(key).serial_number, "keyCompromise")
    new_lists = kept_lists(pki)
    older = replace(good, this_update=good.this_update - timedelta(minutes=5))
    silent(pki)
    with refused("certificate_revoked"):
        check(key, replace(paper.trust(pki), kept=(older, *new_lists)))
    root_answer_is_kept_by_list = replace(paper.trust(pki), kept=(good, *old_lists))
    check(key, root_answer_is_kept_by_list)  # nothing newer is known: that is what the notice says
    assert root_answer_is_kept_by_list.used


def test_kept_data_of_another_ca_or_with_a_changed_byte_help_nobody(pki: Running, key: paper.SoftKey) -> None:
    lists = kept_lists(pki)
    with running() as stranger:
        foreign = (
            replace(lists[0], content=kept_lists(stranger)[0].content),
            lists[1],
        )
    changed = bytearray(lists[0].content)
    changed[-3] ^= 1
    broken = (replace(lists[0], content=bytes(changed)), lists[1])
    silent(pki)
    check(key, replace(paper.trust(pki), kept=lists))
    for kept in (foreign, broken, (lists[1],), ()):
        with refused("revocation_unavailable"):
            check(key, replace(paper.trust(pki), kept=kept))


def test_what_the_registry_revoked_counts_whatever_its_ca_says(pki: Running, key: paper.SoftKey) -> None:
    check(key, paper.trust(pki))
    with refused("certificate_revoked"):
        check(key, replace(paper.trust(pki), revoked=frozenset({sha256(key.certificate)})))


# --- whom we believe


def anchor(root: x509.Certificate, *purposes: str, **changes: Any) -> registry.AnchorStated:
    values = {
        "fingerprint": sha256(der(root)),
        "pem": pem(root),
        "purposes": purposes or ("sign_documents", "seal_documents", "time_stamps"),
        "trusted_from": datetime.now(UTC) - SOON,
        **changes,
    }
    return registry.AnchorStated.model_validate(values)


def confirm(office: Office) -> None:
    office.take(registry.TrustConfirmed(as_of=datetime.now(UTC)))


def believes(office: Office, *, new: bool = True, later: timedelta = timedelta(0)) -> Network:
    with db.transaction(office.pool) as tx:
        return believed(tx, office.desk, datetime.now(UTC) + later, new=new)


@pytest.fixture
def stranger() -> Iterator[Running]:
    with running() as server:
        yield server


def test_a_root_that_the_registry_states_counts_while_its_word_is_fresh(office: Office, stranger: Running) -> None:
    own = believes(office).roots
    office.take(anchor(stranger.root, "sign_documents"))
    assert believes(office).roots == own, "no heartbeat: fail closed"
    confirm(office)
    network = believes(office)
    assert set(network.roots) == {*own, der(stranger.root)}
    trust = network.trust()
    assert trust.roots_for("time_stamps") == own
    assert set(trust.roots_for("sign_documents")) == set(network.roots)
    assert believes(office, later=timedelta(minutes=11)).roots == own, "stale: the operator's own roots alone"
    assert network.snapshot != replace(network, roots=own).snapshot


def test_an_operator_may_believe_nobody_but_their_own_files(office: Office, stranger: Running) -> None:
    office.take(anchor(stranger.root))
    confirm(office)
    office.desk = replace(office.desk, follow_trust=False)
    assert der(stranger.root) not in believes(office).roots


def test_a_withdrawal_counts_at_once_and_for_ever_also_of_the_operators_own_root(
    office: Office, pki: Running, stranger: Running
) -> None:
    office.take(anchor(stranger.root))
    confirm(office)
    office.take(anchor(stranger.root, withdrawn_at=datetime.now(UTC), withdrawn_reason="Lộ khóa"))
    assert der(stranger.root) not in believes(office, new=False).roots
    office.take(anchor(pki.root, withdrawn_at=datetime.now(UTC), withdrawn_reason="Lộ khóa"))
    for new in (True, False):
        with refused("trust_missing"):
            believes(office, new=new, later=timedelta(days=1))


def test_an_anchor_past_its_last_day_judges_what_was_signed_and_vouches_for_nothing_new(
    office: Office, stranger: Running
) -> None:
    past = anchor(stranger.root, trusted_until=datetime.now(UTC) - timedelta(minutes=1))
    office.take(past)
    confirm(office)
    assert der(stranger.root) not in believes(office).roots
    assert der(stranger.root) in believes(office, new=False).roots
    future = anchor(stranger.root, trusted_from=datetime.now(UTC) + SOON)
    office.take(future)
    assert der(stranger.root) not in believes(office, new=False).roots


def test_a_root_is_believed_only_for_its_purposes(pki: Running, key: paper.SoftKey) -> None:
    only = {sha256(der(pki.root)): frozenset({"time_stamps"})}
    trust = replace(paper.trust(pki), limits=only)
    with refused("certificate_not_trusted"):
        check(key, trust)
    draft = paper.sample("01")
    prepared = pdf.prepare(draft, paper.plan(draft))
    document = paper.sign(prepared, key, pki)
    assert pdf.validate(document, paper.trust(pki)).indication is pdf.Indication.PASSED
    assert pdf.validate(document, trust).indication is not pdf.Indication.PASSED
    signers_only = {sha256(der(pki.root)): frozenset({"sign_documents"})}
    [report] = pdf.validate(document, replace(paper.trust(pki), limits=signers_only)).signatures
    assert report.time is None, "a time stamp under a root that is not for time stamps proves no time"
    assert (report.level, report.stamps[0].indication) == (pdf.Level.B_T, pdf.Indication.INDETERMINATE)
    seal_only = {sha256(der(pki.root)): frozenset({"seal_documents", "time_stamps"})}
    with refused("certificate_not_trusted"):
        pdf.check_certificate(
            key.certificate, key.chain, replace(paper.trust(pki), limits=seal_only), purpose=pdf.SIGN_DOCUMENTS
        )


def test_an_anchor_that_is_not_what_its_fingerprint_says_is_parked_and_not_believed(
    office: Office, pki: Running, stranger: Running
) -> None:
    lie = anchor(pki.root, pem=pem(stranger.root))
    confirm(office)
    record = office._record(lie)
    with db.transaction(office.pool) as tx, pytest.raises(Rejected, match=r"^anchor_differs:"):
        copies_trust.keep_anchor(tx, lie)
    with db.transaction(office.pool) as tx:
        assert park(tx, record, "anchor_differs", "…") == "parked"
    with refused("trust_missing"):  # it may have been a withdrawal
        believes(office)


def test_trust_comes_on_the_registrys_topic_only(office: Office, stranger: Running) -> None:
    record = replace(office._record(anchor(stranger.root)), topic="registry.person")
    with db.transaction(office.pool) as tx:
        outcome: Any
        try:
            outcome = office.follower.take(tx, record)
        except Exception as error:  # noqa: BLE001  whatever it is, it is not taken in
            outcome = type(error).__name__
    assert outcome not in ("handled", "duplicate")
    confirm(office)
    assert der(stranger.root) not in believes(office).roots


def test_kept_data_are_reached_by_reference_and_checked(office: Office, pki: Running) -> None:
    keep(office, pki)
    with db.transaction(office.pool) as tx:
        kept = copies_trust.list_kept(tx, ())
    assert {one.url for one in kept} == {f"{pki.url}/issuing.crl", f"{pki.url}/root.crl"}
    office.tamper(kept[0].content)
    with refused("blob_damaged"):
        office.desk.blobs.get(kept[0].content)
