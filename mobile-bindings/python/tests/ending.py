"""Ends while a listener of a watch runs, and without stopping anything. Argument: a folder."""

from __future__ import annotations

import pathlib
import sys
import threading
import time

import district  # noqa: F401: finds the package.
import gridlog
from device import Keys, Marker

running = threading.Event()


class Slow(gridlog.RowsListener):
    def on_rows(self, update):
        print("in the listener", flush=True)
        running.set()
        for _ in range(50):
            time.sleep(0.01)


class Last:
    """Makes the end of the interpreter take a while, as that of a large program does."""

    def __del__(self):
        time.sleep(1)


options = gridlog.OpenOptions(
    store_path=str(pathlib.Path(sys.argv[1]) / "phone.db"), server="http://127.0.0.1:9"
)
phone = gridlog.GridlogPhone.open(options, Keys(), Marker())
watch = phone.watch(gridlog.Query(), Slow())
last = Last()
running.wait()
