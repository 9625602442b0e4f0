"""Procedures, devices and the CA by hand in a browser, in front of the real registry."""

from __future__ import annotations

import re
from urllib.parse import unquote

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.devpki.issuing import Issued
from deploy.devpki.server import Running
from services.registry import store, store_certificates, trust
from services.registry.scope import EVERYWHERE
from shared import db
from tests.portal.browser import forms
from tests.portal.test_service import code_of
from tests.portal.town import Town, heading
from tests.registry.conftest import pki, text
from tests.registry.keys import name, now

__all__ = ["pki"]  # registry's own fixture


def words_of(page: httpx.Response) -> str:
    """A page as it is read: without its marks, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())


def test_a_clerk_asks_for_a_certificate_and_an_officer_sends_the_form_on(town: Town) -> None:
    clerk, officer = town.sit_down("diep.ptm"), town.sit_down("canbo")
    assert "0 đề nghị chờ duyệt" in words_of(officer.open("/"))
    blank = clerk.open(f"/procedures/new?person_id={town.province.commune_clerk.id}")
    assert "Phùng Thị Mai Diệp" in blank.text
    asked = clerk.send(blank, "/procedures/new", kind="issue_person", d_citizen_id="020190001234", d_phone="0912345678")
    assert heading(asked) == "Cấp chứng thư chữ ký số cho cá nhân"
    assert "Duyệt" not in [form.action.rpartition("/")[2] for form in forms(asked)]
    page = asked.url.path
    assert "1 đề nghị chờ duyệt" in words_of(officer.open("/"))
    approved = officer.send(officer.open(page), f"{page}/approve")
    assert "Đã duyệt" in approved.text
    printed = officer.open(f"{page}/form?download")
    assert printed.content.startswith(b"%PDF-")
    named = unquote(printed.headers["content-disposition"].partition("''")[2])
    assert named == "Mẫu 01 Phùng Thị Mai Diệp.pdf"
    sent = officer.send(approved, f"{page}/forward", reference="145/UBND-VP")
    assert "145/UBND-VP" in sent.text
    assert "Hạn của bước này" in sent.text
    assert "Cấp chứng thư chữ ký số cho cá nhân" in clerk.open("/procedures?state=forwarded").text
    gone = clerk.send(clerk.open(page), f"{page}/withdraw", reason="Chuyển công tác")
    assert "Chuyển công tác" in gone.text
    late = officer.send(sent, f"{page}/refuse", reason="Sai mẫu")
    assert late.status_code == 409


def test_certificates_are_found_by_name_kind_and_end_and_a_request_goes_to_the_ca(town: Town, pki: Running) -> None:
    officer, province = town.sit_down("canbo"), town.province
    with db.transaction(town.registry) as tx:
        store_certificates.pin(tx, trust.read_anchor(text(pki.root_pem), now()))
    made = pki.issue(ec.generate_private_key(ec.SECP256R1()).public_key(), common_name=province.leader.name, days=20)
    page = officer.open(f"/certificates/new?person_id={province.leader.id}")
    form = next(form for form in forms(page) if form.action == "/certificates/new")
    hidden = {name: value for name, value in form.fields if name in {"csrf", "once", "person_id"}}
    chain = text(made.pem) + text(made.chain_pem)
    kept = officer.http.post("/certificates/new", data=hidden, files={"file": ("a.pem", chain.encode())})
    serial = kept.text.partition('<dt>Số hiệu</dt><dd><code class="break">')[2].partition("<")[0]
    assert f"/people/{province.leader.id}" in kept.text, kept.text
    for asked in ("q=nguyet", f"q={serial[:8].upper()}", "kind=person&q=Bế", "ends_within=30"):
        assert serial in officer.open(f"/certificates?{asked}").text, asked
    for asked in ("q=kiệm", "kind=seal", "ends_within=14", "status=revoked"):
        assert serial not in officer.open(f"/certificates?{asked}").text, asked
    assert "1 chứng thư hết hạn trong 60 ngày" in words_of(officer.open("/"))
    assert f"/people/{province.leader.id}" in officer.open("/agencies?q=be thi hong").text

    page = officer.open(f"/certificates/new?agency_id={province.commune.id}")
    form = next(form for form in forms(page) if form.action == "/certificates/new")
    hidden = {name: value for name, value in form.fields if name in {"csrf", "once", "agency_id"}}
    builder = x509.CertificateSigningRequestBuilder().subject_name(name("bất kỳ"))
    csr = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    sent = officer.http.post(
        "/certificates/new", data=hidden, files={"file": ("a.csr", csr.public_bytes(serialization.Encoding.PEM))}
    )
    assert "Đã gửi yêu cầu cho nơi cấp" in sent.text
    assert sent.url.path == f"/agencies/{province.commune.id}"
    assert "Chờ nơi cấp" in sent.text, "what was asked for is seen where it was asked"
    listed = words_of(officer.open("/certificates"))
    assert f"Chờ nơi cấp {province.commune.name} con dấu cơ quan; Dương Thị Mai Hoa" in listed
    with db.transaction(town.registry) as tx:
        store.act_within(tx, EVERYWHERE)
        tx.execute(
            "UPDATE certificate_request SET state = 'refused', problem_code = 'ca_refused', problem_vi = 'Sai mã cơ quan.',"
            " problem_en = 'Wrong identifier.'"
        )
    for where in ("/certificates", f"/agencies/{province.commune.id}"):
        assert "Không được cấp" in officer.open(where).text
        assert "Sai mã cơ quan." in officer.open(where).text
    assert "Sai mã cơ quan." not in town.sit_down("tham.nt").open("/certificates").text


def test_a_leaked_key_is_reported_on_the_page_and_held_at_once_and_several_requests_are_one_letter(
    town: Town, pki: Running
) -> None:
    officer, clerk, whose = town.sit_down("canbo"), town.sit_down("diep.ptm"), town.province.commune_clerk
    with db.transaction(town.registry) as tx:
        store_certificates.pin(tx, trust.read_anchor(text(pki.root_pem), now()))
    made = pki.issue(ec.generate_private_key(ec.SECP256R1()).public_key(), common_name=whose.name)
    entry = officer.open(f"/certificates/new?person_id={whose.id}")
    fields = dict(next(form for form in forms(entry) if form.action == "/certificates/new").fields)
    file = text(made.pem) + text(made.chain_pem)
    kept = officer.http.post("/certificates/new", data=fields, files={"file": ("c.pem", file)})
    certificate = kept.url.path
    assert "Đang dùng" in kept.text
    blank = clerk.open(f"/procedures/new?certificate_id={certificate.rpartition('/')[2]}")
    assert whose.name in blank.text, "nobody asks for the end of something unnamed"
    asked = clerk.send(
        blank, "/procedures/new", kind="revoke", d_reason_code="keyCompromise", reason="Mất USB token ở bến xe"
    )
    assert heading(asked) == "Thu hồi chứng thư chữ ký số"
    assert "Tạm dừng" in officer.open(certificate).text, "a key that leaked waits for no papers"

    two = []
    for number in ("020190001234", "020190009876"):
        blank = clerk.open(f"/procedures/new?person_id={whose.id}")
        sent = clerk.send(blank, "/procedures/new", kind="issue_person", d_citizen_id=number)
        two.append(sent.url.path.rpartition("/")[2])
    letter = officer.open(f"/procedures/forms?procedure_id={two[0]}&procedure_id={two[1]}")
    assert letter.content.startswith(b"%PDF-")
    assert 'name="procedure_id"' in officer.open("/procedures").text
    mixed = officer.open(f"/procedures/forms?procedure_id={two[0]}&procedure_id={asked.url.path.rpartition('/')[2]}")
    assert code_of(mixed) == "forms_differ"
    assert officer.open("/procedures/forms").url.path == "/procedures"


def test_devices_are_taken_in_handed_out_and_reported_lost(town: Town) -> None:
    officer = town.sit_down("canbo")
    shelf = officer.open("/devices")
    kept = officer.send(shelf, "/devices/receive", type="pki_token", model="GCA-01", list="serial\n3A001\n3A002")
    assert "3A002" in kept.text
    twice = officer.send(kept, "/devices/receive", type="pki_token", model="GCA-01", list="3A003\n3A002")
    assert twice.status_code == 409
    assert "3A003" in twice.text
    device = kept.text.partition('href="/devices/')[2].partition('"')[0]
    page = f"/devices/{device}"
    refused = officer.send(officer.open(page), f"{page}/hand-out", agency="H99")
    assert code_of(refused) == "agency_unknown"
    out = officer.send(refused, f"{page}/hand-out", agency="H37.22.001", login="diep.ptm")
    assert "Người dùng giữ" in out.text
    clerk = town.sit_down("diep.ptm")
    assert "GCA-01" in clerk.open("/devices").text
    assert "số sê-ri 3A00" in clerk.open(f"/procedures/new?device_id={device}").text
    other = town.sit_down("tham.nt")
    assert other.open(page).status_code == 404
    lost = clerk.send(
        clerk.open(f"/procedures/new?device_id={device}"),
        "/procedures/new",
        kind="lose_device",
        reason="Mất khi đi công tác",
    )
    assert heading(lost) == "Báo mất thiết bị lưu khóa bí mật"
    assert "Bị mất" in officer.open(page).text


def test_nothing_waits_for_a_ca_by_hand_and_a_strange_file_is_refused(town: Town) -> None:
    officer = town.sit_down("canbo")
    page = officer.open("/ca")
    assert "Không có gì chờ gửi" in page.text
    form = next(form for form in forms(page) if form.action == "/ca/answers")
    fields = {name: value for name, value in form.fields if name in {"csrf", "once"}} | {"act": "preview"}
    assert code_of(officer.http.post("/ca/answers", data=fields)) == "file_needed"
    strange = officer.http.post("/ca/answers", data=fields, files={"file": ("thu.pem", b"xin chao")})
    assert code_of(strange) == "answers_unreadable"


def test_figures_of_a_day_are_shown_and_taken_away_as_a_file(town: Town) -> None:
    officer = town.sit_down("canbo")
    cards = "840001\n840002\n840003"
    kept = officer.send(officer.open("/devices"), "/devices/receive", type="sim_pki", model="V2", list=cards)
    assert "Đã nhập kho." in kept.text
    shown = officer.open("/figures")
    assert re.search(r"<td>SIM PKI</td><td>Trong kho</td><td>3</td>", shown.text)
    before = officer.open("/figures?on=2025-01-31")
    assert "Chưa có thiết bị nào vào ngày này" in before.text
    assert code_of(officer.open("/figures?on=2999-01-01")) == "figures_of_the_future"
    assert code_of(officer.open("/figures?on=abc")) == "invalid_request"
    cut = officer.open("/procedures/0190")
    assert (cut.status_code, 'action="/logout"' in cut.text) == (404, True)
    assert officer.open("/figures/file.xlsx?download").content.startswith(b"PK")
    assert "SIM PKI" in officer.open("/figures/file.csv?download").text
    assert officer.open("/figures/file.json?on=2025-01-31").json()["on"] == "2025-01-31"
    links = re.findall(r'href="(/figures/file[^"]+)"', shown.text)
    assert len(links) == 6, "how it stands, and what was issued; nothing ends"
    for link in links:
        file = officer.open(link.replace("&amp;", "&"))
        assert (file.status_code, bool(file.content)) == (200, True), link
    ending = officer.open("/figures/file.xlsx?what=expiring&download")
    assert ending.content.startswith(b"PK")
    assert "sap-het-han-" in ending.headers["content-disposition"]


def test_a_certificate_on_a_token_goes_from_the_cas_file_to_a_paper_receipt(town: Town, pki: Running) -> None:
    """The whole way of a token: request, letter, file, hand-over, receipt; a wrong file leaves nothing behind."""
    officer, clerk = town.sit_down("canbo"), town.sit_down("diep.ptm")
    with db.transaction(town.registry) as tx:
        store_certificates.pin(tx, trust.read_anchor(text(pki.root_pem), now()))
    whose = town.province.commune_clerk
    officer.send(officer.open("/devices"), "/devices/receive", type="pki_token", model="GCA-01", list="3A0009")
    blank = clerk.open(f"/procedures/new?person_id={whose.id}")
    asked = clerk.send(blank, "/procedures/new", kind="issue_person")
    page = asked.url.path
    officer.send(officer.open(page), f"{page}/approve")
    sent = officer.send(officer.open(page), f"{page}/forward", reference="145/UBND-VP")
    entry = officer.open(f"/certificates/new?procedure_id={page.rpartition('/')[2]}")
    assert "/certificates/new?procedure_id=" in sent.text
    assert whose.name in entry.text
    form = next(form for form in forms(entry) if form.action == "/certificates/new")
    fields = dict(form.fields)
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    others = pki.issue(key, common_name="Người Khác", profile="person")
    good = pki.issue(key, common_name=whose.name, profile="person")

    def bring(made: Issued, **said: str) -> httpx.Response:
        file = text(made.pem) + text(made.chain_pem)
        return officer.http.post("/certificates/new", data=fields | said, files={"file": ("c.pem", file)})

    assert code_of(bring(others, serial="3A0009")) == "certificate_of_another"
    assert code_of(bring(good, serial="9Z", once="two")) == "device_unknown"
    kept = bring(good, serial="3A0009", once="three")
    assert "Đã cấp, chưa bàn giao" in kept.text
    at = kept.url.path
    handed = officer.send(kept, f"{at}/hand-over")
    assert "chờ ký nhận" in handed.text
    signed_for = clerk.send(
        clerk.open(at), f"{at}/receipt", reference="BBBG-12/2026", reason="Máy trạm chưa cài trình ký"
    )
    assert "Đang dùng" in signed_for.text
    assert ">Xong<" in officer.open(page).text
