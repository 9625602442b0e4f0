"""What could not be read of the files of documents, on a page: which, why, and another try."""

from __future__ import annotations

from psycopg.types.json import Jsonb

from shared import db
from tests.docs.conftest import refusal
from tests.portal.test_review_pages import Office, office, post

__all__ = ["office"]  # the fixture


def test_a_clerk_sees_which_files_were_not_read_and_has_them_read_again(office: Office) -> None:
    docs = office.docs
    document = docs.submitted(docs.a, abstract="Kế hoạch tiêm phòng")
    why = {"code": "blob_missing", "vi": "Kho không còn tệp này; hãy báo quản trị.", "en": "The store lost it."}
    with db.transaction(docs.pool, agency=docs.a.agency_id) as tx:
        tx.execute(
            "UPDATE search_entry SET text_state = 'failed', text_reason = %s WHERE id = %s", [Jsonb(why), document]
        )
    clerk = office.sit_down(docs.a.clerk)
    found = clerk.open("/search?q=tiem+phong")
    assert '<a href="/texts">chưa đọc được chữ trong tệp</a>' in found.text
    page = clerk.open("/texts")
    for words in ("Kế hoạch tiêm phòng", why["vi"], "blob_missing", f"/documents/{document}"):
        assert words in page.text, words
    after = post(clerk, page, f"/texts/{document}/read")
    assert "Đang đọc lại tệp" in after.text
    assert "Kế hoạch tiêm phòng" not in after.text
    assert docs.get(docs.a.clerk, f"/texts/{document}")["state"] == "waiting"
    answer = docs.post(docs.b.clerk, f"/texts/{document}/read")
    assert refusal(answer) == "not_found"
