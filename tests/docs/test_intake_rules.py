"""The rules of intake without a database: what a file is, what may not be opened, stamps of secrecy, steps, offsets."""

from __future__ import annotations

import io
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.docs.intake import domain, media, office, refusals, secrecy, upload
from services.docs.intake.domain import STEPS, Item, Origin, reason_of
from services.docs.intake.upload import Upload
from shared.errors import Rejected
from shared.ids import new_id
from tests.docs import papers

AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
WHY = reason_of(refusals.SCANNER_AWAY)


def code(act: object, *arguments: object) -> str:
    with pytest.raises(Rejected) as caught:
        act(*arguments)  # type: ignore[operator]
    assert caught.value.sentence.vi
    assert caught.value.sentence.en
    return caught.value.code


def judge(data: bytes, name: str = "van-ban.docx") -> str:
    return office.judge(io.BytesIO(data), name)


# --- what a file is


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"%PDF-1.7", media.PDF),
        (b"\xef\xbb\xbfjunk\n%PDF-1.4", media.PDF),
        (b"II*\x00", media.TIFF),
        (b"\xff\xd8\xff\xe0", media.JPEG),
        (b"\x89PNG\r\n\x1a\n", media.PNG),
        (b"PK\x03\x04", media.ZIP),
    ],
)
def test_a_file_is_what_its_first_bytes_say_whatever_it_is_called(head: bytes, found: str) -> None:
    assert media.sniff(head, "bao-cao.exe") == found


@pytest.mark.parametrize("head", [b"MZ\x90", b"Rar!\x1a\x07", b"<html>", b"{\\rtf1", b"\0\0\0", "chữ".encode()])
def test_other_files_are_refused_with_what_they_are(head: bytes) -> None:
    assert code(media.sniff, head, "van-ban.pdf") == "type_not_taken"


def test_an_empty_file_is_said_to_be_empty() -> None:
    assert code(media.sniff, b"", "van-ban.pdf") == "empty_file"


def test_word_and_libreoffice_files_are_told_apart() -> None:
    assert judge(papers.docx()) == media.DOCX
    assert judge(papers.odt()) == media.ODT
    chart = papers.packed({"[Content_Types].xml": b"spreadsheetml"})
    assert judge(papers.docx(more={"word/embeddings/chart.xlsx": chart})) == media.DOCX


@pytest.mark.parametrize(
    "data", [papers.bomb(), papers.liar(), papers.overlapping(), papers.nested(), papers.crowd()],
    ids=["declared", "lying", "overlapping", "nested", "crowd"],
)  # fmt: skip
def test_a_zip_bomb_of_a_docx_is_caught_before_it_is_unpacked(data: bytes) -> None:
    assert len(data) < 2_000_000
    assert code(judge, data) == "office_bomb"


def test_a_spreadsheet_or_any_other_archive_is_no_document() -> None:
    assert code(judge, papers.packed({"[Content_Types].xml": b"spreadsheetml"})) == "type_not_taken"
    assert code(judge, papers.packed({"a.txt": b"x"})) == "archive_attached"
    assert code(judge, papers.docx()[:-40]) == "office_damaged"


def test_macros_and_passwords_are_refused() -> None:
    assert code(judge, papers.docx(more={"word/vbaProject.bin": b"x"})) == "office_macros"
    macro = "application/vnd.ms-word.document.macroEnabled.main+xml"
    assert code(judge, papers.docx(types=f"<Types>{macro}</Types>")) == "office_macros"
    assert code(judge, papers.odt(more={"Basic/Standard/Module1.xml": b"x"})) == "office_macros"
    assert code(judge, papers.odt(manifest="<manifest:encryption-data/>")) == "office_encrypted"
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
    assert code(office.judge_old, io.BytesIO(ole), "cu.doc") == "old_office_file"
    assert code(office.judge_old, io.BytesIO(ole + office.ENCRYPTED_PACKAGE), "kin.docx") == "office_encrypted"


@given(st.binary(max_size=400))
def test_no_bytes_make_the_judge_fail_in_any_other_way(data: bytes) -> None:
    for start in (b"", b"PK\x03\x04", papers.docx()[:200]):
        try:
            judge(start + data)
        except Rejected:
            continue


# --- secrecy


@pytest.mark.parametrize(
    ("page", "level"),
    [
        ("ỦY BAN NHÂN DÂN\nSố: 05/UBND\nMẬT\nKính gửi: Sở Y tế", "mat"),
        ("SỞ NỘI VỤ      CỘNG HÒA XÃ HỘI\n| TỐI MẬT |\nQUYẾT ĐỊNH", "toi_mat"),
        ("TUYỆT MẬT\n", "tuyet_mat"),
        ("Độ mật: Tối mật", "toi_mat"),
        ("[MẬT]      Độc lập - Tự do - Hạnh phúc", "mat"),
        ("M Ậ T", "mat"),
        ("V/v bảo vệ bí mật nhà nước", None),
        ("LUẬT BẢO VỆ BÍ\nMẬT NHÀ NƯỚC", None),
        ("PHÁP LỆNH BẢO VỆ BÍ\nMẬT\nNHÀ NƯỚC", None),
        ("Mật độ dân số; mật ong; MẬT ĐỘ", None),
        ("", None),
    ],
)
def test_the_stamp_of_secrecy_is_found_and_nothing_else(page: str, level: str | None) -> None:
    assert secrecy.on_page(page) == level


