import Foundation
import Gridlog
import Testing

/// Phones with the real library and the real server.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct PhoneTests {
    let folder: Folder
    let server: DevServer

    init() async throws {
        folder = try Folder()
        server = DevServer(in: folder.url.appendingPathComponent("dev"))
        try await server.switchOn()
    }

    private func device(_ name: String) -> Device { Device(name, in: folder) }

    @Test("A day without signal is in the log by the evening")
    func aDay() async throws {
        let phone = try await device("first").of("W001", at: server)
        try await phone.sync()
        await server.switchOff()
        let patrol = try await phone.startPatrol(route: "梓园路一线")
        try await phone.inspect("路灯", on: patrol, finding: .problem, note: "3号灯不亮")
        var new = report("人行道井盖缺失")
        new.description = "已放警示桩"
        new.place = Place(address: ["梓园路", "12号"])
        new.patrol = patrol
        let matter = try await phone.report(new)
        try await phone.comment("天黑前要处理", on: matter)
        try await phone.visit(NewVisit(outcome: "nobody_home", household: "3栋201"))
        try await phone.finishPatrol(patrol)
        let row = try #require(try await phone.list(Query(text: "人行道")).first)
        #expect(row.standing == .onThisPhone && row.standing.zh == "在本机")
        #expect(row.stage == .unreported && row.expectedStage == .reported)
        let error = try await refusal { try await phone.sync() }
        guard case .TryLater = error else { throw error }
        #expect(error.code == "unreachable")
        let recorded = try await phone.status().recorded

        try await server.switchOn()
        try await phone.syncUntilSettled()
        let detail = try #require(try await phone.show(matter))
        #expect(detail.row.stage == .reported)
        #expect(detail.proposals.map(\.standing) == [.accepted])
        #expect(detail.row.updatedAt >= detail.row.createdAt)
        #expect(abs(detail.row.createdAt.timeIntervalSinceNow) < 3600)
        #expect(try await phone.status().admitted == recorded)
        try await phone.verify()
        #expect(try await phone.allInLog())
    }

    @Test("A watch shows a snapshot first and then every change, and ends with its loop")
    func watch() async throws {
        let phone = try await device("first").of("W001", at: server)
        let (begun, began) = AsyncStream.makeStream(of: Void.self)
        let seen = Task {
            var updates: [ListUpdate] = []
            for await update in try await phone.watch() {
                updates.append(update)
                began.finish()
                if update.rows.contains(where: { $0.headline == "井盖二" }) { break }
            }
            return updates
        }
        for await _ in begun {}
        try await phone.report(report("井盖一"))
        try await phone.report(report("井盖二"))
        let updates = try await outcome(of: seen)
        #expect(updates.first?.rows.isEmpty == true)
        #expect(updates.last?.rows.map(\.headline) == ["井盖二", "井盖一"])
        #expect(updates.map(\.number) == updates.map(\.number).sorted())
    }

    @Test("A watch ends with its task")
    func watchCancelled() async throws {
        let phone = try await device("first").of("W001", at: server)
        let (begun, began) = AsyncStream.makeStream(of: Void.self)
        let watching = Task {
            for await _ in try await phone.watch() { began.finish() }
            return Task.isCancelled
        }
        for await _ in begun {}
        watching.cancel()
        #expect(try await outcome(of: watching))
        try await phone.report(report("井盖"))
    }

    @Test("A loop that is slow gets the latest rows and misses those between")
    func slowLoop() async throws {
        let phone = try await device("first").of("W001", at: server)
        let slow = try await phone.watch()
        // Another loop is shown four lists, one after another, and so is this one.
        for await update in try await phone.watch() {
            if update.rows.count == 3 { break }
            try await phone.report(report("井盖\(update.number)"))
        }
        phone.close()
        let waiting = await slow.reduce(into: []) { $0.append($1) }
        #expect(waiting.count == 1)
    }

    @Test("What two phones wrote at once stays visible until somebody resolves it")
    func conflict() async throws {
        let first = try await device("first").of("W001", at: server)
        let second = try await device("second").of("W002", at: server)
        let matter = try await first.report(report("井盖缺失"))
        try await first.syncUntilSettled()
        try await second.sync()
        let shown = try #require(try await first.show(matter)).revision
        try await second.edit(matter, ["title": .text(text: "井盖缺失两处")])
        try await second.syncUntilSettled()
        try await first.sync()
        try await first.edit(matter, ["title": .text(text: "井盖破损")], shown: shown)
        try await first.syncUntilSettled()
        try await second.sync()
        for phone in [first, second] {
            let detail = try #require(try await phone.show(matter))
            #expect(detail.row.headline == "井盖破损" && detail.row.conflicts == 1)
            #expect(detail.viewJson.contains("井盖缺失两处"))
        }
        let view = try #require(try await second.show(matter)).viewJson
        let seen = view.matches(of: /"(?:shown_op|op)":"([^"]+)"/).map { String($0.output.1) }
        try await second.resolve(matter, at: "title", to: .text(text: "井盖破损两处"), seen: seen)
        try await second.syncUntilSettled()
        try await first.sync()
        let row = try #require(try await first.show(matter)).row
        #expect(row.headline == "井盖破损两处" && row.conflicts == 0)
    }

    @Test("A step that the server refuses is shown with its reason")
    func refused() async throws {
        let phone = try await device("first").of("W001", at: server)
        try await phone.sync()
        let rows = try await phone.list(Query(kind: .case, stage: .reported))
        let matter = try #require(rows.first { $0.mine }).id
        let proposal = try await phone.propose(.close, for: matter, details: StepDetails(result: "已处理"))
        try await phone.syncUntilSettled()
        let detail = try #require(try await phone.show(matter))
        let standing = detail.proposals.first { $0.id == proposal }?.standing
        guard case .refused(let code, let zh, _) = standing else {
            Issue.record("it stands \(String(describing: standing))")
            return
        }
        #expect(!code.isEmpty && !zh.isEmpty)
        #expect(detail.row.stage == .reported)
    }

    @Test("A sync that is cancelled half way ends, and the next one goes on")
    func cancelledSync() async throws {
        let device = device("first")
        let earlier = try await device.of("W001", at: server)
        try await earlier.report(report("井盖"))
        earlier.close()
        let silent = try SilentServer()
        let cutOff = try await device.open(at: silent.url)
        let syncing = Task { try await cutOff.sync() }
        try await silent.reached()
        syncing.cancel()
        await #expect(throws: CancellationError.self) { try await outcome(of: syncing) }
        // The last request is still under way; recording does not mind.
        try await cutOff.report(report("路灯"))
        #expect(try await cutOff.status().onThisPhone == 2)
        cutOff.close()
        silent.close()
        let phone = try await device.open(at: server.url)
        try await phone.syncUntilSettled()
        #expect(try await phone.status().admitted == 2)
    }

    @Test("Cancelling reaches the engine: what stays in sync sends nothing more")
    func cancelledStay() async throws {
        let phone = try await device("first").of("W001", at: server)
        let staying = Task { try await phone.stayInSync() }
        try await phone.report(report("井盖"))
        try await eventually { try await phone.status().admitted == 1 }
        staying.cancel()
        await #expect(throws: CancellationError.self) { try await outcome(of: staying) }
        try await phone.report(report("路灯"))
        let sent = try await eventualSync(of: phone)
        #expect(sent.pushed == 1)
    }

    /// A sync, as soon as the one that was cancelled has left the store.
    private func eventualSync(of phone: Phone) async throws -> SyncReport {
        while true {
            do {
                return try await phone.sync()
            } catch GridlogError.TryLater(code: "sync_running", _, _, _) {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    @Test("An enrolment that is cancelled leaves the phone nobody's")
    func cancelledEnrolment() async throws {
        let silent = try SilentServer()
        let phone = try await device("first").open(at: silent.url)
        let enrolling = Task { try await phone.enrol("W001", password: "no matter", deviceName: "first") }
        try await silent.reached()
        enrolling.cancel()
        await #expect(throws: CancellationError.self) { try await outcome(of: enrolling) }
        silent.close()
        #expect(try await phone.identity() == nil)
    }

    @Test("An app that is killed loses nothing that it was told is recorded")
    func killed() async throws {
        let device = device("first")
        try await device.of("W001", at: server).close()
        let app = try Program.beside(
            "WritingApp",
            [device.store.path, server.url.absoluteString, device.key.base64EncodedString(), device.marker.path]
        )
        var acknowledged: [String] = []
        for _ in 0..<20 { acknowledged.append(try #require(await app.line())) }
        app.kill()
        let length = acknowledged[0].count
        acknowledged += await app.rest().filter { $0.count == length }
        #expect(acknowledged.count >= 20)
        let phone = try await device.open(at: server.url)
        for id in acknowledged {
            #expect(try await phone.show(id) != nil, "\(id) is lost")
        }
        try await phone.syncUntilSettled()
    }

    @Test("A listener that throws is reported, and breaks no write and no watch")
    func brokenListener() async throws {
        struct ResidentZhangSan: Error {}
        final class Broken: RowsListener {
            let updates = Collected<ListUpdate>()
            func onRows(update: ListUpdate) throws {
                updates.add(update)
                throw ResidentZhangSan()
            }
        }
        let lines = Collected<LogLine>()
        try log { lines.add($0) }
        defer { try? log(to: nil) }
        let phone = try await device("first").of("W001", at: server)
        let broken = Broken()
        let watch = try phone.core.watch(query: Query(), listener: broken)
        try await eventually { broken.updates.all.count == 1 }
        try await phone.report(report("井盖"))
        try await eventually { broken.updates.all.last?.rows.map(\.headline) == ["井盖"] }
        watch.stop()
        #expect(try await phone.list().count == 1)
        try await eventually { lines.all.contains { $0.text.contains("a listener threw") } }
        #expect(!lines.all.contains { $0.text.contains("ZhangSan") })
    }

    @Test("A hundred tasks at once record, read and watch")
    func manyTasks() async throws {
        let phone = try await device("first").of("W001", at: server)
        let ids = try await withThrowingTaskGroup(of: RecordId.self) { group in
            for number in 0..<100 {
                group.addTask {
                    let id = try await phone.noteCase(report("任务\(number)"))
                    try await phone.comment("说明\(number)", on: id)
                    #expect(try await phone.show(id)?.row.headline == "任务\(number)")
                    let first = try await phone.watch(Query(limit: 5)).first { _ in true }
                    #expect(first?.rows.isEmpty == false)
                    return id
                }
            }
            return try await group.reduce(into: Set<RecordId>()) { $0.insert($1) }
        }
        #expect(ids.count == 100)
        #expect(try await Set(phone.list(Query(limit: 200)).map(\.id)) == ids)
        try await phone.syncUntilSettled()
        #expect(try await phone.status().admitted == 200)
    }

    @Test("A hundred threads at once record and read")
    func manyThreads() async throws {
        let phone = try await device("first").of("W001", at: server)
        let core = phone.core
        let (outcomes, outcome) = AsyncStream.makeStream(of: Result<RecordId, any Error>.self)
        for number in 0..<100 {
            Thread.detachNewThread {
                outcome.yield(
                    Result {
                        let id = try core.noteCase(new: report("线程\(number)"), draft: nil)
                        _ = try core.comment(record: id, text: "说明\(number)")
                        guard try core.show(record: id)?.row.headline == "线程\(number)" else { throw NotShown() }
                        return id
                    }
                )
            }
        }
        struct NotShown: Error {}
        var ids: Set<RecordId> = []
        for await outcome in outcomes.prefix(100) { ids.insert(try outcome.get()) }
        #expect(ids.count == 100)
        #expect(try await Set(phone.list(Query(limit: 200)).map(\.id)) == ids)
        #expect(try await phone.status().recorded == 200)
    }

    @Test("A wrong password is refused and the phone stays nobody's")
    func wrongPassword() async throws {
        let phone = try await device("first").open(at: server.url)
        let error = try await refusal { try await phone.enrol("W001", password: "wrong", deviceName: "first") }
        guard case .Server = error else { throw error }
        #expect(error.code == "wrong_password")
        #expect(try await phone.identity() == nil)
        let nobody = try await refusal { try await phone.report(report("井盖")) }
        guard case .SignIn = nobody else { throw nobody }
        #expect(nobody.code == "not_enrolled")
    }

    @Test("Nothing is sent while the app says that there is no network")
    func offlineByTheApp() async throws {
        let phone = try await device("first").of("W001", at: server)
        phone.use(OnlineWhile { false })
        #expect(try await refusal { try await phone.sync() }.code == "unreachable")
        phone.use(nil)
        try await phone.sync()
    }

    @Test("A draft becomes a record with the commit that ends it")
    func drafts() async throws {
        let phone = try await device("first").of("W001", at: server)
        let draft = try await phone.saveDraft(#"{"title":"井"}"#)
        #expect(try await phone.drafts().map(\.id) == [draft])
        let matter = try await phone.report(report("井盖"), draft: draft)
        #expect(try await phone.drafts().isEmpty)
        #expect(try await phone.search("井盖").map(\.id) == [matter])
    }
}
