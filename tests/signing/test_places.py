"""Places on real parts: found per signer, shown page by page, moved by the clerk, confirmed where nothing was found."""

from __future__ import annotations

import io
from dataclasses import replace
from uuid import UUID, uuid4

import httpx
import pikepdf
import pytest
from PIL import Image

from services.signing import store_longevity
from services.signing.box import MM
from shared import db
from shared.events import signing
from tests.interop import paper
from tests.signing import office as world
from tests.signing.desktop import Desktop, complete, content, prepare, sign
from tests.signing.office import AGENCY, OTHER, Leader, Office
from tests.support.sheet import Line, sheet

HEAD = [Line("Số:        /UBND-VX", 100, 120), Line("Đông Hà, ngày      tháng      năm 2026", 330, 120)]


def letter(*signers: Leader) -> bytes:
    """A page with a block for each signer, the last at the right."""
    lines = [*HEAD]
    for n, each in enumerate(signers):
        x = 430 - 250 * (len(signers) - 1 - n)
        lines += [Line("CHỦ TỊCH", x, 600, centred=True, bold=True), Line(each.name, x, 710, centred=True, bold=True)]
    return sheet(lines)


@pytest.fixture
def clerk(office: Office, desktop: Desktop) -> httpx.Client:
    own, stated = world.clerk_of(AGENCY)
    office.take(stated)
    return desktop.of(own)


@pytest.fixture
def asking(office: Office) -> Office:
    """An office whose agencies want to be asked."""
    office.desk = replace(office.desk, ask_for_places=True)
    office.runner = world.Office(office.desk, office.folder.as_uri()).runner
    return office


def places(http: httpx.Client, document_id: UUID) -> dict[str, dict[str, object]]:
    answer = http.get(f"/documents/{document_id}/places")
    assert answer.status_code == 200, answer.text
    return {place["what"]: place for place in answer.json()["places"]}


def put(http: httpx.Client, document_id: UUID, *wanted: dict[str, object], version: object = 1) -> httpx.Response:
    path = f"/documents/{document_id}/places"
    return http.put(path, json={"places": list(wanted)}, headers={"If-Match": f'"{version}"'})


def fields(pdf: bytes) -> dict[str, list[float]]:
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return {str(f.T): [float(v) for v in f.Rect] for f in opened.Root.AcroForm.Fields}


def test_each_signer_gets_the_own_block(office: Office, clerk: httpx.Client, leader: Leader, deputy: Leader) -> None:
    office.found(leader, deputy)
    document_id = office.order(leader, deputy, pdf=letter(deputy, leader))
    office.work()
    office.only(signing.DocumentPrepared)
    found = places(clerk, document_id)
    assert [found[f"signer_{n}"]["basis"] for n in (1, 2)] == ["name_post", "name_post"]
    assert {found[what]["found"] for what in ("number", "day", "month", "seal")} == {True}
    pdf, _ = content(clerk, document_id)
    drawn = fields(pdf)
    assert drawn["vanthu_signer_1"][0] > 300, "the first signer stands at the right"
    assert drawn["vanthu_signer_2"][2] < 300
    seal = drawn["vanthu_seal"]
    assert (seal[2] - seal[0]) / MM == pytest.approx(36, abs=0.1)


def test_the_registrys_seal_size_counts(office: Office, clerk: httpx.Client, leader: Leader) -> None:
    office.found(leader)
    office.take(world.agency_stated(AGENCY, "Xã Đông Hà", seal_mm=42.0))
    document_id = office.order(leader, pdf=letter(leader))
    office.work()
    answer = clerk.get(f"/documents/{document_id}/places").json()
    assert answer["seal_mm"] == 42.0
    pdf, _ = content(clerk, document_id)
    seal = fields(pdf)["vanthu_seal"]
    assert (seal[2] - seal[0]) / MM == pytest.approx(42, abs=0.1)


