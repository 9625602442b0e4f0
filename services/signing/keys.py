"""The agencies' seal keys in a PKCS#11 device: a pool of processes that drive it, and who may use them for what.

Each process of the pool has one session and one login (key_device.py). Whoever seals in another process gets no PIN
and no pool, only a permit for one seal: which keys, how many signatures, until the work is done.
"""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import queue
import secrets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Client, Connection, Listener
from typing import Any, Protocol

from services.signing.key_device import Key, serve
from services.signing.mechanism import Mechanism
from services.signing.refusals import KEY_DEVICE_UNAVAILABLE, PIN_WRONG, SEAL_KEY_MISSING
from services.signing.refusals_seal import SEAL_NOT_PERMITTED, SEAL_TOKEN_ABSENT
from shared.errors import Rejected

__all__ = ["Key", "KeyStore", "Keys", "PermittedKeys", "SealKey", "find_first_seal", "find_seal"]

ANSWER_WITHIN = 30.0  # seconds; generating an RSA key on a slow device is the longest
_spawn = multiprocessing.get_context("spawn")
_lock = threading.Lock()
_pools: dict[KeyStore, _Pool] = {}


class Keys(Protocol):
    """What a seal needs of a device, in whichever process it is made."""

    def find_key(self, spki: bytes) -> Key | None: ...
    def sign(self, label: str, digest: bytes, mechanism: Mechanism) -> bytes: ...


@dataclass(frozen=True, slots=True)
class KeyStore:
    """Where the keys are: PKCS#11 module, token label, user PIN; `processes` drive it at the same time.

    Every call may raise Rejected(key_device_unavailable, seal_token_absent), both to be tried again, or, once for all
    processes and without another try, Rejected(pin_wrong).
    """

    module: str
    token: str
    pin: str = field(repr=False)
    processes: int = 1

    def list_keys(self) -> tuple[Key, ...]:
        """All key pairs of the token, by label."""
        return tuple(self._pool().ask("keys"))

    def find_key(self, spki: bytes) -> Key | None:
        """The key pair with this public key (DER)."""
        return self._pool().find(spki)

    def generate(self, label: str, *, kind: str = "rsa2048") -> Key:
        """A new key pair ("rsa2048", "rsa3072" or "p256") that can't leave the device."""
        key: Key = self._pool().ask("generate", label, kind)
        return key

    def csr(self, label: str, *, common_name: str, organisation: str | None = None) -> str:
        """A PKCS#10 request (PEM) for the key with this label, signed by it."""
        request: str = self._pool().ask("csr", label, common_name, organisation)
        return request

    def sign(self, label: str, digest: bytes, mechanism: Mechanism) -> bytes:
        """The raw signature over a digest, whose length says which one it is: RSA's bytes, or r || s."""
        signature: bytes = self._pool().ask("sign", label, digest, mechanism)
        return signature

    @contextlib.contextmanager
    def permit(self, spkis: frozenset[bytes], *, signatures: int) -> Iterator[PermittedKeys]:
        """Keys that another process of ours may use while this lasts: those named, for so many signatures."""
        yield from self._pool().door().admit(spkis, signatures)

    def close(self) -> None:
        """End this process's connections to the device."""
        with _lock:
            pool = _pools.pop(self, None)
        if pool:
            pool.close()

    def _pool(self) -> _Pool:
        with _lock:
            return _pools.setdefault(self, _Pool(self))


@dataclass(frozen=True, slots=True)
class PermittedKeys:
    """The worker's pool as another process reaches it: through a socket of the worker's own, with a permit's word."""

    address: str
    word: bytes = field(repr=False)

    def find_key(self, spki: bytes) -> Key | None:
        found: Key | None = self._ask("find", spki)
        return found

    def sign(self, label: str, digest: bytes, mechanism: Mechanism) -> bytes:
        signature: bytes = self._ask("sign", label, digest, mechanism)
        return signature

    def _ask(self, act: str, *arguments: object) -> Any:
        try:
            with Client(self.address, "AF_UNIX") as line:
                line.send((self.word, act, arguments))
                answer = line.recv()
        except (EOFError, OSError) as error:
            raise Rejected(KEY_DEVICE_UNAVAILABLE, why=type(error).__name__) from error
        if isinstance(answer, Rejected):
            raise answer
        return answer


