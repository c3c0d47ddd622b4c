"""The wheel, installed into a fresh environment, and the samples with it, against the real server."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from district import PYTHON

sys.path.insert(0, str(PYTHON))
import wheel_backend  # noqa: E402

SAMPLES = PYTHON / "samples"


class DevServer:
    """``gridlog-server dev``: the invented district, and what it printed."""

    def __init__(self, folder: pathlib.Path) -> None:
        program = os.environ["GRIDLOG_SERVER"]
        self._process = subprocess.Popen(
            [program, "dev", "--data", str(folder), "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.password = self._after("password: ")
        self.url = self._after("listening on ")

    def _after(self, mark: str) -> str:
        for line in self._process.stdout:
            if mark in line:
                return line.split(mark)[1].strip()
        raise RuntimeError(f"the server ended before it said {mark}")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()


class TestWheel(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_the_wheel_installs_into_a_fresh_environment_and_the_samples_run(self):
        wheel = self.folder / wheel_backend.build_wheel(self.folder)
        environment = self.folder / "environment"
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-index", wheel], check=True)
        server = DevServer(self.folder / "dev")
        self.addCleanup(server.close)

        def run(sample: str, *arguments: str) -> str:
            # In a folder of its own and without the variables of this run: the wheel alone is there.
            ended = subprocess.run(
                [python, "-I", "-X", "utf8", SAMPLES / sample, server.url, *arguments],
                cwd=self.folder,
                capture_output=True,
                encoding="utf-8",
            )
            self.assertEqual(ended.returncode, 0, ended.stderr)
            return ended.stdout

        said = run("report.py", "W002", server.password)
        self.assertEqual(said.split(), ["井盖缺失", "已入卷", "待受理"])
        photo = str(PYTHON.parent / "samples" / "manhole.jpg")
        said = run("start.py", "W001", server.password, str(self.folder / "tablet"), photo)
        self.assertIn("人行道井盖缺失 在本机", said)
        self.assertIn("照片已上传，全部已入卷", said)
        said = run("one_day.py", "W001", server.password, str(self.folder / "phone"), photo)
        self.assertIn("无信号 no signal", said)
        self.assertIn("photos sent: 1,", said)
        self.assertIn("人行道井盖缺失两处 已入卷 待受理", said)


if __name__ == "__main__":
    unittest.main()
