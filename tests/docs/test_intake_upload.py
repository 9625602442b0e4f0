"""Resumable uploads as the tus protocol 1.0 has them: nothing that was confirmed is lost, nothing is counted twice."""

from __future__ import annotations

import hashlib
import socket
import threading
from base64 import b64encode
from urllib.parse import urlsplit

import httpx
import pytest

from services.docs.access import MAX_FILE
from services.docs.intake.desk import PURGE
from shared import db
from tests.docs.bringing import Intake
from tests.docs.conftest import SAMPLES, Docs, refusal
from tests.docs.facts import Person
from tests.support.parts import until

LETTER = (SAMPLES / "09-ban-quet-200dpi.pdf").read_bytes()
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = TUS | {"Content-Type": "application/offset+octet-stream"}


def meta(**said: str) -> str:
    return ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in said.items())


def create(docs: Docs, person: Person, size: int = len(LETTER), **said: str) -> httpx.Response:
    headers = TUS | {"Upload-Length": str(size), "Upload-Metadata": meta(filename="bản quét.pdf", **said)}
    return docs.http(person.principal).post("/uploads", headers=headers)


def begun(docs: Docs, person: Person, size: int = len(LETTER)) -> str:
    """The upload's path below /docs/v1."""
    made = create(docs, person, size)
    assert made.status_code == 201, made.text
    return made.headers["Location"].removeprefix("/docs/v1")


def patch(docs: Docs, path: str, data: bytes, offset: int, **headers: str) -> httpx.Response:
    sent = PIECE | {"Upload-Offset": str(offset)} | headers
    return docs.http(docs.a.clerk.principal).patch(path, content=data, headers=sent)


def offset(docs: Docs, path: str) -> int:
    told = docs.http(docs.a.clerk.principal).head(path, headers=TUS)
    assert told.status_code == 200
    assert told.headers["Tus-Resumable"] == "1.0.0"
    assert told.headers["Cache-Control"] == "no-store"
    return int(told.headers["Upload-Offset"])


def test_what_the_server_can_do_is_told_to_anybody(docs: Docs) -> None:
    told = httpx.options(f"{docs.url}/docs/v1/uploads", timeout=60)
    assert (told.status_code, told.headers["Tus-Version"]) == (204, "1.0.0")
    assert told.headers["Tus-Max-Size"] == str(MAX_FILE)
    assert {"creation", "creation-with-upload", "expiration", "checksum", "termination"} == set(
        told.headers["Tus-Extension"].split(",")
    )
    assert "sha1" in told.headers["Tus-Checksum-Algorithm"].split(",")


def test_a_file_in_pieces_becomes_an_item_byte_for_byte(docs: Docs, intake: Intake) -> None:
    path = begun(docs, docs.a.clerk)
    assert offset(docs, path) == 0
    third = len(LETTER) // 3
    for start in (0, third, 2 * third):
        end = len(LETTER) if start == 2 * third else start + third
        told = patch(docs, path, LETTER[start:end], start)
        assert (told.status_code, told.headers["Upload-Offset"]) == (204, str(end))
        assert ("Upload-Expires" in told.headers) == (end < len(LETTER))
    item_id = told.headers["Vanthu-Item"]
    intake.work()
    found = intake.item(docs.a.clerk, item_id)
    assert (found["state"], found["filename"], found["channel"]) == ("ready", "bản quét.pdf", "web")
    assert docs.http(docs.a.clerk.principal).get(f"/intake/{item_id}/content").content == LETTER
    assert intake.quarantined() == []
    # Whoever lost the last answer asks, and hears that it is whole.
    assert offset(docs, path) == len(LETTER)
    assert docs.http(docs.a.clerk.principal).head(path, headers=TUS).headers["Vanthu-Item"] == item_id