def test_the_clerk_moves_a_place_until_somebody_signed(
    office: Office, desktop: Desktop, clerk: httpx.Client, leader: Leader
) -> None:
    office.found(leader)
    document_id = office.order(leader, pdf=letter(leader))
    office.work()
    office.stated()
    http = desktop.of(leader.principal)
    base, sha = content(http, document_id)
    [begun] = prepare(http, leader, (document_id, sha))

    moved = put(clerk, document_id, {"what": "signer_1", "page": 1, "box": [100, 400, 300, 480]})
    assert moved.status_code == 200, moved.text
    office.work()
    prepared = next(e for e in office.stated() if isinstance(e, signing.DocumentPrepared))
    assert prepared.content.sha256 != sha
    pdf, now = content(http, document_id)
    assert fields(pdf)["vanthu_signer_1"] == pytest.approx([100, 841.89 - 480, 300, 841.89 - 400], abs=0.1)

    [late] = complete(http, (begun["preparation_id"], leader.sign(begun, base)))
    assert (late["state"], late["problem"]["code"]) == ("refused", "base_changed")
    [stale] = prepare(http, leader, (document_id, sha))
    assert stale["problem"]["code"] == "base_changed"
    assert now != sha
    sign(http, leader, document_id)
    office.work()
    fixed = put(clerk, document_id, version=places_version(clerk, document_id))
    assert (fixed.status_code, fixed.json()["code"]) == (409, "places_fixed")


def places_version(http: httpx.Client, document_id: UUID) -> str:
    return http.get(f"/documents/{document_id}/places").headers["etag"].strip('"')


def test_two_clerks_do_not_overwrite_each_other(office: Office, clerk: httpx.Client, leader: Leader) -> None:
    office.found(leader)
    document_id = office.order(leader, pdf=letter(leader))
    office.work()
    version = places_version(clerk, document_id)
    assert put(clerk, document_id, version=version).status_code == 200
    late = put(clerk, document_id, version=version)
    assert late.json()["code"] == "stale_version"
    office.work()
    assert clerk.put(f"/documents/{document_id}/places", json={}).json()["code"] == "stale_version"


def test_places_that_can_not_be_are_refused_with_a_sentence(
    office: Office, desktop: Desktop, clerk: httpx.Client, leader: Leader
) -> None:
    office.found(leader)
    document_id = office.order(leader, pdf=letter(leader))
    office.work()
    outside = put(clerk, document_id, {"what": "signer_1", "page": 1, "box": [500, 400, 700, 480]})
    assert (outside.status_code, outside.json()["code"]) == (422, "place_outside_page")
    assert "trang 1" in outside.json()["detail_vi"]
    over = put(clerk, document_id, {"what": "signer_1", "page": 1, "box": [90, 100, 290, 180]})
    assert over.json()["code"] == "places_overlap"
    nan = clerk.put(
        f"/documents/{document_id}/places",
        content=b'{"places": [{"what": "seal", "page": 1, "box": [NaN, 0, 1, 1]}]}',
        headers={"If-Match": '"1"', "Content-Type": "application/json"},
    )
    assert nan.status_code == 422
    foreign, stated = world.clerk_of(OTHER)
    office.take(stated)
    assert put(desktop.of(foreign), document_id).status_code == 404
    assert put(desktop.of(leader.principal), document_id).status_code == 403
    assert desktop.of(foreign).get(f"/documents/{document_id}/places").status_code == 404
    assert desktop.of(foreign).get(f"/documents/{document_id}/pages/1").status_code == 404


def test_what_covers_text_is_said_and_allowed(office: Office, clerk: httpx.Client, leader: Leader) -> None:
    office.found(leader)
    document_id = office.order(leader, pdf=letter(leader))
    office.work()
    assert put(clerk, document_id, {"what": "signer_1", "page": 1, "box": [330, 560, 530, 660]}).status_code == 200
    office.work()
    notices = clerk.get(f"/documents/{document_id}/places").json()["notices"]
    assert [(n["code"], n["what"]) for n in notices] == [("place_covers_text", "signer_1")]


