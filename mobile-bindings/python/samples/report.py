"""Twenty lines: report a problem and see it in the log. Arguments: server, staff number, password."""
import asyncio, os, pathlib, sys, tempfile
import gridlog

class Keys(gridlog.KeyStore):
    key = os.urandom(32)  # An app keeps it in the system's key store.
    def store_key(self):
        return self.key

server, person, password = sys.argv[1:]
store = pathlib.Path(tempfile.mkdtemp()) / "phone.db"
with gridlog.opened(store, server, keys=Keys(), marker=gridlog.FileMarker(f"{store}.marker")) as phone:
    asyncio.run(phone.enrol(gridlog.EnrolOptions(person=person, password=password, device_name="script")))
    case = phone.report(gridlog.NewReport(title="井盖缺失", category="01014"))
    while not phone.all_in_log():
        asyncio.run(phone.sync())
    row = phone.show(case).row
    print(row.headline, gridlog.standing_zh(row.standing), gridlog.stage_zh(row.stage))
