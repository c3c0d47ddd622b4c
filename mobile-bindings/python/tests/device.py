"""What the phone's system gives an app: a key store and a place that backups do not reach."""

from __future__ import annotations

import os

import district  # noqa: F401: finds the package.
import gridlog


class Keys(gridlog.KeyStore):
    """A key store."""

    def __init__(self, key: bytes | None = None) -> None:
        self.key = os.urandom(32) if key is None else key

    def store_key(self) -> bytes:
        return self.key


class BrokenKeys(gridlog.KeyStore):
    """A key store that throws what nobody declared."""

    def store_key(self) -> bytes:
        raise RuntimeError("the key is 0123456789")


class LockedKeys(gridlog.KeyStore):
    """A key store before the first unlock."""

    def store_key(self) -> bytes:
        raise gridlog.HostError.Failed(code="device_locked")


class Marker(gridlog.GenerationMarker):
    """A place for the generation marker."""

    def __init__(self) -> None:
        self.stored: bytes | None = None

    def read(self) -> bytes | None:
        return self.stored

    def write(self, generation: bytes) -> None:
        self.stored = generation
