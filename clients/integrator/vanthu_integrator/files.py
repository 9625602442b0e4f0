"""Files over HTTP: uploaded before they are named in a message, fetched by digest and checked on arrival."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from vanthu_integrator.messages import File

PATIENCE = 60.0  # seconds that a restarting server is waited for


class FileRefused(Exception):
    """The deployment refused a request; `code` is stable, the text is its sentence."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        super().__init__(f"{code}: {detail}")


class FileDamaged(Exception):
    """The bytes that arrived are not those that the message announced: refuse the document with status 02."""


class Files:
    """The file side of one partner, with tokens by client credentials from the portal."""

    def __init__(self, portal: str, client_id: str, client_secret: str) -> None:
        # Uploads and downloads may be repeated: by digest, the same bytes are the same file.
        self._http = httpx.Client(timeout=httpx.Timeout(120.0, connect=10.0))
        about = _checked(self._send("GET", f"{portal.rstrip('/')}/.well-known/oauth-authorization-server")).json()
        self._token_endpoint = about["token_endpoint"]
        self.docs: str = about["vanthu_services"]["docs"].rstrip("/")
        self._credential = {"client_id": client_id, "client_secret": client_secret}
        self._access: tuple[str, float] = ("", 0.0)

    def close(self) -> None:
        """Close the connections; the object is of no use afterwards."""
        self._http.close()

    def upload(self, path: Path, media_type: str = "application/pdf") -> File:
        """Upload one file; give the result as `files` of a message. The same file again is the same file."""
        data = path.read_bytes()
        headers = {"Content-Type": media_type, "Idempotency-Key": str(uuid4())} | self._bearer()
        answer = self._send(
            "POST", f"{self.docs}/docs/v1/exchange/files", params={"filename": path.name}, content=data, headers=headers
        )
        _checked(answer)
        digest = hashlib.sha256(data).hexdigest()
        return File(filename=path.name, media_type=media_type, size=len(data), sha256=digest)

    def download(self, file: File) -> bytes:
        """The bytes of a delivered file; FileDamaged when they are not what was announced."""
        data = _checked(self._send("GET", f"{self.docs}{file.href}", headers=self._bearer())).content
        check(file, data)
        return data

    def _send(self, method: str, url: str, **more: Any) -> httpx.Response:
        until, pause = time.monotonic() + PATIENCE, 0.2
        while True:
            try:
                answer = self._http.request(method, url, **more)
            except httpx.TransportError:
                if time.monotonic() > until:
                    raise
            else:
                if answer.status_code != 503 or time.monotonic() > until:
                    return answer
            time.sleep(pause)
            pause = min(pause * 2, 5.0)

    def _bearer(self) -> dict[str, str]:
        token, until = self._access
        if until < time.monotonic():
            form = {"grant_type": "client_credentials", "audience": "docs"} | self._credential
            body = _checked(self._send("POST", self._token_endpoint, data=form)).json()
            token = body["access_token"]
            self._access = (token, time.monotonic() + body["expires_in"] - 30)
        return {"Authorization": f"Bearer {token}"}


def check(file: File, data: bytes) -> None:
    """FileDamaged when the bytes are not those of the announced digest and size."""
    if len(data) != file.size or hashlib.sha256(data).hexdigest() != file.sha256:
        raise FileDamaged(f"{file.filename}: the bytes are not those of sha256 {file.sha256}")


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        try:
            found = answer.json()
        except ValueError:
            found = {}
        code = found.get("code") or found.get("error") or f"http_{answer.status_code}"
        raise FileRefused(
            str(code), str(found.get("detail_en") or found.get("error_description") or answer.reason_phrase)
        )
    return answer
