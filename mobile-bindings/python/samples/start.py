"""Arguments: address of the server, staff number, password, a folder for the phone's files, a photo."""

import asyncio
import os
import pathlib
import sys

import gridlog
from gridlog import EnrolOptions, Finding, NewReport, PhotoRole, Query


class Keys(gridlog.KeyStore):
    """On a phone: the system's key store. 手机上用系统密钥库"""

    def __init__(self, file: pathlib.Path) -> None:
        self.file = file

    def store_key(self) -> bytes:
        if not self.file.exists():
            self.file.write_bytes(os.urandom(32))
        return self.file.read_bytes()


def show(update: gridlog.ListUpdate) -> None:
    print("；".join(f"{row.headline} {gridlog.standing_zh(row.standing)}" for row in update.rows))


async def main(server: str, person: str, password: str, folder: str, photo: str) -> None:
    home = pathlib.Path(folder)
    home.mkdir(parents=True, exist_ok=True)
    marker = gridlog.FileMarker(home / "marker")
    with gridlog.opened(home / "phone.db", server, keys=Keys(home / "key"), marker=marker) as phone:
        if phone.identity() is None:  # 需要信号，仅一次 with signal, once
            await phone.enrol(EnrolOptions(person=person, password=password, device_name="my phone"))

        # 以下不需要信号 no signal needed from here on
        patrol = phone.start_patrol()
        phone.inspect(patrol, "井盖", Finding.PROBLEM, "缺失")
        case = phone.report(NewReport(title="人行道井盖缺失", category="01014", patrol=patrol))
        await phone.attach(case, photo, PhotoRole.NEAR)

        # 列表：先给快照，有变化再给更新 the list: as it is, and again whenever it changes
        with gridlog.watching(phone, Query(mine_only=True), show):
            # 应用打开期间保持同步，照片一并发送 in sync while the app is open; photos go too
            syncing = asyncio.create_task(phone.stay_in_sync())
            while not phone.all_in_log() or phone.status().files.on_server == 0:
                await asyncio.sleep(0.1)
            print("照片已上传，全部已入卷 the photo is sent, everything is in the log")
            syncing.cancel()


asyncio.run(main(*sys.argv[1:]))
