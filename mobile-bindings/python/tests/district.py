"""A small district for the tests: one community, one grid, its staff, and the real server."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys
import threading

PYTHON = pathlib.Path(__file__).resolve().parents[1]
DATA = PYTHON.parents[1] / "data"
if str(PYTHON) not in sys.path:
    sys.path.insert(0, str(PYTHON))

AREAS = """\
code,name,level,parent,valid_from,valid_to
430111,雨花区,district,,2025-01-01,
430111003,左家塘街道,street,430111,2025-01-01,
430111003001,第1社区,community,430111003,2025-01-01,
43011100300101,第1网格,grid,430111003001,2025-01-01,
43011100300102,第2网格,grid,430111003001,2025-01-01,
"""

GRID = "43011100300101"
OTHER_GRID = "43011100300102"

PASSWORD = "correct horse battery"


def people(grids: dict[str, str]) -> str:
    """The staff, each with the grid that they walk."""
    lines = ["id,name,password,role,area,department,valid_from,valid_to,enabled"]
    for person, grid in grids.items():
        lines.append(
            f"{person},网格员 {person[1:]},{PASSWORD},grid_worker,{grid},,2025-01-01,,true"
        )
    return "\n".join(lines) + "\n"


READY = "listening on http://"
READY_SECONDS = 60
END_SECONDS = 20


class District:
    """The server, with its data in a folder of its own. It may be switched off and on again."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._program = os.environ.get("GRIDLOG_SERVER")
        if not self._program:
            raise RuntimeError(
                "未指定服务器程序 GRIDLOG_SERVER names no server; run: cargo xtask test python"
            )
        # What is meant for the tests, or for another server, is no setting of this one.
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("GRIDLOG_")
        }
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self.appoint({"W001": GRID, "W002": GRID})

    def appoint(self, grids: dict[str, str]) -> None:
        """Says who walks which grid. A server that is switched on learns of it when it starts again."""
        (self._folder / "areas.csv").write_text(AREAS, encoding="utf-8")
        (self._folder / "people.csv").write_text(people(grids), encoding="utf-8")
        files = {
            "--areas": self._folder / "areas.csv",
            "--people": self._folder / "people.csv",
            "--catalogue": DATA / "catalogue.json",
            "--checklists": DATA / "checklists.json",
            "--calendar": DATA / "calendar.json",
        }
        arguments = [str(part) for pair in files.items() for part in pair]
        with self._log() as log:
            loaded = subprocess.run(
                [self._program, "load", "--data", str(self._data), *arguments],
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        if loaded.returncode != 0:
            raise self._failed()

    @property
    def _data(self) -> pathlib.Path:
        return self._folder / "server"

    def _log(self):
        return open(self._folder / "server.log", "a", encoding="utf-8")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def switch_on(self) -> None:
        """Starts the server, at the port that it had before."""
        with self._log() as log:
            self._process = subprocess.Popen(
                [
                    self._program,
                    "serve",
                    "--data",
                    str(self._data),
                    "--listen",
                    f"127.0.0.1:{self._port}",
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._environment,
            )
        # A server that says nothing is ended, so that the reading below ends too.
        too_long = threading.Timer(READY_SECONDS, self._process.kill)
        too_long.start()
        try:
            for line in self._process.stdout:
                if line.startswith(READY):
                    self._port = int(line.strip().rstrip("/").rpartition(":")[2])
                    return
        finally:
            too_long.cancel()
        self.switch_off()
        raise self._failed()

    def _failed(self) -> RuntimeError:
        log = (self._folder / "server.log").read_text(encoding="utf-8")
        return RuntimeError(f"服务器没有启动 the server did not start:\n{log}")

    def switch_off(self) -> None:
        """Ends the server; phones are offline then."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._process = None


class SilentServer:
    """Takes connections and never answers: the worst kind of signal."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.reached = threading.Event()
        self._lock = threading.Lock()
        self._closed = False
        self._connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                # Closing a listener does not wake who waits on it: one more may come.
                if self._closed:
                    connection.close()
                    return
                self._connections.append(connection)
            self.reached.set()

    def close(self) -> None:
        """Drops every connection and takes no more."""
        with self._lock:
            self._closed = True
            self._listener.close()
            while self._connections:
                self._connections.pop().close()
