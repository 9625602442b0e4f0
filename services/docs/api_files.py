"""HTTP for uploads, and for what a form offers: types, signers, reviewers, registers, recipients."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request

from services.docs import pdf, store, store_registry
from services.docs.access import DoorDep, Member, UploadDep, note
from services.docs.catalogue import DOCUMENT_TYPES
from services.docs.intake.api_upload import screen
from services.docs.registers import store as registers
from services.docs.store import StoredFile
from services.docs.views import View
from shared.errors import IDEMPOTENCY_KEY_REQUIRED, Rejected
from shared.http import Once, require
from shared.ids import new_id

router = APIRouter(tags=["files and choices"])

PDF = "application/pdf"


class FileView(View):
    file_id: UUID
    filename: str
    sha256: str
    size: int
    media_type: str
    page_count: int


@router.post("/files", status_code=201, dependencies=[Depends(require("clerk"))])
def upload(
    file: UploadDep,
    door: DoorDep,
    request: Request,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> FileView:
    """A PDF of the clerk's agency: looked at, stored by its digest, ready to be part of a document."""
    if not idempotency_key:
        raise Rejected(IDEMPOTENCY_KEY_REQUIRED)
    screen(request, file)
    pages = pdf.count_pages(file.path)
    content = door.office.blobs.put(file.path.read_bytes(), PDF)
    with door.open("clerk") as acting:

        def act() -> FileView:
            stored = StoredFile(
                id=new_id(),
                agency_id=acting.agency_id,
                person_id=acting.person_id,
                filename=file.filename,
                content=content,
                page_count=pages,
                uploaded_at=acting.now(),
            )
            store.add_file(acting.tx, stored)
            note(acting, "file_uploaded", "file", stored.id, sha256=content.sha256)
            return _view(stored)

        # The file itself never is in memory for a fingerprint of the request, its digest stands for it.
        same = hashlib.sha256(f"POST /files {file.filename} {content.sha256}".encode()).hexdigest()
        return Once(acting.tx, door.who, idempotency_key, same).run(act, FileView)


def _view(stored: StoredFile) -> FileView:
    return FileView(
        file_id=stored.id,
        filename=stored.filename,
        sha256=stored.content.sha256,
        size=stored.content.size,
        media_type=stored.content.media_type,
        page_count=stored.page_count,
    )


# --- choices


class TypeView(View):
    code: str
    vi: str
    en: str
    abbreviation: str


class AuthorityView(View):
    authority_id: UUID
    person_id: UUID
    person_name: str
    post: str
    capacity: str
    block: tuple[str, ...]
    document_types: tuple[str, ...]


class ReviewerView(View):
    person_id: UUID
    name: str
    post: str


class RegisterView(View):
    code: str
    vi: str
    en: str


class ChoicesView(View):
    types: list[TypeView]
    authorities: list[AuthorityView]
    reviewers: list[ReviewerView]
    registers: list[RegisterView]


@router.get("/choices")
def choices(acting: Member) -> ChoicesView:
    """What the form for a new document offers today."""
    day = acting.today()
    posts = store_registry.list_posts(acting.tx, acting.agency_id, day)
    people = {post.person_id: post for post in posts if post.roles & {"clerk", "leader"}}
    plan = registers.plan_for(acting.tx, acting.agency_id, day.year)
    return ChoicesView(
        types=[
            TypeView(code=t.code, vi=t.vi, en=t.en, abbreviation=t.abbreviation)
            for t in DOCUMENT_TYPES.values()
            if not t.copy
        ],
        authorities=[
            AuthorityView(
                authority_id=a.authority_id,
                person_id=a.post.person_id,
                person_name=a.post.name,
                post=a.post.title,
                capacity=a.capacity,
                block=a.block,
                document_types=a.document_types,
            )
            for a in store_registry.list_authorities(acting.tx, acting.agency_id, day)
        ],
        reviewers=[ReviewerView(person_id=p.person_id, name=p.name, post=p.title) for p in people.values()],
        registers=[RegisterView(code=r.code, vi=r.name, en=r.name) for r in plan.of("out", "council")],
    )


class AgencyView(View):
    identifier: str
    name: str
    level: str
    partner: str | None


class AgencyPage(View):
    items: list[AgencyView]
    next_cursor: str | None = None


@router.get("/agencies")
def search_agencies(
    acting: Member,
    q: Annotated[str, Query(max_length=200)] = "",
    level: Literal["province", "district", "commune", "outside"] | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> AgencyPage:
    """Possible recipients by identifier or name, marks ignored: what a clerk types finds it on any keyboard."""
    found = store_registry.search_agencies(acting.tx, q.replace("\0", ""), level, acting.today(), limit)
    return AgencyPage(
        items=[AgencyView(identifier=a.identifier, name=a.name, level=a.level, partner=a.partner) for a in found]
    )
