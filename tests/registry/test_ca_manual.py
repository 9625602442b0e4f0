"""A CA that is asked by hand: the orders go out as one file, the certificates come back as another, each is judged."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7

from deploy.devpki.server import Running
from services.registry import ca_files, store_certificates, trust
from services.registry.ca_files import read_answers
from services.registry.ca_manual import ManualCA
from shared.errors import Rejected
from tests.registry.conftest import Office, province_wide
from tests.registry.keys import Ca, now, pem, request
from tests.registry.test_ca import look, order, work

MANUAL = ManualCA()


def post(office: Office, path: str, content: bytes, **params: Any) -> Any:
    headers = office.officer | {"Content-Type": "application/octet-stream"}
    return office.http.post(f"/registry/v1/{path}", content=content, params=params, headers=headers)


def get(office: Office, path: str, **params: Any) -> Any:
    return office.http.get(f"/registry/v1/{path}", params=params, headers=office.officer)


def make_batch(office: Office) -> Any:
    return office.http.post("/registry/v1/ca-batches", json={}, headers=office.officer)


def unpack(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(**files: bytes) -> bytes:
    """A ZIP; `__` in a name stands for a dot."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return out.getvalue()


def rows_of(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")  # or Excel shows no Vietnamese
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def sent(office: Office, *holders: dict[str, str], key: Any = None) -> list[Any]:
    """Orders for these holders, in a batch that went out; the keys' public halves."""
    keys = [key or ec.generate_private_key(ec.SECP256R1()) for _ in holders]
    for one, holder in zip(keys, holders, strict=True):
        assert order(office, request(one), **holder).status_code == 201
    assert work(office, MANUAL) >= len(holders)
    assert make_batch(office).status_code == 201
    return [one.public_key() for one in keys]


def leader(office: Office) -> dict[str, str]:
    return {"kind": "person", "person_id": str(office.province.leader.id)}


def clerk(office: Office) -> dict[str, str]:
    return {"kind": "person", "person_id": str(office.province.clerk.id)}


def seal(office: Office) -> dict[str, str]:
    return {"kind": "seal", "agency_id": str(office.province.ubnd.id)}


def issued(pki: Running, key: Any, name: str = "Bế Thị Hồng Nguyệt") -> Any:
    return pki.issue(key, common_name=name)


def registered(office: Office) -> int:
    with province_wide(office.pool) as tx:
        row = tx.execute("SELECT count(*) AS n FROM certificate").fetchone()
    assert row
    return int(row["n"])


def codes(report: Any) -> list[str]:
    return [row["problem"]["code"] for row in report.json()["rows"] if row["problem"]]


def test_orders_wait_go_out_as_one_file_and_come_back_as_certificates(office: Office, pki: Running) -> None:
    keys: list[Any] = [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)]
    asked = [
        order(office, request(key), **who).json() for key, who in zip(keys, (leader(office), seal(office)), strict=True)
    ]
    assert work(office, MANUAL) == 2
    waiting = [look(office, each["request_id"]) for each in asked]
    assert [(each["state"], each["problem"]["code"]) for each in waiting] == [("requested", "ca_by_hand")] * 2
    assert [each["name"] for each in get(office, "ca-orders", state="waiting").json()["items"]] == [
        "Bế Thị Hồng Nguyệt",
        "Ủy ban nhân dân tỉnh Lạng Sơn",
    ]

    batch = make_batch(office).json()
    again = make_batch(office)
    assert (again.status_code, again.json()["code"]) == (409, "batch_nothing_waits")
    content = get(office, f"ca-batches/{batch['batch_id']}/file").content
    assert hashlib.sha256(content).hexdigest() == batch["sha256"]
    files = unpack(content)
    manifest = json.loads(files.pop("manifest.json"))
    assert (manifest["batch"], manifest["issue"], manifest["end"]) == (batch["batch_id"], 2, 0)
    assert manifest["sha256"] == {name: hashlib.sha256(part).hexdigest() for name, part in files.items()}
    listed = rows_of(files["danh-sach.csv"])
    assert [(row["Tên trên chứng thư"], row["Mã định danh"]) for row in listed] == [
        ("Bế Thị Hồng Nguyệt", "H37"),
        ("Ủy ban nhân dân tỉnh Lạng Sơn", "H37"),
    ]
    for row, key in zip(listed, keys, strict=True):
        assert x509.load_pem_x509_csr(files[row["Tệp CSR"]]).public_key() == key.public_key()

    # The CA's people certify what they got and send a folder back.
    first = issued(pki, x509.load_pem_x509_csr(files[listed[0]["Tệp CSR"]]).public_key())
    second = issued(pki, keys[1].public_key(), "Ủy ban nhân dân tỉnh Lạng Sơn")
    answer = pack(nguyet__cer=first.der, ubnd__crt=second.pem, ca__pem=pki.chain_pem, doc__txt=b"Kinh g\xe1\xbb\xadi")
    seen = post(office, "ca-answers/preview", answer, name="tra-loi.zip").json()
    assert (seen["taken"], seen["accepted"], seen["refused"], seen["missing"]) == (False, 2, 0, 2)
    assert {row["certificate_id"] for row in seen["rows"]} == {None}
    assert registered(office) == 0
    office.publish()
    done = post(office, "ca-answers", answer, name="tra-loi.zip").json()
    assert (done["taken"], done["accepted"], done["missing"], done["ignored"]) == (True, 2, 0, ["doc.txt"])
    made = [look(office, each["request_id"]) for each in asked]
    assert [each["problem"] for each in made] == [None, None]
    assert [each["state"] for each in made] == ["issued", "issued"]
    assert {each["certificate_id"] for each in made} == {row["certificate_id"] for row in done["rows"]}
    assert len(office.stated("registry.certificate")) == 2
    repeated = post(office, "ca-answers", answer, name="tra-loi.zip").json()
    assert [row["outcome"] for row in repeated["rows"]] == ["known", "known"]
    assert (repeated["taken"], registered(office)) == (False, 2)


