"""A package whose bindings and native library come from two builds: ``import gridlog`` refuses it."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from district import PYTHON
import wheel_backend

LIBRARY = wheel_backend.LIBRARIES[sys.platform]
BINDINGS = "gridlog_ffi.py"
IMPORT = """
try:
    import gridlog
except ImportError as error:
    print(type(error).__name__, error.code, error.zh)
    print(error.en)
else:
    print("let in", gridlog.versions().api)
"""


class TestLibrary(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.package = self.folder / "gridlog"
        shutil.copytree(PYTHON / "gridlog", self.package, ignore=shutil.ignore_patterns("__pycache__"))

    def imported(self) -> list[str]:
        """What a process of its own says when it imports the package."""
        ended = subprocess.run(
            [sys.executable, "-I", "-X", "utf8", "-c", f"import sys; sys.path.insert(0, {str(self.folder)!r}){IMPORT}"],
            capture_output=True,
            encoding="utf-8",
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return ended.stdout.splitlines()

    def rewrite(self, pattern: str, by: str) -> None:
        file = self.package / BINDINGS
        text, times = re.subn(pattern, by, file.read_text(encoding="utf-8"))
        self.assertGreater(times, 0, pattern)
        file.write_text(text, encoding="utf-8")

    def assertRefused(self, why: str) -> None:
        who, en = self.imported()
        self.assertEqual(who, "OtherLibrary other_api 应用组件版本不一致，请重新安装应用")
        self.assertIn(why, en)
        self.assertIn("ship both from one build", en)

    def test_the_package_as_it_is_built_is_let_in(self):
        self.assertTrue(self.imported()[0].startswith("let in"))

    def test_bindings_that_were_generated_from_another_surface_are_refused(self):
        # As they were before a field of a record came to be. No call differs, so nothing else would tell.
        self.rewrite(r" *engine=_UniffiFfiConverterString.read\(buf\),\n", "")
        self.rewrite(r'(?<=surface: str = )"[0-9a-f]{8}"', '"12ab34cd"')
        self.assertRefused("generated from surface 12ab34cd")

    def test_a_library_that_lacks_a_call_is_refused(self):
        self.rewrite("surface_refusal", "surface_refusal_of_tomorrow")
        self.assertRefused("is missing, or older than the bindings")

    def test_a_library_that_is_not_there_is_refused(self):
        (self.package / LIBRARY).unlink()
        self.assertRefused("is missing, or older than the bindings")


if __name__ == "__main__":
    unittest.main()