@pytest.mark.parametrize("sample", ["08b", "09"])
def test_without_a_text_to_find_anything_in_the_clerk_is_asked_first(
    asking: Office, clerk: httpx.Client, desktop: Desktop, leader: Leader, sample: str
) -> None:
    asking.found(leader)
    asking.stated()
    document_id = asking.order(leader, pdf=paper.sample(sample))
    asking.work()
    delayed = asking.only(signing.DocumentDelayed)
    assert (delayed.stage, delayed.code) == ("prepare", "places_to_confirm")
    assert leader.name in delayed.reason_vi
    with db.transaction(asking.desk.pool, agency=AGENCY) as tx:
        assert store_longevity.list_unfinished(tx, AGENCY) == [], "it waits for a person, nobody has to repair it"
    http = desktop.of(leader.principal)
    assert http.get("/tasks").json()["items"] == []
    answer = clerk.get(f"/documents/{document_id}/places").json()
    assert (answer["waits"], answer["movable"]) == (True, True)
    assert {n["code"] for n in answer["notices"]} >= {"place_not_found"}
    picture = clerk.get(f"/documents/{document_id}/pages/1", params={"width": "360"})
    assert picture.status_code == 200, picture.text
    asking.stated()

    assert put(clerk, document_id, version=answer["version"]).status_code == 200
    asking.work()
    assert {type(e) for e in asking.stated()} == {signing.SigningAct, signing.DocumentPrepared}
    [task] = http.get("/tasks").json()["items"]
    assert task["document_id"] == str(document_id)
    assert clerk.get(f"/documents/{document_id}/places").json()["waits"] is False


def test_an_agency_may_go_on_with_the_decrees_boxes(asking: Office, clerk: httpx.Client, leader: Leader) -> None:
    asking.found(leader)
    assert clerk.get("/placing").json() == {"ask": True, "default": True}
    assert clerk.put("/placing", json={"ask": False}).json() == {"ask": False, "default": False}
    document_id = asking.order(leader, pdf=paper.sample("09"))
    asking.stated()
    asking.work()
    asking.only(signing.DocumentPrepared)
    found = places(clerk, document_id)
    assert (found["signer_1"]["found"], found["signer_1"]["basis"]) == (False, "default")


def test_a_new_round_finds_its_places_anew(office: Office, clerk: httpx.Client, leader: Leader) -> None:
    office.found(leader)
    document_id = office.order(leader, pdf=letter(leader))
    office.work()
    assert put(clerk, document_id, {"what": "signer_1", "page": 1, "box": [100, 400, 300, 480]}).status_code == 200
    office.work()
    office.order(leader, pdf=letter(leader, leader), document_id=document_id)
    office.work()
    assert places(clerk, document_id)["signer_1"]["basis"] == "name_post"


def test_pages_are_small_pictures_sent_once(
    office: Office, clerk: httpx.Client, desktop: Desktop, leader: Leader
) -> None:
    office.found(leader)
    document_id = office.order(leader, pdf=letter(leader))
    office.work()
    path = f"/documents/{document_id}/pages"
    first = clerk.get(f"{path}/1")
    assert (first.status_code, first.headers["content-type"]) == (200, "image/png")
    picture = Image.open(io.BytesIO(first.content))
    assert picture.width == 720
    assert picture.height == pytest.approx(1018, abs=2)
    assert len(first.content) < 60_000
    again = clerk.get(f"{path}/1", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert Image.open(io.BytesIO(clerk.get(f"{path}/1", params={"width": "360"}).content)).size[0] == 360
    assert clerk.get(f"{path}/1", params={"width": "99999"}).status_code == 422
    for page in (0, 2, 9999):
        missing = clerk.get(f"{path}/{page}")
        assert (missing.status_code, missing.json()["code"]) == (404, "page_missing")
    assert clerk.get(f"/documents/{uuid4()}/pages/1").status_code == 404
    assert desktop.of(leader.principal).get(f"{path}/1").status_code == 200


def test_a_page_of_ten_metres_is_drawn_within_bounds(office: Office, clerk: httpx.Client, leader: Leader) -> None:
    office.found(leader)
    long = sheet([Line("Bản vẽ", 100, 100)], size=(300, 14_400))
    document_id = office.order(leader, pdf=long)
    office.work()
    picture = Image.open(io.BytesIO(clerk.get(f"/documents/{document_id}/pages/1").content))
    assert picture.size[1] <= 4001
    wide = sheet([Line("Bản vẽ", 100, 100)], size=(14_400, 300))
    document_id = office.order(leader, pdf=wide)
    office.work()
    picture = Image.open(io.BytesIO(clerk.get(f"/documents/{document_id}/pages/1").content))
    assert picture.size[0] == 720
