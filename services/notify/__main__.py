"""Composition of notify: `python -m services.notify migrate|api|worker`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr

from shared import db
from shared.process import Service, Worker, main
from shared.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI


class NotifySettings(Settings):
    """What notify needs beside what every service does: the mail server."""

    smtp: str  # host:port
    mail_from: str = "vanthu@localhost"
    smtp_security: Literal["plain", "starttls", "tls"] = "plain"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    expiry_days: str = "60 30 14 7 1"  # days ahead at which the end of a certificate is told

    @property
    def expiry_thresholds(self) -> tuple[int, ...]:
        return tuple(int(days) for days in self.expiry_days.split())


def api(settings: NotifySettings, pool: db.Pool) -> FastAPI:
    from services.notify.api import router
    from services.notify.consumer import follower
    from services.notify.stream import Stream
    from shared.http import create_app

    app = create_app("notify", pool, router, follower=follower(), source=settings.source)
    app.state.source = settings.source
    app.state.stream = Stream(pool)
    return app


def worker(settings: NotifySettings, pool: db.Pool) -> Worker:
    from services.notify import answering, consumer, mail, mailing, pulse

    server = mail.MailServer(
        address=settings.smtp,
        sender=settings.mail_from,
        security=settings.smtp_security,
        user=settings.smtp_user,
        password=settings.smtp_password,
    )
    return Worker(
        follower=consumer.follower(),
        jobs={
            mailing.MAIL: mailing.mail_kind(pool, server, settings.portal_url),
            answering.ANSWER: answering.answer_kind(pool, server),
        },
        loops={
            "expiry": pulse.expiry(
                pool, settings.source, settings.expiry_thresholds, stale_after=settings.registry_stale_after
            )
        },
    )


if __name__ == "__main__":
    main(Service(name="notify", settings=NotifySettings, api=api, worker=worker))
