"""The portal's page "Máy ký" over the real signing service: the operator reads what the programs said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from vanthu_sign import report

from tests.clients.signing_desk import Desk
from tests.portal import people
from tests.portal.conftest import at_work
from tests.portal.test_pages import sit_down
from tests.portal.test_service import PASSWORD
from tests.support.postgres import Database


def test_the_operator_reads_which_machine_needs_somebody(
    desk: Desk, database: Callable[[str], Database], tmp_path: Path
) -> None:
    http = desk.desktop.of(desk.leader.principal)
    facts = report.facts(desk.home, "sign", problem="pin_locked")
    told = facts | {
        "driver": "Trình <b>hãng</b>",
        "driver_version": "8.0",
        "certificate_not_after": "2020-01-01T00:00:00Z",
    }
    assert http.post("/clients", json=told).status_code == 200
    agency = people.agency()
    operator = people.person("van-hanh", people.post(agency.agency_id, "Cán bộ", "operator"))
    with at_work(database("portal"), tmp_path, signing_url=desk.desktop.url) as portal:
        portal.accounts(**{"van-hanh": PASSWORD})
        portal.hear(agency, operator)
        desk.office.take(agency, operator, *portal.stated("portal.key"))
        desk.desktop.verifier._read_at = 0.0  # it believes the keys that it read a second ago
        browser = portal.browser()
        browser.log_in("van-hanh", PASSWORD)
        page = browser.open("/fleet")
        assert page.status_code == 200, page.text
        assert "Chứng thư hết hạn" in page.text
        assert "pin_locked" in page.text
        assert desk.leader.name in page.text
        assert "Trình &lt;b&gt;hãng&lt;/b&gt;" in page.text
        assert 'href="/fleet"' in page.text

        assert sit_down(portal, "clerk").open("/fleet").status_code == 403
        desk.office.pool.close()
        away = browser.open("/fleet")
        assert away.status_code == 503


@pytest.mark.parametrize("role", ["officer", "operator"])
def test_without_the_signing_service_the_page_says_so(
    database: Callable[[str], Database], tmp_path: Path, role: str
) -> None:
    with at_work(database("portal"), tmp_path) as portal:
        page = sit_down(portal, role).open("/fleet")
        assert page.status_code == 503
        assert "service_down" in page.text