@pytest.mark.parametrize("shape", ["pem", "der", "p7b-der", "p7b-pem"])
def test_each_format_that_a_ca_sends_is_read(office: Office, pki: Running, shape: str) -> None:
    [key] = sent(office, leader(office))
    made = issued(pki, key)
    chain = x509.load_pem_x509_certificates(pki.chain_pem)
    encoding = serialization.Encoding.DER if shape.endswith("der") else serialization.Encoding.PEM
    if shape == "pem":
        content = made.pem + pki.chain_pem
    elif shape == "der":
        content = pack(a__der=made.der, b__der=chain[0].public_bytes(encoding))
    else:
        content = pkcs7.serialize_certificates([made.certificate, *chain], encoding)
    done = post(office, "ca-answers", content, name=f"a.{shape[:3]}").json()
    assert (done["taken"], done["accepted"]) == (True, 1), done


def test_one_bad_certificate_stops_the_file_unless_the_officer_takes_the_good_ones(
    office: Office, pki: Running
) -> None:
    keys = sent(office, leader(office), clerk(office), seal(office))
    answer = pack(
        good__cer=issued(pki, keys[0]).der,
        other__cer=issued(pki, keys[1], "Trần Văn Khác").der,
        stranger__cer=issued(pki, ec.generate_private_key(ec.SECP256R1()).public_key()).der,
        torn__cer=issued(pki, keys[2]).der[:-20],
        ca__pem=pki.chain_pem,
    )
    stopped = post(office, "ca-answers", answer)
    assert (stopped.status_code, stopped.json()["taken"]) == (200, False)
    outcomes = {row["file"]: (row["outcome"], (row["problem"] or {}).get("code")) for row in stopped.json()["rows"]}
    assert outcomes == {
        "good.cer": ("accepted", None),
        "other.cer": ("refused", "certificate_of_another"),
        "stranger.cer": ("refused", "certificate_not_ordered"),
        "torn.cer": ("refused", "certificate_unreadable"),
    }
    assert (registered(office), office.stated("registry.certificate")) == (0, [])
    done = post(office, "ca-answers", answer, only_good=True).json()
    assert (done["taken"], done["accepted"], done["refused"], done["missing"]) == (True, 1, 3, 2)
    assert registered(office) == 1


