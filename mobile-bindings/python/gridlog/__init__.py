"""Gridlog 格志: the phone's engine for Python.

What is here is generated from ``crates/ffi`` (``cargo xtask bindings python``), and a few lines that
make it read like Python::

    import asyncio
    import gridlog

    with gridlog.opened("phone.db", "https://grid.example", keys=keys, marker=marker) as phone:
        asyncio.run(phone.enrol(gridlog.EnrolOptions(
            person="W001", password=password, device_name="tablet")))
        phone.report(gridlog.NewReport(title="井盖缺失", category="01014"))
        asyncio.run(phone.sync())

Calls that record and read block for milliseconds; ``enrol``, ``sign_in`` and ``sync`` are
coroutines. A coroutine that is cancelled ends its work. Errors are ``GridlogError`` with ``code``,
``zh`` and ``en``. Listeners and sinks are called on threads of the engine.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import typing


class OtherLibrary(ImportError):
    """The native library is missing, or not of the build that the bindings were generated from.

    It comes from ``import gridlog`` itself: a library of another build would take one record for another, and may end
    the process. Like every error it has ``code``, ``zh`` and ``en``.
    """

    def __init__(self, en: str) -> None:
        self.code = "other_api"
        self.zh = "应用组件版本不一致，请重新安装应用"
        self.en = en
        super().__init__(f"{en} ({self.code})")


try:
    from . import gridlog_ffi as _generated
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        "绑定尚未生成，请先运行 the bindings are not generated yet; run: cargo xtask bindings python",
        name=missing.name,
    ) from missing
except (AttributeError, OSError) as unusable:  # A call that the library lacks; no library at all.
    raise OtherLibrary(
        "the native library gridlog_ffi is missing, or older than the bindings: build it again and generate them from "
        f"it (cargo xtask bindings python), and ship both from one build ({unusable})"
    ) from unusable
if (_refusal := _generated.surface_refusal()) is not None:
    raise OtherLibrary(_refusal)
from .gridlog_ffi import *  # noqa: E402,F401,F403: the generated module says what is public.

# A thread of the engine that were in a listener when the interpreter ends would take the process down.
atexit.register(_generated.end_callbacks)


@contextlib.contextmanager
def opened(
    store: str | os.PathLike[str],
    server: str,
    *,
    keys: _generated.KeyStore,
    marker: _generated.GenerationMarker,
) -> typing.Iterator[_generated.GridlogPhone]:
    """Opens a phone and shuts it down at the end of the block."""
    options = _generated.OpenOptions(store_path=os.fspath(store), server=server)
    phone = _generated.GridlogPhone.open(options, keys, marker)
    try:
        yield phone
    finally:
        phone.shut_down()


@contextlib.contextmanager
def watching(
    phone: _generated.GridlogPhone,
    query: _generated.Query,
    on_rows: typing.Callable[[_generated.ListUpdate], None],
) -> typing.Iterator[None]:
    """Calls ``on_rows`` on a thread of the engine, at once and after every change, while the block
    runs."""

    class Listener(_generated.RowsListener):
        def on_rows(self, update: _generated.ListUpdate) -> None:
            on_rows(update)

    subscription = phone.watch(query, Listener())
    try:
        yield
    finally:
        subscription.stop()


class FileMarker(_generated.GenerationMarker):
    """Keeps the generation marker in a file, which belongs where backups do not reach."""

    def __init__(self, file: str | os.PathLike[str]) -> None:
        self._file = os.fspath(file)

    def read(self) -> bytes | None:
        try:
            with open(self._file, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def write(self, generation: bytes) -> None:
        part = f"{self._file}.part"
        with open(part, "wb") as file:
            file.write(generation)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, self._file)


__all__ = [*_generated.__all__, "FileMarker", "OtherLibrary", "opened", "watching"]