@pytest.mark.parametrize(
    ("title", "level"),
    [
        ("[MẬT] Báo cáo quý", "mat"),
        ("TỐI MẬT - phương án", "toi_mat"),
        ("Báo cáo (TUYỆT MẬT)", "tuyet_mat"),
        ("Tập huấn công tác bảo vệ bí mật nhà nước", None),
        ("MẬT ONG BẠC HÀ", None),
    ],
)
def test_the_stamp_in_a_mails_subject(title: str, level: str | None) -> None:
    assert secrecy.in_title(title) == level


# --- steps


def item() -> Item:
    return Item(id=new_id(), agency_id=new_id(), channel="web", filename="a.pdf", origin=Origin("Hằng"), received_at=AT)


def test_the_steps_are_passed_in_order_and_make_it_ready() -> None:
    held = item()
    for name in STEPS:
        assert held.next_step == name
        held = domain.passed(held, name, AT)
    assert (held.state, held.next_step) == ("ready", None)


def test_a_step_out_of_turn_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="turn"):
        domain.passed(item(), "virus", AT)


def test_what_is_away_is_waited_for_and_a_broken_tool_after_some_tries_needs_a_person() -> None:
    held = item()
    for _ in range(50):
        held = domain.waits(held, "received", AT, WHY)
    assert held.state == "working"
    assert held.reason == WHY
    for _ in range(domain.PATIENCE):
        if held.state == "working":
            held = domain.stumbled(held, "received", AT, WHY)
    assert held.state == "failed"


def test_another_try_does_the_stopped_step_and_those_after_it() -> None:
    held = replace(domain.passed(item(), "received", AT), upload_id=new_id())
    stopped = domain.failed(held, "type", AT, WHY)
    again = domain.retry(stopped, AT)
    assert again is not None
    assert (again.state, again.next_step, again.step("received").state) == ("working", "type", "done")
    assert domain.retry(again, AT) is None
    assert code(domain.retry, domain.purged(stopped), AT) == "content_purged"
    assert code(domain.retry, replace(stopped, state="ready"), AT) == "nothing_to_retry"


def test_only_what_is_ready_is_used_and_nothing_twice() -> None:
    held = item()
    assert code(domain.use, held) == "intake_not_ready"
    ready = replace(held, state="ready", file_id=new_id())
    used = domain.use(ready, new_id())
    assert code(domain.use, used, new_id()) == "intake_already_used"
    assert code(domain.discard, used) == "intake_already_used"
    thrown = domain.discard(ready)
    assert thrown is not None
    assert domain.discard(thrown) is None


# --- resumable uploads


def begun(size: int = 100, offset: int = 0) -> Upload:
    return Upload(
        id=new_id(),
        agency_id=new_id(),
        person_id=new_id(),
        person_name="Hằng",
        filename="a.pdf",
        size=size,
        kind="intake",
        secrecy=None,
        made_at=AT,
        expires_at=AT + upload.LIFETIME,
        offset=offset,
    )


@given(st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_pieces_add_up_and_never_pass_the_length(lengths: list[int]) -> None:
    held = begun()
    for length in lengths:
        if held.offset + length > held.size:
            assert code(upload.add_piece, held, held.offset, length, AT) == "upload_over"
            return
        held = upload.add_piece(held, held.offset, length, AT)
    assert held.offset == sum(lengths)


def test_a_piece_from_elsewhere_or_too_late_is_refused() -> None:
    assert code(upload.add_piece, begun(offset=10), 0, 5, AT) == "upload_offset"
    assert code(upload.add_piece, begun(offset=10), 11, 5, AT) == "upload_offset"
    late = AT + upload.LIFETIME + timedelta(seconds=1)
    assert code(upload.add_piece, begun(), 0, 5, late) == "upload_gone"


def test_headers_are_read_as_the_protocol_has_them() -> None:
    name = b64encode("công văn.docx".encode()).decode()
    assert upload.metadata_of(f"filename {name},kind Zm9ybQ==,empty") == {
        "filename": "công văn.docx", "kind": "form", "empty": "",
    }  # fmt: skip
    for bad in ("filename ###", "filename /w=="):
        assert code(upload.metadata_of, bad) == "upload_headers"
    for length in ("-1", "1e3", "", None, "９", "9" * 16):
        assert code(upload.number_of, "Upload-Offset", length) == "upload_headers"
    assert upload.checksum_of(None) is None
    assert code(upload.checksum_of, "crc32 AAAA") == "upload_headers"
    assert code(upload.checksum_of, "sha1 !") == "upload_headers"
    assert code(upload.check_version, "0.2.2") == "tus_version"
