"""The server is evil: whatever it swaps, replays, stretches or points elsewhere, the client refuses with its sentence.

The real service answers and the portal before it changes the answer on its way (`Desk.tamper`).
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from asn1crypto import cms, tsp
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from vanthu_sign import line
from vanthu_sign.pile import Ended, Item
from vanthu_sign.words import Refused

from services.signing import appearance, pdf
from tests.clients.signing_desk import Desk
from tests.signing import office as world

Change = Callable[[dict[str, Any]], None]


def on(path: str, change: Change) -> Callable[[Request, httpx.Response], Response | None]:
    """Changes each item of the answers of one endpoint."""

    def tamper(request: Request, answer: httpx.Response) -> Response | None:
        if not request.url.path.endswith(path) or answer.is_error:
            return None
        body = answer.json()
        for item in body["items"]:
            change(item)
        return Response(json.dumps(body), answer.status_code, media_type="application/json")

    return tamper


def attributes(change: Callable[[cms.CMSAttributes], cms.CMSAttributes]) -> Change:
    def changed(item: dict[str, Any]) -> None:
        found = cms.CMSAttributes.load(base64.b64decode(item["signed_attributes_b64"]))
        item["signed_attributes_b64"] = base64.b64encode(change(found).dump(force=True)).decode()

    return changed


def replaced(kind: str, value: Any) -> Callable[[cms.CMSAttributes], cms.CMSAttributes]:
    def change(found: cms.CMSAttributes) -> cms.CMSAttributes:
        kept = [each for each in found if each["type"].native != kind]
        return cms.CMSAttributes([*kept, cms.CMSAttribute({"type": kind, "values": [value]})])

    return change


def other_certificate(found: cms.CMSAttributes) -> cms.CMSAttributes:
    named = tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(b"somebody else").digest()})
    return replaced("signing_certificate_v2", tsp.SigningCertificateV2({"certs": [named]}))(found)


def change_update(item: dict[str, Any]) -> None:
    update = bytearray(base64.b64decode(item["update_b64"]))
    at = update.index(b"/Rect")
    update[at + 8] ^= 1
    item["update_b64"] = base64.b64encode(update).decode()


def change_range(item: dict[str, Any]) -> None:
    start, first, second, rest = item["byte_range"]
    item["byte_range"] = [start, first - 1000, second, rest]


PREPARED: dict[str, tuple[Change, str]] = {
    "a digest of something else": (attributes(replaced("message_digest", b"\7" * 32)), "digest_differs"),
    "an attribute more": (
        attributes(
            lambda found: cms.CMSAttributes(
                [
                    *found,
                    cms.CMSAttribute({"type": "signing_time", "values": [cms.Time({"utc_time": datetime.now(UTC)})]}),
                ]
            )
        ),
        "digest_differs",
    ),
    "another certificate": (attributes(other_certificate), "digest_differs"),
    "another byte range": (change_range, "digest_differs"),
    "another update": (change_update, "digest_differs"),
    "another digest algorithm": (lambda item: item.update(digest_algorithm="sha512"), "digest_differs"),
    "a weak digest algorithm": (lambda item: item.update(digest_algorithm="md5"), "digest_differs"),
    "another mechanism": (lambda item: item.update(mechanism="rsa-pkcs1v15"), "digest_differs"),
    "another base": (lambda item: item.update(base_sha256="0" * 64), "bytes_differ"),
    "attributes that are no base64": (lambda item: item.update(signed_attributes_b64="%%"), "answer_unexpected"),
    "no byte range": (lambda item: item.update(byte_range=None), "answer_unexpected"),
}


def refusals(desk: Desk) -> list[str]:
    """What a sitting says of each document; nothing may be ready, nobody may be asked for a PIN."""
    with desk.sitting() as sitting, desk.opened() as token:
        items = desk.prepare(sitting, token)
        results = sitting.sign(token, items, ask=desk.ask)
    assert [item.ready for item in items] == [False] * len(items)
    assert {each.ended for each in results} == {Ended.REFUSED}
    assert desk.asked == []
    assert not [path for path in desk.seen if path.startswith("POST completions")]
    return [each.refused.code for each in results if each.refused]


def test_each_thing_that_a_server_can_change_in_what_it_prepared_is_refused(desk: Desk) -> None:
    desk.order()
    for cheat, (change, code) in PREPARED.items():
        desk.tamper = on("/preparations", change)
        assert refusals(desk) == [code], cheat
    desk.tamper = lambda _request, _answer: None
    assert [each.ended for each in desk.sign()] == [Ended.SIGNED], "the honest answer was good all the time"


def test_a_document_that_is_swapped_on_the_way_is_refused(desk: Desk) -> None:
    desk.order()

    def other(request: Request, _answer: httpx.Response) -> Response | None:
        return (
            Response(world.blank_pdf("QUYET DINH KHAC"), media_type="application/pdf") if _is_content(request) else None
        )

    desk.tamper = other
    assert refusals(desk) == ["bytes_differ"]
    assert [path.name for path in (desk.home / "documents").glob("*.pdf")] == [], "nothing of it is kept"


def test_a_preparation_of_another_document_or_of_an_older_version_is_refused(desk: Desk) -> None:
    first, second = desk.order(2)
    heard: dict[str, dict[str, Any]] = {}

    def listen(item: dict[str, Any]) -> None:
        heard[item["document_id"]] = dict(item)

    def replay(item: dict[str, Any]) -> None:
        named = item["document_id"]
        item.update(heard[str(first if named == str(second) else second)] | {"document_id": named})
        item["base_sha256"] = heard[named]["base_sha256"]

    desk.tamper = on("/preparations", listen)
    with desk.sitting() as sitting, desk.opened() as token:
        assert all(item.ready for item in desk.prepare(sitting, token))
    desk.tamper = on("/preparations", replay)
    assert refusals(desk) == ["digest_differs"] * 2

    # An older version: another signature is in the document by now.
    deputy = world.leader(desk.pki, "Phạm Thị Phó")
    desk.office.found(desk.leader, deputy)
    both = desk.office.order(deputy, desk.leader)
    desk.wait_for("awaiting_signature", 3)
    desk.tamper = on("/preparations", listen)
    with desk.sitting() as sitting, desk.opened() as token:
        desk.prepare(sitting, token, both)
    from tests.signing.desktop import sign

    sign(desk.desktop.of(deputy.principal), deputy, both)
    desk.wait_for("awaiting_signature", 3)

    def older(item: dict[str, Any]) -> None:
        item.update(heard[item["document_id"]] | {"base_sha256": item["base_sha256"]})

    desk.tamper = on("/preparations", older)
    with desk.sitting() as sitting, desk.opened() as token:
        [item] = desk.prepare(sitting, token, both)
    assert [refused.code for refused in item.against] == ["digest_differs"]


def test_a_swap_between_display_and_signing_is_never_signed_unseen(desk: Desk) -> None:
    """The lease is over, and the server uses the second preparation to put another page over the shown one."""
    desk.order()
    issued = desk.leader.certificate

    def forge(item: dict[str, Any]) -> None:
        base = next(path.read_bytes() for path in desk.home.glob("documents/*.pdf") if len(path.stem) == 64)
        painted = _painted(base)
        made = pdf.begin_signature(
            painted,
            pdf.signer_field(1),
            certificate=issued.der,
            chain=(),
            look=appearance.SignatureLook("Nguyễn Văn Bình", "Chủ tịch", datetime.now(UTC)),
            signed_at=datetime.now(UTC),
            mechanism=pdf.Mechanism.ECDSA,
        )
        item["update_b64"] = base64.b64encode(painted[len(base) :] + made.update).decode()
        item["byte_range"] = list(made.byte_range)
        item["signed_attributes_b64"] = base64.b64encode(made.signed_attributes).decode()

    seen: list[Item] = []

    def review(items: list[Item]) -> list[str]:
        seen.extend(items)
        return []

    with desk.sitting() as sitting, desk.opened() as token:
        [item] = desk.prepare(sitting, token)
        desk.tamper = on("/preparations", forge)
        late = replace(item, expires_at=datetime.now(UTC))
        [result] = sitting.sign(token, [late], ask=desk.ask, review=review)
    [again] = seen
    assert again.change is not None
    assert again.change.pages == (1,), "the person is shown which page is another one"
    assert (result.ended, result.refused.code if result.refused else "") == (Ended.LEFT, "not_reviewed")
    assert desk.asked == []
    assert desk.states() == {"awaiting_signature": 1}


# --- the line


async def _endless(piece: bytes, pause: float) -> AsyncIterator[bytes]:
    """More than any limit and longer than any patience, but not for ever: the test has to end too."""
    for _ in range(120):
        yield piece
        await asyncio.sleep(pause)


def _is_content(request: Request) -> bool:
    return request.url.path.endswith("/content")


def instead(
    answer: Callable[[], Response], when: str = "/tasks"
) -> Callable[[Request, httpx.Response], Response | None]:
    return lambda request, _answer: answer() if request.url.path.endswith(when) else None


LINE: dict[str, tuple[Callable[[], Response], str]] = {
    "an answer without end": (
        lambda: StreamingResponse(_endless(b" " * 1_000_000, 0), media_type="application/json"),
        "answer_too_large",
    ),
    "a page instead of data": (lambda: Response("<html>", media_type="text/html"), "answer_unexpected"),
    "data of another shape": (lambda: Response('{"items": 5}', media_type="application/json"), "answer_unexpected"),
    "nesting without end": (
        lambda: Response("[" * 200_000, media_type="application/json"),
        "answer_unexpected",
    ),
    "a packed answer": (
        lambda: Response(
            gzip.compress(b"0" * 10_000_000), media_type="application/json", headers={"Content-Encoding": "gzip"}
        ),
        "answer_unexpected",
    ),
}


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refused:
        act()
    assert refused.value.vi
    assert refused.value.en
    return refused.value.code


def test_an_answer_without_end_of_another_kind_or_packed_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = desk.server()
    for evil, (answer, code) in LINE.items():
        desk.tamper = instead(answer)
        assert code_of(server.tasks) == code, evil
    monkeypatch.setattr(line, "ANSWER_TIME", 0.5)
    monkeypatch.setattr(line, "SLOWEST", 10**9)
    desk.tamper = instead(lambda: StreamingResponse(_endless(b" ", 0.05), media_type="application/json"))
    assert code_of(server.tasks) == "answer_too_slow"


def test_a_document_larger_than_announced_is_cut_off(desk: Desk) -> None:
    desk.order()
    desk.tamper = instead(
        lambda: StreamingResponse(_endless(b"%PDF" * 5_000, 0), media_type="application/pdf"), "/content"
    )
    assert refusals(desk) == ["answer_too_large"]


def test_a_redirection_is_not_followed_and_no_token_goes_elsewhere(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.2)
        port = elsewhere.getsockname()[1]
        target = f"http://localhost:{port}"
        server = desk.server()
        desk.tamper = instead(lambda: Response(status_code=307, headers={"Location": f"{target}/signing/v1/tasks"}))
        assert code_of(server.tasks) == "redirected"
        desk.tamper = lambda _request, _answer: None

        # A portal that names another host for a service, at the log-in and in a session that somebody changed.
        session = json.loads((desk.home / "session.json").read_text())
        session["portal"]["vanthu_services"]["signing"] = target
        (desk.home / "session.json").write_text(json.dumps(session))
        assert code_of(desk.server().tasks) == "other_origin"
        session["portal"]["token_endpoint"] = f"{target}/oauth/token"
        (desk.home / "session.json").write_text(json.dumps(session))
        assert code_of(desk.server().tasks) == "other_origin"
        with pytest.raises(TimeoutError):
            elsewhere.accept()


@pytest.mark.parametrize(
    ("portal", "url", "good"),
    [
        ("https://vanthu.tinh.example", "https://vanthu.tinh.example/oauth/token", True),
        ("https://vanthu.tinh.example", "https://vanthu.tinh.example:8443/signing", True),
        ("https://vanthu.tinh.example", "http://vanthu.tinh.example/oauth/token", False),
        ("https://vanthu.tinh.example", "https://vanthu.tinh.example.evil.example/", False),
        ("https://vanthu.tinh.example", "https://vanthu.tinh.example@evil.example/", False),
        ("https://vanthu.tinh.example", "file:///etc/passwd", False),
    ],
)
def test_a_token_goes_to_the_portals_host_only(portal: str, url: str, good: bool) -> None:  # noqa: FBT001
    if good:
        assert line.check_origin(portal, url) == url
    else:
        assert code_of(lambda: line.check_origin(portal, url)) == "other_origin"


def test_a_servers_words_cannot_move_the_cursor() -> None:
    said = line.problem({"code": "x\x1b[2J", "detail_vi": "xong\x1b[1A\r\x1b[2Kđã ký", "detail_en": "a\nb\u202egnp"})
    assert not any(character in said.vi + said.en + said.code for character in "\x1b\r\n\u202e")


def _painted(base: bytes) -> bytes:
    """The same document with one more incremental update that draws over its first page."""
    import io

    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    writer = IncrementalPdfFileWriter(io.BytesIO(base))
    page = writer.root["/Pages"]["/Kids"][0]
    drawn = writer.add_object(generic.StreamObject(stream_data=b"0 0 0 rg 60 400 480 300 re f"))
    page["/Contents"] = generic.ArrayObject([page.raw_get("/Contents"), drawn])
    writer.update_container(page)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