@dataclass(frozen=True, slots=True)
class SealKey:
    """One agency's seal: its certificate (DER) with chain, and the key in the device (a pdf.Sealer)."""

    store: Keys
    label: str
    certificate: bytes
    chain: tuple[bytes, ...]
    mechanism: Mechanism

    def sign(self, digest: bytes) -> bytes:
        return self.store.sign(self.label, digest, self.mechanism)


def find_seal(store: Keys, certificate: bytes, chain: Sequence[bytes], *, pss: bool = False) -> SealKey:
    """The seal whose key belongs to this certificate; Rejected(seal_key_missing) when the device has none."""
    spki = public_key_of(certificate)
    key = store.find_key(spki)
    if key is None:
        raise Rejected(SEAL_KEY_MISSING, label=hashlib.sha256(spki).hexdigest()[:16])
    rsa = Mechanism.RSA_PSS if pss else Mechanism.RSA_PKCS1
    return SealKey(store, key.label, certificate, tuple(chain), Mechanism.ECDSA if key.algorithm == "ec" else rsa)


def find_first_seal(store: Keys, certificates: Sequence[tuple[bytes, Sequence[bytes]]], *, pss: bool) -> SealKey:
    """The first certificate, with its chain, whose key is in the device: after a renewal the newer key may not be there
    yet. Rejected(seal_key_missing), of the first, when none is.
    """
    missing: Rejected | None = None
    for certificate, above in certificates:
        try:
            return find_seal(store, certificate, above, pss=pss)
        except Rejected as error:
            if error.code != SEAL_KEY_MISSING.code:
                raise
            missing = missing or error
    raise missing or Rejected(SEAL_KEY_MISSING, label="-")