def _weak(name: str) -> Callable[[Ca, Any], x509.Certificate]:
    return {
        "expired": lambda ca, key: ca.sign(key, days=(-9, -1)),
        "wrong usage": lambda ca, key: ca.sign(key, key_usage=None),
        "untrusted": lambda _ca, key: Ca(common_name="Root khác").sign(key),
    }[name]


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("expired", "certificate_expired"),
        ("wrong usage", "certificate_wrong_usage"),
        ("untrusted", "certificate_untrusted"),
    ],
)
def test_what_comes_back_passes_the_checks_of_every_entry(office: Office, what: str, code: str) -> None:
    root = Ca()
    with province_wide(office.pool) as tx:
        store_certificates.pin(tx, trust.read_anchor(pem(root.certificate), now()))
    [key] = sent(office, leader(office))
    report = post(office, "ca-answers", pem(_weak(what)(root, key)).encode())
    assert (report.json()["taken"], codes(report)) == (False, [code])


def test_what_its_ca_has_revoked_meanwhile_is_not_let_in(office: Office, pki: Running) -> None:
    keys = sent(office, leader(office), clerk(office))
    made = [issued(pki, keys[0]), issued(pki, keys[1], office.province.clerk.name)]
    pki.revoke(x509.load_pem_x509_certificate(made[0].pem).serial_number, "keyCompromise")
    answer = pack(**{f"{n}__pem": each.pem + each.chain_pem for n, each in enumerate(made)})
    for path in ("ca-answers/preview", "ca-answers"):
        report = post(office, path, answer)
        assert (report.json()["taken"], codes(report)) == (False, ["certificate_revoked_at_ca"])
    done = post(office, "ca-answers", answer, only_good=True).json()
    assert (done["taken"], done["accepted"], done["refused"]) == (True, 1, 1)
    assert registered(office) == 1


def test_while_its_ca_is_silent_nothing_of_it_is_let_in(office: Office, pki: Running) -> None:
    [key] = sent(office, leader(office))
    made = issued(pki, key)
    answer = made.pem + made.chain_pem
    pki.outage(ocsp=True, crl=True)
    try:
        report = post(office, "ca-answers", answer)
    finally:
        pki.outage(ocsp=False, crl=False)
    assert (report.json()["taken"], codes(report)) == (False, ["certificate_status_unchecked"])
    assert post(office, "ca-answers", answer).json()["accepted"] == 1


def test_two_certificates_for_one_order_are_asked_about(office: Office, pki: Running) -> None:
    [key] = sent(office, leader(office))
    two = issued(pki, key).pem + issued(pki, key).pem + pki.chain_pem
    report = post(office, "ca-answers", two, only_good=True)
    assert (report.json()["taken"], codes(report)) == (False, ["certificate_repeated_in_file"] * 2)


def test_a_refusal_by_the_ca_ends_the_request_with_its_words_and_frees_the_key(office: Office) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    sent(office, leader(office), key=key)
    [waits] = get(office, "ca-orders", state="sent").json()["items"]
    path = f"/registry/v1/ca-orders/{waits['order_id']}/refuse"
    done = office.http.post(path, json={"reason": "Hồ sơ thiếu mẫu 01"}, headers=office.officer)
    assert done.json()["state"] == "refused"
    ended = look(office, waits["request_id"])
    assert (ended["state"], ended["problem"]["code"]) == ("refused", "ca_refused")
    assert "Hồ sơ thiếu mẫu 01" in ended["problem"]["vi"]
    again = office.http.post(path, json={"reason": "x"}, headers=office.officer)
    assert (again.status_code, again.json()["code"]) == (409, "ca_order_ended")
    assert order(office, request(key), **leader(office)).status_code == 201


