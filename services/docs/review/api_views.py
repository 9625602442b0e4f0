"""What answers of several endpoints of review are made of."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from pydantic import Field

from services.docs.review.people import Asked
from services.docs.views import View


class AskedView(View):
    """Somebody who may answer now."""

    person_id: UUID
    name: str
    title: str
    instead_of: str | None = Field(description="who is away or gone")


def asked_views(found: Iterable[Asked]) -> list[AskedView]:
    return [
        AskedView(person_id=each.person_id, name=each.name, title=each.title, instead_of=each.instead_of)
        for each in found
    ]