def public_key_of(certificate: bytes) -> bytes:
    """The DER of SubjectPublicKeyInfo of a certificate (DER)."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from cryptography.x509 import load_der_x509_certificate

    public = load_der_x509_certificate(certificate).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


class _Pool:
    """The processes of one device in this process. Requests go to whichever is free, the last used first."""

    def __init__(self, store: KeyStore) -> None:
        self._free: queue.LifoQueue[_Device] = queue.LifoQueue()
        self._devices = [_Device(store, self) for _ in range(store.processes)]
        for device in reversed(self._devices):
            self._free.put(device)
        self._known: dict[bytes, Key] = {}
        self._door: _Door | None = None
        self._lock = threading.Lock()
        # One process logs in at a time, and after a refused PIN none does: a device locks after a few.
        self.logging_in = threading.Lock()
        self.refused: Rejected | None = None

    def ask(self, act: str, *arguments: object) -> Any:
        if self.refused:
            raise self.refused
        device = self._free.get()
        try:
            return device.ask(act, *arguments)
        finally:
            self._free.put(device)

    def find(self, spki: bytes) -> Key | None:
        """Looked up in the device when it is not known yet: a key may have been made since."""
        if spki not in self._known:
            self._known = {key.spki: key for key in self.ask("keys")}
        return self._known.get(spki)

    def door(self) -> _Door:
        with self._lock:
            self._door = self._door or _Door(self)
            return self._door

    def close(self) -> None:
        if self._door:
            self._door.close()
        for device in self._devices:
            device.close()


class _Device:
    """The pool's end of one process that drives the device; started when first asked, again when it died."""

    def __init__(self, store: KeyStore, pool: _Pool) -> None:
        self._store = store
        self._pool = pool
        self._busy = threading.Lock()
        self._process: Any = None
        self._pipe: Connection | None = None

    def ask(self, act: str, *arguments: object) -> Any:
        with self._busy:
            for last in (False, True):
                try:
                    if self._pipe is None:
                        self._start()
                    return self._once(act, arguments)
                except (EOFError, OSError) as error:
                    self._stop()
                    # A lost signature is only wasted; a key that may have been made is looked for, not made anew.
                    if last or act == "generate":
                        raise Rejected(KEY_DEVICE_UNAVAILABLE, why=type(error).__name__) from error
            raise AssertionError

    def close(self) -> None:
        with self._busy:
            self._stop()

    def _once(self, act: str, arguments: tuple[object, ...]) -> Any:
        assert self._pipe is not None  # noqa: S101  _start sets it
        self._pipe.send((act, arguments))
        if not self._pipe.poll(ANSWER_WITHIN):
            raise TimeoutError
        answer = self._pipe.recv()
        if isinstance(answer, Rejected):
            if answer.code == PIN_WRONG.code:
                self._pool.refused = answer
            if answer.code in (PIN_WRONG.code, KEY_DEVICE_UNAVAILABLE.code, SEAL_TOKEN_ABSENT.code):
                self._stop()
            raise answer
        return answer

    def _start(self) -> None:
        with self._pool.logging_in:
            if self._pool.refused:
                raise self._pool.refused
            ours, theirs = _spawn.Pipe()
            store = (self._store.module, self._store.token, self._store.pin)
            self._process = _spawn.Process(target=serve, args=(theirs, *store), name="pkcs11", daemon=True)
            self._process.start()
            theirs.close()
            self._pipe = ours
            self._once("open", ())

    def _stop(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.join(2)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
        self._pipe = self._process = None


@dataclass(slots=True)
class _Permit:
    spkis: frozenset[bytes]
    left: int


class _Door:
    """A socket through which other processes of ours use permitted keys."""

    def __init__(self, pool: _Pool) -> None:
        self._pool = pool
        self._permits: dict[bytes, _Permit] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._listener = Listener(family="AF_UNIX", backlog=16)  # in multiprocessing's folder, which only we may enter
        threading.Thread(target=self._listen, name="seal-keys", daemon=True).start()

    def admit(self, spkis: frozenset[bytes], signatures: int) -> Iterator[PermittedKeys]:
        word = secrets.token_bytes(32)
        with self._lock:
            self._permits[word] = _Permit(spkis, signatures)
        try:
            yield PermittedKeys(str(self._listener.address), word)
        finally:
            with self._lock:
                del self._permits[word]

    def close(self) -> None:
        self._closed = True
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                line = self._listener.accept()
            except OSError:
                if self._closed:
                    return
                continue
            threading.Thread(target=self._answer, args=(line,), name="seal-keys-call", daemon=True).start()

    def _answer(self, line: Connection) -> None:
        with line, contextlib.suppress(EOFError, OSError):
            word, act, arguments = line.recv()
            try:
                answer = self._do(word, act, arguments)
            except Rejected as error:
                answer = error
            line.send(answer)

    def _do(self, word: bytes, act: str, arguments: tuple[Any, ...]) -> Any:
        """Only keys of the permit are found, and only so many signatures are made."""
        with self._lock:
            permit = self._permits.get(word)
            if permit is None:
                raise Rejected(SEAL_NOT_PERMITTED)
        if act == "find":
            return self._pool.find(*arguments) if arguments[0] in permit.spkis else None
        label, digest, mechanism = arguments
        if label not in {key.label for spki in permit.spkis if (key := self._pool.find(spki))}:
            raise Rejected(SEAL_NOT_PERMITTED)
        with self._lock:
            if permit.left < 1:
                raise Rejected(SEAL_NOT_PERMITTED)
            permit.left -= 1
        return self._pool.ask("sign", label, digest, mechanism)