def test_the_first_bytes_may_come_with_the_creation(docs: Docs, intake: Intake) -> None:
    headers = PIECE | {"Upload-Length": str(len(LETTER)), "Upload-Metadata": meta(filename="a.pdf")}
    made = docs.http(docs.a.clerk.principal).post("/uploads", content=LETTER[:1000], headers=headers)
    assert (made.status_code, made.headers["Upload-Offset"]) == (201, "1000")
    whole = docs.http(docs.a.clerk.principal).post("/uploads", content=LETTER, headers=headers)
    intake.work()
    assert intake.item(docs.a.clerk, whole.headers["Vanthu-Item"])["state"] == "ready"


def cut(docs: Docs, path: str, data: bytes, said: int, start: int, **headers: str) -> None:
    """A PATCH that announces `said` bytes and whose line is cut after `data`."""
    to = urlsplit(docs.url)
    token = docs.http(docs.a.clerk.principal).headers["Authorization"]
    lines = [
        f"PATCH /docs/v1{path} HTTP/1.1", f"Host: {to.netloc}", f"Authorization: {token}", f"Content-Length: {said}",
        f"Upload-Offset: {start}", *(f"{k}: {v}" for k, v in (PIECE | headers).items()),
    ]  # fmt: skip
    with socket.create_connection((str(to.hostname), to.port or 80), timeout=60) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode() + data)
        line.shutdown(socket.SHUT_WR)
        line.recv(1000)  # until the server has let go of it


def test_a_line_that_is_cut_in_the_middle_keeps_what_came(docs: Docs, intake: Intake) -> None:
    path = begun(docs, docs.a.clerk)
    cut(docs, path, LETTER[:70_000], len(LETTER), 0)
    here = 70_000
    until(lambda: offset(docs, path) == here, bound=60, what="what came before the cut is kept")
    told = patch(docs, path, LETTER[here:], here)
    intake.work()
    content = docs.http(docs.a.clerk.principal).get(f"/intake/{told.headers['Vanthu-Item']}/content").content
    assert hashlib.sha256(content).digest() == hashlib.sha256(LETTER).digest()


def test_with_a_checksum_half_a_piece_does_not_count(docs: Docs, intake: Intake) -> None:
    path = begun(docs, docs.a.clerk)
    end = 90_000
    digest = b64encode(hashlib.sha256(LETTER[:end]).digest()).decode()
    cut(docs, path, LETTER[:70_000], end, 0, **{"Upload-Checksum": f"sha256 {digest}"})
    given_up = "SELECT FROM job WHERE kind = %s"
    until(lambda: docs.rows(None, given_up, PURGE), bound=60, what="what came before the cut is given up")
    assert offset(docs, path) == 0
    wrong = patch(docs, path, LETTER[: end - 1] + b"?", 0, **{"Upload-Checksum": f"sha256 {digest}"})
    assert (wrong.status_code, refusal(wrong), offset(docs, path)) == (460, "upload_checksum", 0)
    intake.work()
    assert intake.quarantined() == []  # what did not count is erased
    good = patch(docs, path, LETTER[:end], 0, **{"Upload-Checksum": f"sha256 {digest}"})
    assert (good.status_code, offset(docs, path)) == (204, end)
    sha1 = b64encode(hashlib.sha1(LETTER[end:], usedforsecurity=False).digest()).decode()
    assert patch(docs, path, LETTER[end:], end, **{"Upload-Checksum": f"sha1 {sha1}"}).status_code == 204


def test_a_piece_from_the_wrong_place_changes_nothing(docs: Docs) -> None:
    path = begun(docs, docs.a.clerk)
    assert patch(docs, path, LETTER[:1000], 0).status_code == 204
    for start in (0, 999, 1001):
        told = patch(docs, path, LETTER[:1000], start)
        assert (told.status_code, refusal(told), told.headers["Upload-Offset"]) == (409, "upload_offset", "1000")
        assert told.headers["Tus-Resumable"] == "1.0.0"
    assert offset(docs, path) == 1000
    over = patch(docs, path, LETTER, 1000)
    assert (over.status_code, refusal(over), offset(docs, path)) == (413, "upload_over", 1000)


