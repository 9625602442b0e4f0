"""The pile on the desk: each document fetched, prepared, checked against what the server says, and ready to be shown.

The bytes of a document travel once and are kept by their digest; nothing here asks for a PIN.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from asn1crypto import x509

from vanthu_sign.check import check_base, check_prepared
from vanthu_sign.device import Certificate
from vanthu_sign.folder import Documents
from vanthu_sign.pages import Viewer
from vanthu_sign.server import Server, prepared_from, problem
from vanthu_sign.words import BYTES_DIFFER, DIGEST_DIFFERS, Refused, Words, shown
from vanthu_sign.words_sitting import BASE_IS_NEW, LEASE_RAN_OUT

CHUNK = 25  # documents in one call of the server: a chunk is prepared while the one before is fetched and checked
FETCHERS = 3
MARGIN = timedelta(seconds=30)  # a preparation that ends sooner is not begun to be signed
EMBEDDED = 10.0  # seconds in which another signer's signature is embedded
MOVED_ON = ("base_changed", "signature_under_way")
Task = dict[str, Any]


class Ended(StrEnum):
    """How one document ended."""

    SIGNED = "signed"
    TAKEN = "taken"  # the server has the signature and is still embedding it
    KEPT = "kept"  # signed, not handed in yet: the next run does
    LEFT = "left"  # not signed; the next sitting goes on from here
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Result:
    """How one document ended, and why when it was not signed; `notice` is what to know although it went well."""

    document_id: str
    ended: Ended
    refused: Refused | None = None
    title: str = ""
    notice: Refused | None = None

    @property
    def good(self) -> bool:
        return self.ended in (Ended.SIGNED, Ended.TAKEN)


@dataclass(frozen=True, slots=True)
class Change:
    """Why a document that was shown is to be looked at again.

    `pages` that look different (from 1) or None when it can't be told here; `before` and the item's `file` can be
    compared; `text_changed` False when only the preparation ran out and the text below the signature is the same.
    """

    words: Refused
    before: Path
    pages: tuple[int, ...] | None
    text_changed: bool


@dataclass(frozen=True, slots=True)
class Item:
    """One document of the pile. `file` is exactly what the signature will cover; without it `against` says why not.

    `against`: everything against signing it (the server's problems and what was found here). `change` is set when it
    was shown before and looks different now.
    """

    document_id: str
    task: Task
    against: tuple[Refused, ...] = ()
    file: Path | None = None
    preparation_id: str = ""
    mechanism: str = ""
    digest: str = "sha256"
    signed_attributes: bytes = field(default=b"", repr=False)
    expires_at: datetime | None = None
    change: Change | None = None
    again: int = 0  # how often it was prepared again

    @property
    def ready(self) -> bool:
        return self.file is not None and not self.against

    @property
    def title(self) -> str:
        return title_of(self.task)


def title_of(task: Task) -> str:
    """Type, symbol and abstract in one line."""
    said = (shown(task.get(name, ""), 300) for name in ("type_name", "symbol", "abstract"))
    return "{} …/{}  {}".format(*said).strip()


def file_names(task: Task) -> tuple[str, str]:
    """Digest and id of a task, which become names of files here; Refused(bytes_differ) when they lead elsewhere."""
    digest, document_id = str(task["sha256"]), str(task["document_id"])
    if not re.fullmatch(r"[0-9a-f]{64}", digest) or not re.fullmatch(r"[0-9a-f-]{36}", document_id):
        raise Refused(BYTES_DIFFER)
    return digest, document_id


class Pile:
    """Prepares documents for one certificate. `told(done, total)` hears how far it is."""

    def __init__(
        self, server: Server, documents: Documents, viewer: Viewer, certificate: Certificate, *, pss: bool
    ) -> None:
        self._server, self._documents, self._viewer = server, documents, viewer
        self._certificate, self._pss = certificate, pss
        self._pem = ssl.DER_cert_to_PEM_cert(certificate.der)

    def prepare(self, tasks: Sequence[Task], told: Callable[[Item], None] = lambda _item: None) -> list[Item]:
        """Each task as an item, in order. What the server already says against one is not prepared at all.

        A document that moved on between the list and this call is taken up as it is now: nothing of it was shown yet.
        """
        found: dict[str, Item] = {}

        def end(item: Item) -> None:
            found[item.document_id] = item
            told(item)

        open_tasks = []
        for task in tasks:
            against = tuple(_said(each) for each in task.get("problems", []))
            if against:
                end(Item(str(task["document_id"]), task, against))
            else:
                open_tasks.append(task)
        moved = []
        for item in self._prepared(open_tasks):
            if any(refused.code in MOVED_ON for refused in item.against):
                moved.append(item)
            else:
                end(item)
        if moved:
            now = {str(task["document_id"]): task for task in self._server.tasks()}
            for item in moved:
                if item.document_id not in now:
                    end(item)
            for item in self._prepared([now[item.document_id] for item in moved if item.document_id in now]):
                end(item)
        return [found[str(task["document_id"])] for task in tasks]

    def again(self, items: Sequence[Item]) -> list[Item]:
        """Prepare anew what was shown before; each that is ready again carries its `change`."""
        now = self._waiting_again({item.document_id for item in items})
        before = {item.document_id: (item, self._set_aside(item)) for item in items}
        made = {item.document_id: item for item in self._prepared([now[i] for i in before if i in now])}
        found = []
        for document_id, (old, file) in before.items():
            new = made.get(document_id)
            if new is None:
                found.append(replace(old, file=None, against=(problem(_NOT_WAITING),)))
            elif new.file is None:
                found.append(new)
            else:
                same = new.task["sha256"] == old.task["sha256"]
                words: Words = LEASE_RAN_OUT if same else BASE_IS_NEW
                change = Change(Refused(words), file, self._viewer.differing(file, new.file), text_changed=not same)
                found.append(replace(new, change=change, again=old.again + 1))
        return found

    def _waiting_again(self, wanted: set[str]) -> dict[str, Task]:
        """The tasks, once these are among them: another signer's signature may be on its way into the document."""
        until = time.monotonic() + EMBEDDED
        while True:
            now = {str(task["document_id"]): task for task in self._server.tasks()}
            if wanted <= set(now) or time.monotonic() > until:
                return now
            time.sleep(0.5)

    def ran_out(self, item: Item) -> bool:
        """Whether the server would not take this one any more by the time it is signed."""
        return item.expires_at is not None and item.expires_at - MARGIN < self._server.now()

    def _set_aside(self, item: Item) -> Path:
        assert item.file is not None  # noqa: S101  only what was shown comes here
        return item.file.replace(item.file.with_name(f"{item.document_id}.before.pdf"))

    def _prepared(self, tasks: Sequence[Task]) -> Iterator[Item]:
        """Contents are fetched and the next chunk is prepared by threads while this one is checked."""
        chunks = [tasks[start : start + CHUNK] for start in range(0, len(tasks), CHUNK)]
        with ThreadPoolExecutor(FETCHERS) as fetching, ThreadPoolExecutor(1) as preparing:
            asked = [preparing.submit(self._ask, chunk) for chunk in chunks]
            for chunk, answer in zip(chunks, asked, strict=True):
                contents = {str(task["document_id"]): fetching.submit(self._fetch, task) for task in chunk}
                try:
                    said = {str(item.get("document_id")): item for item in answer.result()}
                except Refused:
                    for other in asked:
                        other.cancel()
                    raise
                for task in chunk:
                    document_id = str(task["document_id"])
                    yield self._item(task, said.get(document_id, {}), contents[document_id])

    def _ask(self, chunk: Sequence[Task]) -> list[dict[str, Any]]:
        items = [{"document_id": str(t["document_id"]), "base_sha256": str(t["sha256"])} for t in chunk]
        return self._server.prepare(self._pem, items, pss=self._pss)

    def _fetch(self, task: Task) -> bytes:
        """The bytes from here, or from the server when they were never here; checked."""
        digest, document_id = file_names(task)
        base = self._documents.find(digest)
        if base is None:
            base = self._server.content(document_id, int(task.get("size") or 0) or 2**40)
            check_base(base, digest)
            self._documents.keep(digest, base)
        return base

    def _mechanism(self, said: dict[str, Any]) -> str:
        """The one of ours that goes with the certificate's key and with what we asked for."""
        mechanism = str(said["mechanism"])
        usable = (
            ("rsa-pkcs1v15", "rsa-pss")
            if x509.Certificate.load(self._certificate.der).public_key.algorithm == "rsa"
            else ("ecdsa",)
        )
        if mechanism not in usable or (mechanism == "rsa-pss" and not self._pss):
            raise Refused(DIGEST_DIFFERS, what="mechanism")
        return mechanism

    def _item(self, task: Task, said: dict[str, Any], content: Future[bytes]) -> Item:
        item = Item(str(task["document_id"]), task)
        try:
            base = content.result()
            if said.get("problem"):
                raise problem(dict(said["problem"]))
            _check_same_base(said, task)
            prepared = prepared_from(said)
            document = check_prepared(base, prepared, self._certificate.der)
            return replace(
                item,
                file=self._documents.show(item.document_id, document),
                preparation_id=str(said["preparation_id"]),
                mechanism=self._mechanism(said),
                digest=prepared.digest,
                signed_attributes=prepared.signed_attributes,
                expires_at=_moment(said.get("expires_at")),
            )
        except Refused as refused:
            return replace(item, against=(refused,))
        except (KeyError, TypeError, ValueError):
            return replace(item, against=(problem({}),))


_NOT_WAITING = {
    "code": "not_awaiting_signature",
    "detail_vi": "Văn bản không còn chờ chữ ký của bạn; hãy xem lại bằng vanthu-sign list.",
    "detail_en": "The document no longer waits for your signature; see vanthu-sign list.",
}


def _check_same_base(said: dict[str, Any], task: Task) -> None:
    if said.get("base_sha256", task["sha256"]) != task["sha256"]:
        raise Refused(BYTES_DIFFER)


def _said(reason: dict[str, Any]) -> Refused:
    return problem({"code": reason.get("code"), "detail_vi": reason.get("vi"), "detail_en": reason.get("en")})


def _moment(text: object) -> datetime | None:
    found = datetime.fromisoformat(str(text)) if text else None
    return found if found is None or found.tzinfo is not None else None
