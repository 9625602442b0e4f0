"""Pictures of signatures and seals: taken as the decree wants them, shown in what is signed from then on."""

from __future__ import annotations

import io
from typing import Any, Literal

import pypdfium2 as pdfium
import pytest
from PIL import Image, ImageDraw, PngImagePlugin

from deploy.devpki.issuing import Issued
from services.signing.api_pictures import MAX_BYTES
from services.signing.picture import KEPT, checked
from shared import db
from shared.errors import Rejected
from shared.events import signing
from tests.signing.desktop import Desktop, prepared, sign
from tests.signing.office import AGENCY, OTHER, Leader, Office, clerk_of
from tests.signing.test_upkeep import facts

BLUE, RED = (20, 60, 190, 255), (215, 25, 30, 255)
CLEAR, WHITE = (0, 0, 0, 0), (255, 255, 255, 255)


def ink(
    kind: Literal["signature", "seal"],
    *,
    colour: tuple[int, ...] | None = None,
    ground: tuple[int, ...] = CLEAR,
    size: tuple[int, int] = (600, 400),
    form: str = "PNG",
    **saved: Any,
) -> bytes:
    """A scribble in blue, or a ring with a star in red, with empty space around."""
    image = Image.new("RGBA", size, ground)
    draw = ImageDraw.Draw(image)
    width, height = size
    if kind == "signature":
        points = [(width * (0.2 + 0.06 * n), height * (0.3 + 0.4 * (n % 2))) for n in range(11)]
        draw.line(points, fill=colour or BLUE, width=max(2, height // 30))
    else:
        across = 0.6 * min(size)
        left, top = (width - across) / 2, (height - across) / 2
        draw.ellipse((left, top, left + across, top + across), outline=colour or RED, width=max(3, height // 25))
        draw.regular_polygon((width / 2, height / 2, across / 5), 5, fill=colour or RED)
    out = io.BytesIO()
    (image.convert("RGB") if form == "JPEG" else image).save(out, form, **saved)
    return out.getvalue()


def test_a_picture_is_cut_to_its_ink_and_holds_nothing_else() -> None:
    said = PngImagePlugin.PngInfo()
    said.add_text("Author", "Nguyễn Văn Bình 001203004567")
    made = checked(ink("seal", size=(3000, 2400), pnginfo=said), "seal")
    with Image.open(io.BytesIO(made)) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGBA", (KEPT, KEPT))
        assert "Author" not in image.info
        assert image.getchannel("A").getbbox() == (0, 0, KEPT, KEPT), "the seal fills it: it is shown at its size"
    assert b"001203004567" not in made
    assert len(made) < 200_000


@pytest.mark.parametrize(
    ("png", "kind", "code"),
    [
        (ink("signature", ground=WHITE), "signature", "picture_not_transparent"),
        (ink("signature", colour=(20, 20, 20, 255)), "signature", "picture_wrong_colour"),
        (ink("signature", colour=RED), "signature", "picture_wrong_colour"),
        (ink("seal", colour=BLUE), "seal", "picture_wrong_colour"),
        (ink("signature", colour=RED), "seal", "picture_not_round"),
        (ink("signature", form="JPEG"), "signature", "picture_not_png"),
        (b"", "signature", "picture_not_png"),
        (ink("signature")[:300], "signature", "picture_not_png"),
        (ink("signature", size=(70, 60)), "signature", "picture_size"),
        (ink("signature", colour=(20, 60, 190, 20)), "signature", "picture_empty"),
        (ink("signature", colour=(20, 60, 190, 80)), "signature", "picture_too_faint"),
    ],
)
def test_what_is_not_as_the_decree_wants_it_is_refused_with_the_reason(png: bytes, kind: Any, code: str) -> None:
    with pytest.raises(Rejected, match=f"^{code}:") as refused:
        checked(png, kind)
    assert refused.value.sentence.vi


def drawn(pdf: bytes, like: tuple[int, int, int]) -> int:
    """How many pixels of page 1 have about this colour."""
    document = pdfium.PdfDocument(pdf)
    document.init_forms()
    try:
        image = document[0].render(scale=1.5, may_draw_forms=True).to_pil().convert("RGB")
    finally:
        document.close()
    dots = image.tobytes()
    pixels = zip(dots[::3], dots[1::3], dots[2::3], strict=True)
    return sum(all(abs(a - b) < 12 for a, b in zip(pixel, like, strict=True)) for pixel in pixels)


def test_pictures_stand_in_what_is_signed_and_sealed_from_then_on(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader
) -> None:
    document_id = prepared(office, leader)
    http = desktop.of(leader.principal)
    assert [item["kind"] for item in http.get("/pictures").json()["items"]] == ["signature", "seal"]
    assert http.post("/pictures/signature", content=ink("signature")).raise_for_status().json()["may_change"]
    assert http.post("/pictures/seal", content=ink("seal")).status_code == 403, "the seal's is its clerk's to set"
    clerk, stated = clerk_of(AGENCY)
    office.take(stated)
    desktop.of(clerk).post("/pictures/seal", content=ink("seal")).raise_for_status()
    acts = [(act.act, act.object_kind) for act in facts(office, signing.SigningAct)]
    assert acts == [("picture_set", "person"), ("picture_set", "agency")]

    sign(http, leader, document_id)
    office.work()
    [fact] = facts(office, signing.DocumentSigned)
    with_picture = drawn(office.desk.blobs.get(fact.content), BLUE[:3])
    assert with_picture > 200
    office.seal_certificate(seal)
    office.order_seal(document_id)
    office.work()
    [sealed] = facts(office, signing.DocumentSealed)
    assert drawn(office.desk.blobs.get(sealed.content), RED[:3]) > 500
    office.order_validation(sealed.content)
    office.work()
    assert facts(office, signing.DocumentValidated)[0].indication == "TOTAL_PASSED"

    assert http.delete("/pictures/signature").json()["sha256"] is None
    assert http.get("/pictures/signature").status_code == 404
    again = office.order(leader)
    office.work()
    sign(http, leader, again)
    office.work()
    [fact] = facts(office, signing.DocumentSigned)
    assert drawn(office.desk.blobs.get(fact.content), BLUE[:3]) < with_picture / 3, "the edges of blue letters"


def test_nobody_sees_or_sets_anothers_and_a_refused_one_leaves_what_was_there(
    office: Office, desktop: Desktop, leader: Leader, deputy: Leader
) -> None:
    office.found(leader, deputy)
    http = desktop.of(leader.principal)
    first = http.post("/pictures/signature", content=ink("signature")).raise_for_status().json()
    assert desktop.of(deputy.principal).get("/pictures/signature").status_code == 404
    other, stated = clerk_of(OTHER)
    office.take(stated)
    assert desktop.of(other).get("/pictures/seal").status_code == 404
    unknown, _ = clerk_of(AGENCY)
    for path in ("/pictures", "/pictures/seal", "/pictures/signature"):
        assert desktop.of(unknown).get(path).status_code == 403, "unknown to the registry"
    for png, code in (
        (ink("signature", ground=WHITE), "picture_not_transparent"),
        (b"x" * (MAX_BYTES + 1), "picture_too_large"),
    ):
        assert http.post("/pictures/signature", content=png).json()["code"] == code
    assert http.get("/pictures").json()["items"][0]["sha256"] == first["sha256"]
    with db.transaction(office.pool) as tx:
        assert tx.execute("SELECT count(*) AS n FROM picture").fetchone() == {"n": 0}, "no row without its name"
