"""Builds the wheel: a PEP 517 backend with nothing to install.

A wheel is a zip with three lists in it (PEP 427). This one holds a library that cargo built, so there is
nothing for a build system of Python to compile, and a machine without an index builds it too.
"""

from __future__ import annotations

import base64
import hashlib
import pathlib
import sys
import sysconfig
import tomllib
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = HERE / "gridlog"
LIBRARIES = {"linux": "libgridlog_ffi.so", "darwin": "libgridlog_ffi.dylib", "win32": "gridlog_ffi.dll"}


def _tag() -> str:
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return f"py3-none-{platform}"


def _files() -> list[pathlib.Path]:
    files = [PACKAGE / name for name in ("__init__.py", "py.typed", "gridlog_ffi.py", LIBRARIES[sys.platform])]
    missing = [file.name for file in files if not file.exists()]
    if missing:
        raise FileNotFoundError(f"{', '.join(missing)}: run cargo xtask bindings python")
    return files


def _metadata(project: dict) -> str:
    return "\n".join([
        "Metadata-Version: 2.1",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"License: {project['license']}",
        f"Requires-Python: {project['requires-python']}",
        "",
    ])


def _record_line(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None) -> str:
    """Writes the wheel to ``wheel_directory`` and returns its name."""
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    stem = f"{project['name']}-{project['version']}"
    info = f"{stem}.dist-info"
    contents = {f"gridlog/{file.name}": file.read_bytes() for file in _files()}
    contents[f"{info}/METADATA"] = _metadata(project).encode()
    wheel = f"Wheel-Version: 1.0\nGenerator: gridlog\nRoot-Is-Purelib: false\nTag: {_tag()}\n"
    contents[f"{info}/WHEEL"] = wheel.encode()
    lines = [_record_line(name, content) for name, content in contents.items()]
    contents[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,", ""]).encode()
    name = f"{stem}-{_tag()}.whl"
    path = pathlib.Path(wheel_directory) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for inside, content in contents.items():
            archive.writestr(inside, content)
    return name


if __name__ == "__main__":
    print(build_wheel(sys.argv[1]))
