"""What a procedure's form says, gathered from the directory, the certificate and the device."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from services.registry import catalogue, forms, store, store_devices
from services.registry import store_certificates as certificates
from services.registry import store_receipts as receipts
from services.registry.certificate import Certificate
from services.registry.device import Device
from services.registry.forms import Sheet
from services.registry.procedure import Procedure
from services.registry.receipts import TYPES
from services.registry.refusals_lifecycle import FORM_UNKNOWN, FORMS_DIFFER
from services.registry.workdays import day_of
from shared.db import Tx
from shared.errors import Rejected

MOST = 500
RECEIVERS = {
    "VGCA": "Cục Chứng thực số và Bảo mật thông tin, Ban Cơ yếu Chính phủ",
    "VGCA or delegated department": "Cục Chứng thực số và Bảo mật thông tin (hoặc Sở được ủy quyền)",
}
PLACE = re.compile(r"(?:xã|phường|thị trấn|huyện|thị xã|thành phố|tỉnh)\s+(.+)$", re.IGNORECASE)


def print_form(tx: Tx, asked: Sequence[Procedure], today: date, form: str | None = None) -> bytes:
    """The form of one procedure, or of several of one kind and agency as a list. `form` 07: the notice of hand-over."""
    first = asked[0]
    rule = catalogue.current().rule(first.kind)
    if len(asked) > MOST or {(each.kind, each.managed_by) for each in asked} != {(first.kind, first.managed_by)}:
        raise Rejected(FORMS_DIFFER, most=MOST)
    known = [rule.form] + (["07"] if all(each.result_id for each in asked) else [])
    form = form or rule.form
    if form not in known or form not in forms.LAYOUTS:
        raise Rejected(FORM_UNKNOWN, form=form[:10], known=", ".join(known))
    agency = store.get_agency(tx, first.managed_by)
    parent = store.find_agency(tx, agency.facts.parent_id)
    place = PLACE.search(agency.name)
    return forms.render(
        Sheet(
            form=form,
            agency=agency.name,
            parent=parent.name if parent else None,
            place=place.group(1) if place else "." * 12,
            day=today,
            to=RECEIVERS.get(rule.receiver, rule.receiver),
            rows=[_row(tx, each) for each in asked],
            reason=first.reason if len(asked) == 1 and first.state not in ("refused", "withdrawn") else None,
        )
    )


def _row(tx: Tx, asked: Procedure) -> dict[str, str]:
    """Every value that some form prints. What the applicant said for this form counts before the directory."""
    row = _holder(tx, asked)
    about = asked.result_id or asked.certificate_id
    certificate = certificates.get(tx, about) if about else None
    if certificate:
        row |= _certificate(tx, certificate)
    device_id = asked.device_id or (certificate.device_id if certificate else None)
    if device_id:
        found = store_devices.get(tx, device_id)
        row |= _device(found)
        carried = store_devices.list_certificates(tx, found.id)
        if certificate is None and carried:
            row["serial"] = certificates.get(tx, carried[-1]).serial
    request = {"renew": "Gia hạn", "change": "Thay đổi nội dung thông tin"}.get(asked.kind, "")
    return row | {"request": request, "reason": asked.reason or ""} | dict(asked.details)


def _holder(tx: Tx, asked: Procedure) -> dict[str, str]:
    agency = store.get_agency(tx, asked.managed_by)
    row = {"agency": agency.name, "name": agency.name, "email": agency.facts.email or ""}
    if asked.person_id:
        facts = store.get_person(tx, asked.person_id).facts
        posts = [post for post in facts.posts if post.agency_id == asked.managed_by] or list(facts.posts)
        row |= {"name": facts.name, "email": facts.email, "title": posts[0].title if posts else ""}
        old = certificates.list_certificates(tx, person_id=asked.person_id)
        if old and asked.result_id is None:
            row["old_serial"] = old[-1].serial
    return row


def _certificate(tx: Tx, certificate: Certificate) -> dict[str, str]:
    row = {"serial": certificate.serial, "valid_until": f"{day_of(certificate.not_after):%d/%m/%Y}"}
    if found := receipts.list_receipts(tx, certificate.id):
        row["received_on"] = f"{day_of(found[-1].at):%d/%m/%Y}"
    return row


def _device(found: Device) -> dict[str, str]:
    return {"device_type": TYPES[found.type], "model": found.model, "device_serial": found.serial}