def test_the_end_of_its_certificates_goes_out_with_the_next_batch(office: Office, pki: Running) -> None:
    [key] = sent(office, leader(office))
    done = post(office, "ca-answers", issued(pki, key).pem + pki.chain_pem).json()
    [row] = done["rows"]
    path = f"/registry/v1/certificates/{row['certificate_id']}/revoke"
    assert office.http.post(path, json={"reason": "keyCompromise"}, headers=office.officer).status_code == 200
    assert work(office, MANUAL) == 1
    assert told(office) == (False, True)
    batch = make_batch(office).json()
    [line] = rows_of(unpack(get(office, f"ca-batches/{batch['batch_id']}/file").content)["thu-hoi.csv"])
    assert (line["Số hiệu chứng thư"].lstrip("0"), line["Việc"]) == (row["serial"].lstrip("0"), "keyCompromise")
    assert told(office) == (True, False)
    assert get(office, "ca-batches").json()["items"][0]["batch_id"] == batch["batch_id"]


def told(office: Office) -> tuple[bool, bool]:
    """Whether the CA was told of the only certificate's end, and whether something is said about why not."""
    with province_wide(office.pool) as tx:
        [row] = tx.execute("SELECT ca_told_at, ca_problem FROM certificate").fetchall()
    return row["ca_told_at"] is not None, row["ca_problem"] is not None


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "answers_unreadable"),
        (b"Kinh gui", "answers_unreadable"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "answers_unreadable"),
        (pack(a__txt=b"khong co gi"), "answers_unreadable"),
        (pack(a__pem=b"-----BEGIN PRIVATE KEY-----\n"), "private_key_sent"),
        (pack(a__pfx=b"0"), "private_key_sent"),
        (pack(**{f"a{n}": b"" for n in range(ca_files.MAX_ENTRIES + 1)}), "answers_too_many"),
        (pack(bomb=b"\0" * (ca_files.MAX_UNPACKED + 1)), "answers_too_many"),
        (pack(a__cer=b"\x30" * 50_000)[:-30], "answers_unreadable"),
    ],
)
def test_a_file_that_is_none_of_the_formats_is_refused_as_a_whole(content: bytes, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        read_answers("tra-loi", content)
    assert refused.value.code == code


def test_a_file_that_is_too_large_or_no_file_at_all_is_refused_at_the_door(office: Office) -> None:
    large = post(office, "ca-answers", b"x" * (ca_files.MAX_FILE + 1))
    assert (large.status_code, large.json()["code"]) == (413, "answers_too_many")
    for content in (b"", b"{}"):
        none = post(office, "ca-answers", content)
        assert none.status_code == 422, none.text


def test_a_name_that_a_spreadsheet_takes_for_a_formula_stays_a_name() -> None:
    assert ca_files._cell("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert ca_files._cell("Bế Thị Hồng Nguyệt") == "Bế Thị Hồng Nguyệt"


def test_only_the_officer_of_the_province_sees_or_moves_batches(office: Office, pki: Running) -> None:
    sent(office, leader(office))
    [batch] = get(office, "ca-batches").json()["items"]
    [waits] = get(office, "ca-orders").json()["items"]
    for who in (office.province.clerk, office.province.leader, office.province.commune_clerk):
        headers = office.headers(who) | {"Content-Type": "application/json"}
        for path in (
            "ca-orders",
            "ca-batches",
            f"ca-batches/{batch['batch_id']}",
            f"ca-batches/{batch['batch_id']}/file",
        ):
            assert office.http.get(f"/registry/v1/{path}", headers=headers).status_code == 403, path
        refuse = office.http.post(
            f"/registry/v1/ca-orders/{waits['order_id']}/refuse", json={"reason": "x"}, headers=headers
        )
        made = office.http.post("/registry/v1/ca-batches", json={}, headers=headers)
        raw = headers | {"Content-Type": "application/octet-stream"}
        taken = office.http.post("/registry/v1/ca-answers", content=pki.chain_pem, headers=raw)
        shown = office.http.post("/registry/v1/ca-answers/preview", content=pki.chain_pem, headers=raw)
        assert {refuse.status_code, made.status_code, taken.status_code, shown.status_code} == {403}
