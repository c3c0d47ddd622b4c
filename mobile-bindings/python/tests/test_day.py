"""A worker's day on a Python phone: recorded without signal, synced with the real server."""

from __future__ import annotations

import asyncio
import json
import pathlib
import queue
import subprocess
import sys
import tempfile
import time
import unittest

from district import GRID, OTHER_GRID, PASSWORD, District, SilentServer
import gridlog
from device import BrokenKeys, Keys, LockedKeys, Marker
from gridlog import (
    EnrolOptions,
    FieldValue,
    Finding,
    GridlogError,
    Kind,
    NewReport,
    NewVisit,
    Place,
    ProposalStanding,
    Query,
    Stage,
    Standing,
    Step,
    StepDetails,
    SyncCancel,
)

PATIENCE = 20.0
COVER = "01014"


class Phone:
    """One device: its folder, its key store, its marker."""

    def __init__(self, folder: pathlib.Path, name: str, server: str) -> None:
        self.name = name
        self.server = server
        self.store = folder / f"{name}.db"
        self.keys = Keys()
        self.marker = Marker()

    def opened(self, keys=None):
        return gridlog.opened(
            self.store, self.server, keys=keys or self.keys, marker=self.marker
        )

    def enrol(self, phone, person, password=PASSWORD):
        options = EnrolOptions(person=person, password=password, device_name=self.name)
        return asyncio.run(phone.enrol(options))


def sync(phone, cancel=None):
    return asyncio.run(phone.sync(cancel))


def titles(rows):
    return [row.headline for row in rows]


