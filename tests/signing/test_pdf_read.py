"""What can be signed and what can't: each refusal by its own code."""

from __future__ import annotations

import io
from typing import Any

import pikepdf
import pytest

from services.signing import pdf
from shared.errors import Rejected
from tests.interop import paper

ACCEPTED: list[dict[str, Any]] = paper.expectations()["documents"]
REFUSED: list[dict[str, Any]] = paper.expectations()["refusals"]


def _rewritten(change: Any, name: str = "01") -> bytes:
    with pikepdf.open(io.BytesIO(paper.sample(name))) as document:
        change(document)
        out = io.BytesIO()
        document.save(out)
    return out.getvalue()


@pytest.mark.parametrize("expected", ACCEPTED, ids=lambda d: d["file"])
def test_a_document_as_it_comes_from_word_processors_is_accepted(expected: dict[str, Any]) -> None:
    facts = pdf.inspect((paper.DATA / expected["file"]).read_bytes())
    assert facts.pages == expected["pages"]
    assert facts.size == expected["bytes"]
    assert facts.signatures == ()
    assert not facts.certified


@pytest.mark.parametrize("expected", REFUSED, ids=lambda d: d["file"])
def test_a_document_that_cannot_be_signed_is_refused_with_its_reason(expected: dict[str, Any]) -> None:
    with pytest.raises(Rejected) as refused:
        pdf.inspect((paper.DATA / expected["file"]).read_bytes())
    assert refused.value.code == expected["reason"]
    assert refused.value.sentence.vi
    assert refused.value.sentence.en


def test_a_file_over_the_limit_is_refused_with_both_sizes() -> None:
    with pytest.raises(Rejected) as refused:
        pdf.inspect(paper.sample("01") + bytes(3 * 1024 * 1024), max_bytes=2 * 1024 * 1024)
    assert refused.value.code == "too_large"
    assert refused.value.params == {"size_mb": 3, "limit_mb": 2}


@pytest.mark.parametrize("kept", [100, 1000, 20_000, 49_000])
def test_a_file_cut_anywhere_is_damaged_and_never_repaired(kept: int) -> None:
    with pytest.raises(Rejected) as refused:
        pdf.inspect(paper.sample("01")[:kept] + b"\n%%EOF\n")
    assert refused.value.code == "pdf_damaged"


def test_bytes_changed_at_random_never_raise_anything_untyped() -> None:
    original = paper.sample("12")
    for at in range(0, len(original), 997):
        broken = bytearray(original)
        broken[at : at + 3] = b"\xff<<"
        try:
            pdf.inspect(bytes(broken))
        except Rejected as refused:
            assert refused.code in {"pdf_damaged", "not_a_pdf", "pdf_restricted", "pdf_password", "pdf_active_content"}  # noqa: PT017


@pytest.mark.parametrize(
    ("action", "what"),
    [
        ({"/S": pikepdf.Name("/Launch"), "/F": "x.exe"}, "Launch"),
        ({"/S": pikepdf.Name("/JavaScript"), "/JS": "app.alert(1)"}, "JavaScript"),
        ({"/S": pikepdf.Name("/SubmitForm"), "/F": "http://example.vn"}, "SubmitForm"),
    ],
)
def test_an_action_hidden_in_an_annotation_is_found(action: dict[str, Any], what: str) -> None:
    def add(document: pikepdf.Pdf) -> None:
        link = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9], A=pikepdf.Dictionary(action)
        )
        document.pages[0].Annots = pikepdf.Array([document.make_indirect(link)])

    with pytest.raises(Rejected) as refused:
        pdf.inspect(_rewritten(add))
    assert (refused.value.code, refused.value.params["what"]) == ("pdf_active_content", what)


def test_an_ordinary_link_is_no_active_content() -> None:
    def add(document: pikepdf.Pdf) -> None:
        go = pikepdf.Dictionary(S=pikepdf.Name.URI, URI="https://langson.gov.vn")
        link = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9], A=go)
        document.pages[0].Annots = pikepdf.Array([document.make_indirect(link)])

    assert pdf.inspect(_rewritten(add)).pages == 1
