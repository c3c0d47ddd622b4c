"""One working day: recorded without signal, with a photo, watched, then synced and sent.

Arguments: address of the server, staff number, password, a folder for the phone's files, a photo. A server to try it
on: ``gridlog-server dev``, which prints sign-ins.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
import sys

import gridlog
from gridlog import EnrolOptions, FieldValue, Finding, GridlogError, NewReport, NewVisit, PhotoRole, Place, Query


class Offline(gridlog.Connectivity):
    """The system's word on the network: there is none."""

    def is_online(self) -> bool:
        return False


class KeyFile(gridlog.KeyStore):
    """Keeps the key in a file. On a phone it belongs in the system's key store."""

    def __init__(self, file: pathlib.Path) -> None:
        self.file = file

    def store_key(self) -> bytes:
        if not self.file.exists():
            self.file.touch(mode=0o600)
            self.file.write_bytes(os.urandom(32))
        return self.file.read_bytes()


def record(phone: gridlog.GridlogPhone, photo: str) -> str:
    """The day, with no signal at all. Every call returns when its change is on the disk."""
    patrol = phone.start_patrol(route="梓园路一线")
    phone.inspect(patrol, "路灯", Finding.PROBLEM, "3号灯不亮")
    case = phone.report(
        NewReport(
            title="人行道井盖缺失",
            category="01014",
            condition="缺失",
            description="已放警示桩。",
            place=Place(address=["梓园路", "12号"]),
            patrol=patrol,
        )
    )
    asyncio.run(phone.attach(case, photo, PhotoRole.NEAR))
    phone.edit(case, {"title": FieldValue.TEXT("人行道井盖缺失两处")})
    phone.comment(case, "天黑前要处理")
    phone.visit(NewVisit(outcome="nobody_home", household="3栋201"))
    phone.finish_patrol(patrol, "已劝离占道")
    return case


async def sync_until_in_log(phone: gridlog.GridlogPhone) -> None:
    """The server may answer 已收到 first and rule a moment later."""
    while not phone.all_in_log():
        report = await phone.sync()
        await asyncio.sleep((report.retry_after_ms or 50) / 1000)


def main(server: str, person: str, password: str, folder: str, photo: str) -> None:
    home = pathlib.Path(folder)
    home.mkdir(parents=True, exist_ok=True)
    keys, marker = KeyFile(home / "key"), gridlog.FileMarker(home / "marker")
    with gridlog.opened(home / "phone.db", server, keys=keys, marker=marker) as phone:
        if phone.identity() is None:
            options = EnrolOptions(person=person, password=password, device_name="one day")
            print("登录 signed in:", asyncio.run(phone.enrol(options)).person.name)

        def show(update: gridlog.ListUpdate) -> None:
            print(f"列表 list {update.number}: {len(update.rows)}")

        phone.set_connectivity(Offline())
        with gridlog.watching(phone, Query(mine_only=True), show):
            case = record(phone, photo)
            try:
                asyncio.run(phone.sync())
            except GridlogError.TryLater as error:
                print("无信号 no signal:", error.zh)
            phone.set_connectivity(None)
            asyncio.run(sync_until_in_log(phone))
            # An app that is open awaits ``stay_in_sync`` instead, which sends photos too.
            sent = asyncio.run(phone.send_files())
            print(f"照片 photos sent: {phone.status().files.on_server}, {sent.bytes_sent} bytes")
        row = phone.show(case).row
        print(row.headline, gridlog.standing_zh(row.standing), gridlog.stage_zh(row.stage))


if __name__ == "__main__":
    main(*sys.argv[1:])