class Case(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def phone(self, name, server="http://127.0.0.1:9"):
        return Phone(self.folder, name, server)

    def refuses(self, variant, code, call):
        with self.assertRaises(variant) as caught:
            call()
        error = caught.exception
        self.assertEqual(error.code, code)
        self.assertTrue(error.zh and error.en)
        return error


class TestDay(Case):
    """With the real server."""

    def setUp(self) -> None:
        super().setUp()
        self.district = District(self.folder)
        self.district.switch_on()
        self.addCleanup(self.district.switch_off)

    def test_a_day_without_signal_is_in_the_log_by_the_evening(self):
        first = self.phone("first", self.district.url)
        with first.opened() as phone:
            identity = first.enrol(phone, "W001")
            self.assertEqual(identity.person.id, "W001")
            self.assertEqual(identity.person.assignments[0].role, gridlog.Role.GRID_WORKER)
            sync(phone)

            self.district.switch_off()
            case, patrol = self.record_a_day(phone)
            self.refuses(GridlogError.TryLater, "unreachable", lambda: sync(phone))
            status = phone.status()
            self.assertEqual(status.on_this_phone, status.recorded)
            self.assertGreaterEqual(status.recorded, 7)

            self.district.switch_on()
            self.sync_until_settled(phone)
            detail = phone.show(case)
            self.assertEqual(gridlog.standing_zh(detail.row.standing), "已入卷")
            self.assertEqual(detail.row.stage, Stage.REPORTED)
            self.assertEqual(gridlog.stage_zh(detail.row.stage), "待受理")
            self.assertEqual(detail.proposals[0].standing, ProposalStanding.ACCEPTED())
            self.assertIn("ruling", [line.what for line in detail.history])
            self.assertEqual(phone.status().admitted, status.recorded)

        second = self.phone("second", self.district.url)
        with second.opened() as phone:
            second.enrol(phone, "W002")
            self.assertEqual(phone.list(Query()), [])
            report = sync(phone)
            self.assertTrue(report.complete)
            row = phone.list(Query(kind=Kind.CASE, stage=Stage.REPORTED))[0]
            self.assertEqual((row.id, row.author, row.mine), (case, "W001", False))
            view = json.loads(phone.show(case).view_json)
            self.assertEqual(view["fields"]["title"], "园林井盖缺失两处")
            self.assertIsNotNone(phone.show(patrol))
            # Both work on one record from here on.
            phone.comment(case, "已通知养护单位")
            self.sync_until_settled(phone)

        with first.opened() as phone:
            sync(phone)
            self.assertEqual([row.id for row in phone.search("养护")], [case])

    def record_a_day(self, phone):
        """Everything that a worker does between two syncs."""
        patrol = phone.start_patrol(route="梓园路一线")
        phone.inspect(patrol, "路灯", Finding.PROBLEM, "3号灯不亮")
        case = phone.report(
            NewReport(
                title="园林井盖缺失",
                category=COVER,
                condition="缺失",
                description="人行道上，已放警示桩",
                place=Place(address=["梓园路", "12号"]),
                patrol=patrol,
            )
        )
        phone.edit(case, {"title": FieldValue.TEXT("园林井盖缺失两处")})
        phone.comment(case, "天黑前要处理")
        phone.visit(NewVisit(outcome="nobody_home", household="3栋201"))
        phone.finish_patrol(patrol, "已劝离占道")

        self.assertEqual(titles(phone.list(Query(kind=Kind.CASE))), ["园林井盖缺失两处"])
        self.assertEqual([row.id for row in phone.search("井盖")], [case])
        self.assertEqual([row.id for row in phone.search("灯")], [patrol])
        row = phone.list(Query(kind=Kind.CASE))[0]
        self.assertEqual(row.standing, Standing.ON_THIS_PHONE)
        self.assertEqual(gridlog.standing_zh(row.standing), "在本机")
        self.assertEqual(row.stage, Stage.UNREPORTED)
        self.assertEqual(row.expected_stage, Stage.REPORTED)
        return case, patrol

    def sync_until_settled(self, phone):
        """The server may answer `received` first and rule a moment later."""
        return self.sync_until(phone, lambda status: status.admitted == status.recorded)

    def sync_until(self, phone, is_so):
        deadline = time.monotonic() + PATIENCE
        while True:
            report = sync(phone)
            status = phone.status()
            if is_so(status):
                return report
            self.assertLess(time.monotonic(), deadline, status)
            time.sleep(0.05)

    def test_a_wrong_password_is_refused_and_the_phone_stays_nobodys(self):
        device = self.phone("first", self.district.url)
        with device.opened() as phone:
            with self.assertRaises(GridlogError.Server) as caught:
                device.enrol(phone, "W001", "wrong")
            self.assertTrue(caught.exception.zh)
            self.assertIsNone(phone.identity())
            self.refuses(
                GridlogError.SignIn,
                "not_enrolled",
                lambda: phone.report(NewReport(title="x", category=COVER)),
            )

    def test_a_listener_that_raises_breaks_no_write_and_is_called_again(self):
        lines: queue.Queue[gridlog.LogLine] = queue.Queue()

        class Sink(gridlog.LogSink):
            def log(self, line):
                lines.put(line)

        gridlog.set_log_sink(Sink())
        self.addCleanup(gridlog.set_log_sink, None)
        updates: queue.Queue[gridlog.ListUpdate] = queue.Queue()

        def broken_screen(update):
            updates.put(update)
            raise ValueError("住户张三")

        device = self.phone("first", self.district.url)
        with device.opened() as phone:
            device.enrol(phone, "W001")
            with gridlog.watching(phone, Query(), broken_screen):
                snapshot = updates.get(timeout=PATIENCE)
                self.assertEqual((snapshot.number, snapshot.rows), (1, []))
                for title in ["井盖一", "井盖二"]:
                    phone.report(NewReport(title=title, category=COVER))
                    update = updates.get(timeout=PATIENCE)
                    self.assertEqual(update.rows[0].headline, title)
                self.assertEqual(update.number, 3)
            self.assertEqual(len(phone.list(Query())), 2)
            phone.report(NewReport(title="井盖三", category=COVER))
            self.assertTrue(updates.empty(), "a watch that ended was called")

        reported = []
        while not any("a listener threw" in line.text for line in reported):
            reported.append(lines.get(timeout=PATIENCE))
        self.assertFalse(any("张三" in line.text for line in reported))

    def test_what_was_recorded_is_there_after_the_app_was_closed(self):
        device = self.phone("first", self.district.url)
        with device.opened() as phone:
            device.enrol(phone, "W001")
            case = phone.note_case(NewReport(title="楼道堆物", category=COVER))
            phone.comment(case, "住户同意明天清走")
            before = phone.show(case)
        self.refuses(GridlogError.Store, "shut_down", phone.status)
        with device.opened() as phone:
            self.assertEqual(phone.identity().device_name, "first")
            self.assertEqual(phone.show(case), before)
            phone.propose(case, Step.SELF_HANDLE, StepDetails(result="已清走"))
            self.sync_until_settled(phone)
            self.assertEqual(phone.show(case).row.stage, Stage.SELF_HANDLED)

    def test_an_edit_keeps_what_a_sync_brought_since_the_record_was_shown(self):
        first = self.phone("first", self.district.url)
        second = self.phone("second", self.district.url)
        with first.opened() as mine, second.opened() as theirs:
            first.enrol(mine, "W001")
            second.enrol(theirs, "W002")
            case = mine.report(NewReport(title="井盖缺失", category=COVER))
            self.sync_until_settled(mine)
            sync(theirs)
            shown = mine.show(case)
            theirs.edit(case, {"title": FieldValue.TEXT("井盖缺失两处")})
            self.sync_until_settled(theirs)
            sync(mine)
            mine.edit(case, {"title": FieldValue.TEXT("井盖破损")}, shown.revision)
            self.sync_until_settled(mine)
            sync(theirs)
            for phone in [mine, theirs]:
                view = json.loads(phone.show(case).view_json)
                self.assertEqual(view["fields"]["title"], "井盖破损")
                lost = [value["value"] for value in view["conflicts"][0]["lost"]]
                self.assertEqual(lost, ["井盖缺失两处"])
            # Whoever has seen both may end it.
            conflict = view["conflicts"][0]
            seen = [conflict["shown_op"], *(value["op"] for value in conflict["lost"])]
            theirs.resolve(case, "title", FieldValue.TEXT("井盖破损两处"), seen)
            self.sync_until_settled(theirs)
            sync(mine)
            view = json.loads(mine.show(case).view_json)
            self.assertEqual((view["fields"]["title"], view["conflicts"]), ("井盖破损两处", []))
            self.refuses(
                GridlogError.Input,
                "bad_revision",
                lambda: mine.edit(case, {"title": FieldValue.TEXT("x")}, "yesterday"),
            )

    def test_all_is_in_the_log_by_the_servers_signed_word_alone(self):
        device = self.phone("first", self.district.url)
        with device.opened() as phone:
            device.enrol(phone, "W001")
            phone.report(NewReport(title="井盖", category=COVER))
            self.assertFalse(phone.all_in_log())
            self.assertEqual(titles(phone.not_in_log()), ["井盖"])
            self.sync_until_settled(phone)
            report = asyncio.run(phone.verify())
            self.assertEqual((report.differing, report.complete), (0, True))
            self.assertTrue(phone.all_in_log())
            self.assertEqual(phone.not_in_log(), [])
            self.assertEqual(phone.set_aside(), [])
            phone.report(NewReport(title="路灯", category=COVER))
            self.assertFalse(phone.all_in_log())

    def test_what_leaves_with_a_grid_is_shown_before_it_goes(self):
        first = self.phone("first", self.district.url)
        second = self.phone("second", self.district.url)
        with first.opened() as author, second.opened() as moved:
            first.enrol(author, "W001")
            second.enrol(moved, "W002")
            author.report(NewReport(title="井盖", category=COVER))
            self.sync_until_settled(author)
            sync(moved)
            self.assertEqual((titles(moved.list(Query())), moved.leaving()), (["井盖"], []))

            self.district.switch_off()
            self.district.appoint({"W001": GRID, "W002": OTHER_GRID})
            self.district.switch_on()
            sync(moved)
            self.assertEqual(titles(moved.leaving()), ["井盖"])
            self.assertEqual(moved.status().leaving, 1)
            sync(moved)
            self.assertEqual((moved.list(Query()), moved.leaving()), ([], []))

            found = asyncio.run(author.search_online("井盖"))
            self.assertEqual([(row.headline, row.on_this_phone) for row in found], [("井盖", True)])
            self.assertEqual(asyncio.run(moved.search_online("井盖")), [])

    def test_what_was_sent_back_waits_for_the_worker_who_sends_it_again_or_lets_it_go(self):
        device = self.phone("first", self.district.url)
        with device.opened() as phone:
            device.enrol(phone, "W001")
            sync(phone)
            visit = phone.visit(NewVisit(outcome="nobody_home", area=OTHER_GRID))
            for _ in range(2):
                self.sync_until(phone, lambda status: status.needs_you == 1)
                item = phone.show(visit).needs_you[0]
                self.assertEqual(item.code, "area_never_held")
                self.assertFalse(phone.all_in_log())
                phone.retry(item.id)
                self.assertEqual(phone.status().on_this_phone, 1)
            self.sync_until(phone, lambda status: status.needs_you == 1)
            phone.dismiss(phone.show(visit).needs_you[0].id)
            self.assertEqual(phone.status().needs_you, 0)
            self.refuses(GridlogError.Input, "unknown_item", lambda: phone.dismiss(item.id))

    def test_shutting_down_ends_staying_in_sync(self):
        device = self.phone("first", self.district.url)

        async def stay(phone):
            staying = asyncio.create_task(phone.stay_in_sync())
            phone.report(NewReport(title="井盖", category=COVER))
            async with asyncio.timeout(PATIENCE):
                while not phone.all_in_log():
                    await asyncio.sleep(0.05)
            self.assertFalse(staying.done())
            phone.shut_down()
            async with asyncio.timeout(PATIENCE):
                await staying

        with device.opened() as phone:
            device.enrol(phone, "W001")
            asyncio.run(stay(phone))
        with device.opened() as phone:
            self.assertEqual(titles(phone.list(Query())), ["井盖"])

    def test_a_draft_is_reported_once(self):
        device = self.phone("first", self.district.url)
        with device.opened() as phone:
            device.enrol(phone, "W001")
            draft = phone.save_draft("{}")
            phone.save_draft('{"title": "井盖"}', draft)
            self.assertEqual([kept.json for kept in phone.drafts()], ['{"title": "井盖"}'])
            case = phone.report(NewReport(title="井盖", category=COVER), draft)
            self.assertEqual(phone.show(case).row.expected_stage, Stage.REPORTED)
            self.assertEqual(phone.drafts(), [])
            for call in [
                lambda: phone.report(NewReport(title="井盖", category=COVER), draft),
                lambda: phone.discard_draft(draft),
            ]:
                self.refuses(GridlogError.Input, "unknown_draft", call)
            self.assertEqual(titles(phone.list(Query())), ["井盖"])

    def test_what_does_not_fit_is_refused_by_its_code(self):
        device = self.phone("first", self.district.url)
        with device.opened() as phone:
            device.enrol(phone, "W001")
            case = phone.report(NewReport(title="井盖", category=COVER))
            for code, call in {
                "invalid_id": lambda: phone.show("no id"),
                "unknown_record": lambda: phone.comment(
                    "0190b5a0-7c1e-7000-8000-000000000001", "谁?"
                ),
                "unknown_field": lambda: phone.edit(case, {"titel": FieldValue.TEXT("x")}),
                "wrong_value": lambda: phone.edit(case, {"title": FieldValue.MOMENT(1)}),
                "entry_empty": lambda: phone.comment(case, " "),
            }.items():
                with self.subTest(code):
                    self.refuses(GridlogError.Input, code, call)
            self.assertEqual(phone.status().recorded, 1)

    def test_a_sync_that_was_cancelled_says_so_and_can_be_made_again(self):
        device = self.phone("first", self.district.url)
        with device.opened() as phone:
            device.enrol(phone, "W001")
            phone.report(NewReport(title="井盖", category=COVER))
            cancel = SyncCancel()
            cancel.cancel()
            self.refuses(GridlogError.Cancelled, "cancelled", lambda: sync(phone, cancel))
            self.assertEqual(phone.status().on_this_phone, 1)
            self.sync_until_settled(phone)

    def test_a_sync_that_nobody_waits_for_ends_by_itself(self):
        device = self.phone("first", self.district.url)
        with device.opened() as phone:
            device.enrol(phone, "W001")
            phone.report(NewReport(title="井盖", category=COVER))
        silent = SilentServer()
        self.addCleanup(silent.close)
        device.server = silent.url

        async def give_up(phone):
            syncing = asyncio.create_task(phone.sync())
            await asyncio.to_thread(silent.reached.wait, PATIENCE)
            syncing.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await syncing

        with device.opened() as phone:
            began = time.monotonic()
            asyncio.run(give_up(phone))
            self.assertLess(time.monotonic() - began, PATIENCE)
            # Its last request is still under way; recording does not mind.
            phone.report(NewReport(title="路灯", category=COVER))
            self.refuses(GridlogError.TryLater, "sync_running", lambda: sync(phone))
            silent.close()
            deadline = time.monotonic() + PATIENCE
            while True:
                with self.assertRaises(GridlogError.TryLater) as caught:
                    sync(phone)
                if caught.exception.code != "sync_running":
                    break
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
            self.assertEqual(phone.status().on_this_phone, 2)


class TestOpening(Case):
    """What an app meets before there is any server."""

    def test_another_key_is_refused_and_the_store_is_left_alone(self):
        device = self.phone("first")
        with device.opened():
            pass
        before = device.store.read_bytes()

        def open_with(keys):
            with device.opened(keys):
                self.fail("it opened")

        error = self.refuses(GridlogError.Store, "wrong_key", lambda: open_with(Keys()))
        self.assertIn("密钥", error.zh)
        self.refuses(GridlogError.Store, "bad_key", lambda: open_with(Keys(b"short")))
        self.assertEqual(device.store.read_bytes(), before)
        with device.opened():
            pass

    def test_a_key_store_that_fails_is_an_error_that_does_not_quote_it(self):
        device = self.phone("first")

        def open_with(keys):
            with device.opened(keys):
                self.fail("it opened")

        failed = self.refuses(
            GridlogError.Store, "key_store_failed", lambda: open_with(BrokenKeys())
        )
        self.assertNotIn("0123456789", str(failed))
        locked = self.refuses(
            GridlogError.Store, "key_store_failed", lambda: open_with(LockedKeys())
        )
        self.assertIn("device_locked", locked.en)
        self.assertFalse(device.store.exists())

    def test_an_address_that_is_none_is_refused(self):
        device = self.phone("first", "grid.example")

        def opening():
            with device.opened():
                self.fail("it opened")

        self.refuses(GridlogError.Input, "bad_address", opening)

    def test_an_interpreter_that_ends_while_a_listener_runs_ends_well(self):
        self.ends_well("called")

    def test_an_interpreter_that_ends_while_the_engine_lets_go_of_a_listener_ends_well(self):
        self.ends_well("let_go")

    def test_an_interpreter_that_ends_while_the_engine_says_that_a_sync_is_done_ends_well(self):
        self.ends_well("told")

    def ends_well(self, way):
        ended = subprocess.run(
            [sys.executable, pathlib.Path(__file__).with_name("ending.py"), way, self.folder],
            capture_output=True,
            text=True,
        )
        self.assertEqual((ended.returncode, ended.stdout), (0, "inside\n"), ended.stderr)


if __name__ == "__main__":
    unittest.main()
