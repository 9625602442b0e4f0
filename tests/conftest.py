"""Rules for every test: the real parts on request, no network but loopback, no error in the log that nobody expected."""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import socket
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.support.kafka", "tests.support.postgres", "tests.support.stack"]

# Neither the zone of the machines (UTC) nor the one on paper (Hà Nội): a time without a zone shows itself.
os.environ["TZ"] = os.environ.get("VANTHU_TEST_ZONE", "America/St_Johns")
time.tzset()

# No speed is measured by an example that stood still on a busy machine. What is tried on each change is the same each
# time, so that who changed something is told of that alone; the full suite looks for new examples.
settings.register_profile("new", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("same", settings.get_profile("new"), derandomize=True, database=None)


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("same" if config.option.markexpr == "not full" else "new")


# Files that take longest: they are begun first, so that test processes side by side end at about the same time. (None of
# the browser's: on a stack that both meet, the story is told before people change how documents go their way.)
LONGEST = (
    "registry/test_life.py",
    "registry/test_rights.py",
    "registry/test_followers.py",
    "interop/test_matrix.py",
    "interop/test_attacks.py",
    "docs/test_need_to_know.py",
    "signing/test_stopping.py",
    "verify/test_flips.py",
    "clients/test_token_registry.py",
    "clients/test_commands.py",
    "system/test_kills.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: number for number, name in enumerate(LONGEST)}

    def place(item: pytest.Item) -> int:
        folder, _, name = item.nodeid.partition("::")[0].removeprefix("tests/").partition("/")
        # What is wrong with a contract is said first of all.
        return -1 if folder == "contracts" else places.get(f"{folder}/{name}", len(places))

    items.sort(key=place)


class NetworkBlocked(PermissionError):
    """A test tried to leave the machine."""


def _guard(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(str(address[0])):
            raise NetworkBlocked(f"connection to {address!r}: tests stay on this machine")
        return connect(self, address)

    return guarded


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback
    except ValueError:
        return False  # a name: resolving it would already leave the machine


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _guard(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", _guard(socket.socket.connect_ex))
        yield


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def expected_errors() -> list[str]:
    """Regular expressions of the errors that this test provokes: `expected_errors.append("seal .* refused")`."""
    return []


@pytest.fixture(autouse=True)
def _no_unexpected_errors(expected_errors: list[str]) -> Iterator[None]:
    handler = _Errors()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
    said = [f"{record.name}: {record.getMessage()}" for record in handler.records]
    unexpected = [line for line in said if not any(re.search(pattern, line) for pattern in expected_errors)]
    assert not unexpected, "errors were logged that this test does not expect:\n" + "\n".join(unexpected)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What hostile input left in the log goes from one test process to the other as UTF-8, which a lone surrogate isn't."""
    report = yield
    report.sections = [(name, said.encode(errors="backslashreplace").decode()) for name, said in report.sections]
    return report