def test_two_pieces_at_once_count_one(docs: Docs, intake: Intake) -> None:
    """As a browser does that believes its first line dead."""
    path = begun(docs, docs.a.clerk)
    codes: list[int] = []
    gate = threading.Barrier(4)

    def send() -> None:
        gate.wait()
        codes.append(patch(docs, path, LETTER, 0).status_code)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [204, 409, 409, 409]
    intake.work()
    items = intake.items(docs.a.clerk)
    assert [each["state"] for each in items] == ["ready"]
    assert docs.http(docs.a.clerk.principal).get(f"/intake/{items[0]['id']}/content").content == LETTER
    assert intake.quarantined() == []


def test_an_upload_that_is_ended_or_expired_is_erased(docs: Docs, intake: Intake) -> None:
    ended, expired, living = (begun(docs, docs.a.clerk) for _ in range(3))
    for path in (ended, expired, living):
        patch(docs, path, LETTER[:1000], 0)
    assert docs.http(docs.a.clerk.principal).delete(ended, headers=TUS).status_code == 204
    assert docs.http(docs.a.clerk.principal).head(ended, headers=TUS).status_code == 404
    with db.transaction(docs.pool, agency=docs.a.agency_id) as tx:
        tx.execute("UPDATE upload SET expires_at = now() WHERE id::text = %s", [expired.rpartition("/")[2]])
    assert refusal(patch(docs, expired, LETTER[1000:], 1000)) == "upload_gone"
    assert docs.http(docs.a.clerk.principal).head(expired, headers=TUS).status_code == 410
    intake.hurry()
    intake.work()
    assert docs.http(docs.a.clerk.principal).head(expired, headers=TUS).status_code == 404
    assert len(intake.quarantined()) == 1
    assert offset(docs, living) == 1000


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Tus-Resumable": "0.2.2"}, "tus_version"),
        ({"Upload-Length": "-1"}, "upload_headers"),
        ({"Upload-Length": "0"}, "empty_file"),
        ({"Upload-Length": str(MAX_FILE + 1)}, "file_too_large"),
        ({"Upload-Metadata": "filename ?"}, "upload_headers"),
        ({"Upload-Metadata": ""}, "invalid_request"),
        ({"Upload-Metadata": meta(filename="a.pdf", kind="x")}, "upload_headers"),
        ({"Upload-Metadata": meta(filename="a.pdf", secrecy="tuyet_mat")}, "secret_document"),
    ],
)
def test_what_cannot_be_begun_is_refused_before_any_byte(docs: Docs, headers: dict[str, str], code: str) -> None:
    sent = TUS | {"Upload-Length": "10", "Upload-Metadata": meta(filename="a.pdf")} | headers
    told = docs.http(docs.a.clerk.principal).post("/uploads", headers=sent)
    assert (refusal(told), told.headers["Tus-Resumable"]) == (code, "1.0.0")


def test_a_piece_must_be_said_to_be_one(docs: Docs) -> None:
    path = begun(docs, docs.a.clerk)
    assert patch(docs, path, b"x", 0, **{"Content-Type": "application/pdf"}).status_code == 415
    assert refusal(patch(docs, path, b"x", 0, **{"Upload-Checksum": "crc32 AAAA"})) == "upload_headers"
    assert offset(docs, path) == 0


def test_an_upload_is_its_persons_alone(docs: Docs) -> None:
    path = begun(docs, docs.a.clerk)
    for person in (docs.b.clerk, docs.a.leader):
        client = docs.http(person.principal)
        assert client.head(path, headers=TUS).status_code in {403, 404}
        sent = PIECE | {"Upload-Offset": "0"}
        assert client.patch(path, content=b"x", headers=sent).status_code in {403, 404}
        assert client.delete(path, headers=TUS).status_code in {403, 404}
    assert httpx.head(f"{docs.url}/docs/v1{path}", headers=TUS, timeout=60).status_code == 401
    assert offset(docs, path) == 0
