"""Ends while a thread of the engine is in the app's code. Arguments: how it got there, a folder."""

from __future__ import annotations

import asyncio
import pathlib
import sys
import threading
import time

import district  # noqa: F401: finds the package.
import gridlog
from device import Keys, Marker

inside = threading.Event()


def dawdle():
    """What the app does on the engine's thread: it takes a while, and wants the interpreter in between."""
    print("inside", flush=True)
    inside.set()
    for _ in range(50):
        time.sleep(0.01)


class Last:
    """Makes the end of the interpreter take a while, as that of a large program does."""

    def __del__(self):
        time.sleep(1)


class Listener(gridlog.RowsListener):
    def on_rows(self, update):
        if way == "called":
            dawdle()

    def __del__(self):
        if way == "let_go":
            dawdle()


class Loop(asyncio.SelectorEventLoop):
    """One that takes a while to say that a future is ready."""

    def call_soon_threadsafe(self, *arguments, **named):
        handle = super().call_soon_threadsafe(*arguments, **named)
        if threading.current_thread() is not threading.main_thread():
            dawdle()
        return handle


async def sync():
    try:
        await phone.sync()
    except gridlog.GridlogError:
        pass


way = sys.argv[1]
options = gridlog.OpenOptions(
    store_path=str(pathlib.Path(sys.argv[2]) / "phone.db"), server="http://127.0.0.1:9"
)
phone = gridlog.GridlogPhone.open(options, Keys(), Marker())
if way == "told":
    loop = Loop()
    loop.run_until_complete(sync())
else:
    watch = phone.watch(gridlog.Query(), Listener())
    if way == "let_go":
        watch.stop()
last = Last()
inside.wait()
