"""Time stamps: OpenSSL verifies them, serials never repeat, and what is wrong is rejected by RFC 3161's own codes."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asn1crypto import cms, tsp

from deploy.devpki.hierarchy import TSA_POLICY
from deploy.devpki.server import Running
from tests.devpki.tools import Openssl, call, own_certificates

POLICY = TSA_POLICY.dotted_string


def query(**changes: Any) -> bytes:
    """A TimeStampReq over SHA-256 of b"data"; `algorithm`, `digest` and any field may be changed."""
    imprint = {
        "hash_algorithm": {"algorithm": changes.pop("algorithm", "sha256")},
        "hashed_message": changes.pop("digest", hashlib.sha256(b"data").digest()),
    }
    return bytes(tsp.TimeStampReq({"version": "v1", "message_imprint": imprint} | changes).dump())


def stamp(pki: Running, request: bytes) -> bytes:
    reply = call(pki.tsa_url, request, Content_Type="application/timestamp-query")
    assert (reply.status, reply.content_type) == (200, "application/timestamp-reply")
    return reply.body


def token_of(response: bytes) -> tuple[Any, Any]:
    """SignedData and TSTInfo of a granted response."""
    parsed = tsp.TimeStampResp.load(response, strict=True)
    assert parsed["status"]["status"].native == "granted"
    signed = parsed["time_stamp_token"]["content"]
    return signed, signed["encap_content_info"]["content"].parsed


def failure_of(response: bytes) -> tuple[str, set[str]]:
    status = tsp.PKIStatusInfo.load(response[2:] if response[1] < 0x80 else response[3:])
    assert status["status_string"].native
    return status["status"].native, status["fail_info"].native


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_openssl_verifies_a_time_stamp_by_the_root_alone(pki: Running, openssl: Openssl, algorithm: str) -> None:
    openssl.write("data", b"data")
    openssl("ts", "-query", "-data", "data", f"-{algorithm}", "-cert", "-tspolicy", POLICY, "-out", "q.tsq")
    openssl.write("r.tsr", stamp(pki, (openssl.home / "q.tsq").read_bytes()))
    verify = ("ts", "-verify", "-in", "r.tsr", "-CAfile", "root.pem")
    assert "Verification: OK" in openssl(*verify, "-queryfile", "q.tsq")
    assert "Verification: OK" in openssl(*verify, "-data", "data")
    openssl.write("data", b"changed")
    assert "Verification: FAILED" in openssl(*verify, "-data", "data", code=1)
    said = openssl("ts", "-reply", "-in", "r.tsr", "-text")
    assert f"Policy OID: {POLICY}" in said
    assert "Accuracy: 0x01 seconds" in said


def test_without_certreq_no_certificate_travels_along(pki: Running, openssl: Openssl) -> None:
    openssl.write("data", b"data")
    openssl("ts", "-query", "-data", "data", "-sha256", "-no_nonce", "-out", "q.tsq")
    openssl.write("r.tsr", stamp(pki, (openssl.home / "q.tsq").read_bytes()))
    signed, info = token_of((openssl.home / "r.tsr").read_bytes())
    assert not signed["certificates"].native
    assert info["nonce"].native is None
    openssl.write("chain.pem", own_certificates(pki)["tsa"].pem + own_certificates(pki)["issuing"].pem)
    verify = ("ts", "-verify", "-queryfile", "q.tsq", "-in", "r.tsr", "-CAfile", "root.pem")
    assert "Verification: OK" in openssl(*verify, "-untrusted", "chain.pem")


def test_a_token_says_what_was_asked_and_binds_its_certificate(pki: Running) -> None:
    tsa = own_certificates(pki)["tsa"]
    before = dt.datetime.now(dt.UTC).replace(microsecond=0)
    signed, info = token_of(stamp(pki, query(nonce=2**63 + 1, cert_req=True, req_policy=POLICY)))
    assert info["nonce"].native == 2**63 + 1
    assert info["message_imprint"]["hashed_message"].native == hashlib.sha256(b"data").digest()
    assert before <= info["gen_time"].native <= dt.datetime.now(dt.UTC)
    assert {one.chosen.dump() for one in signed["certificates"]} == {tsa.der, own_certificates(pki)["issuing"].der}
    (signer,) = signed["signer_infos"]
    attributes = {one["type"].native: one["values"][0] for one in signer["signed_attrs"]}
    assert set(attributes) == {"content_type", "message_digest", "signing_certificate_v2"}
    (bound,) = attributes["signing_certificate_v2"]["certs"]
    assert bound["cert_hash"].native == hashlib.sha256(tsa.der).digest()
    assert bound["issuer_serial"]["serial_number"].native == tsa.certificate.serial_number
    # DER: the attributes stand in the order of their encodings, else a re-encoding breaks the signature.
    assert cms.CMSAttributes(list(signer["signed_attrs"])).contents == signer["signed_attrs"].contents


@pytest.mark.parametrize(
    ("request_bytes", "failure"),
    [
        (b"", "bad_data_format"),
        (b"no DER", "bad_data_format"),
        (b"\x30\x80" * 30000, "bad_data_format"),
        (query()[:-1], "bad_data_format"),
        (query() + b"\x00", "bad_data_format"),
        (query(digest=b"short"), "bad_data_format"),
        (query(algorithm="sha1", digest=bytes(20)), "bad_alg"),
        (query(algorithm="md5", digest=bytes(16)), "bad_alg"),
        (query(version=2), "bad_request"),
        (query(req_policy="1.2.3"), "unaccepted_policy"),
        (query(extensions=[{"extn_id": "1.2.3", "extn_value": b""}]), "unaccepted_extensions"),
    ],
)
def test_a_request_that_cannot_be_served_is_rejected_with_its_reason(
    pki: Running, request_bytes: bytes, failure: str
) -> None:
    assert failure_of(stamp(pki, request_bytes)) == ("rejection", {failure})


def test_openssl_reads_a_rejection(pki: Running, openssl: Openssl) -> None:
    openssl.write("r.tsr", stamp(pki, query(algorithm="sha1", digest=bytes(20))))
    said = openssl("ts", "-reply", "-in", "r.tsr", "-text")
    assert "Status: Rejected." in said
    assert "unrecognized or unsupported algorithm identifier" in said


def test_changed_bytes_in_a_request_never_break_the_authority(pki: Running) -> None:
    chance = random.Random(3161)
    honest = query(nonce=2**60, cert_req=True)
    for _ in range(500):
        changed = bytearray(honest)
        for _ in range(chance.choice((1, 2, 4))):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        assert b"authority failed" not in pki.pki.tsa.answer(bytes(changed))


def test_sixteen_clients_at_once_never_get_the_same_serial(pki: Running) -> None:
    asked = query()

    def ask(_: int) -> list[int]:
        return [token_of(stamp(pki, asked))[1]["serial_number"].native for _ in range(40)]

    with ThreadPoolExecutor(16) as pool:
        serials = [serial for some in pool.map(ask, range(16)) for serial in some]
    assert len(serials) == 640  # more than two blocks of reserved numbers
    assert len(set(serials)) == 640


def test_the_wrong_content_type_is_said(pki: Running) -> None:
    reply = call(pki.tsa_url, query(), Content_Type="application/octet-stream")
    assert (reply.status, reply.json["code"]) == (415, "devpki_content_type")


def test_an_authority_that_is_switched_off_answers_503(pki: Running) -> None:
    pki.outage(tsa=True)
    reply = call(pki.tsa_url, query(), Content_Type="application/timestamp-query")
    assert (reply.status, reply.json["code"]) == (503, "devpki_outage")
    pki.outage(tsa=False)
    token_of(stamp(pki, query()))
