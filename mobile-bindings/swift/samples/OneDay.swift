import Foundation
import Gridlog

/// One working day: recorded without signal, with a photo, watched, then synced.
///
/// Arguments: address of the server, staff number, password, a folder for the phone's files, a photo (JPEG). A server to
/// try it on: `gridlog-server dev`, which prints sign-ins.
@main
struct OneDay {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard arguments.count == 5, let server = URL(string: arguments[1]) else {
            print("one-day SERVER PERSON PASSWORD FOLDER PHOTO")
            exit(2)
        }
        let (person, password, photo) = (arguments[2], arguments[3], URL(fileURLWithPath: arguments[5]))
        let home = try makeFolderOutsideBackups(URL(fileURLWithPath: arguments[4], isDirectory: true))
        let phone = try await Phone.open(
            store: home.appendingPathComponent("phone.db"),
            server: server,
            keys: KeyFrom { try keyIn(home.appendingPathComponent("key")) },
            marker: FileMarker(home.appendingPathComponent("marker"))
        )
        defer { phone.close() }
        if try await phone.identity() == nil {
            let identity = try await phone.enrol(person, password: password, deviceName: "one day")
            print("登录 signed in: \(identity.person.name)")
        }

        phone.use(OnlineWhile { false })
        let watching = Task {
            for await update in try await phone.watch(Query(mineOnly: true)) {
                print("列表 list \(update.number): \(update.rows.count)")
            }
        }
        let day = try await record(with: phone, photo: photo)
        do {
            try await phone.sync()
        } catch let noSignal as GridlogError {
            print("无信号 no signal: \(noSignal.zh)")
        }

        phone.use(nil)
        // The server may answer 已收到 first and rule a moment later.
        while try await !phone.allInLog() {
            let report = try await phone.sync()
            try await Task.sleep(for: report.retryAfter ?? .milliseconds(50))
        }
        let sent = try await phone.sendFiles()
        watching.cancel()
        if let row = try await phone.show(day)?.row {
            print("\(row.headline) \(row.standing.zh) \(row.stage?.zh ?? "")")
        }
        print("照片 photos: \(sent.filesSent) sent, \(sent.left) left")
    }

    /// The day, with no signal at all. Every call returns when its change is on the disk.
    private static func record(with phone: Phone, photo: URL) async throws -> RecordId {
        let patrol = try await phone.startPatrol(route: "梓园路一线")
        try await phone.inspect("路灯", on: patrol, finding: .problem, note: "3号灯不亮")
        let day = try await phone.report(
            NewReport(
                title: "人行道井盖缺失",
                category: "01014",
                condition: "缺失",
                description: "已放警示桩。",
                place: Place(address: ["梓园路", "12号"]),
                patrol: patrol
            )
        )
        try await phone.attach(photo, to: day, as: .near)
        try await phone.edit(day, ["title": .text(text: "人行道井盖缺失两处")])
        try await phone.comment("天黑前要处理", on: day)
        try await phone.visit(NewVisit(outcome: "nobody_home", household: "3栋201"))
        try await phone.finishPatrol(patrol, notes: "已劝离占道")
        return day
    }

    /// On a phone the key belongs in the Keychain: `KeychainKey()`.
    private static func keyIn(_ file: URL) throws -> Data {
        if !FileManager.default.fileExists(atPath: file.path) {
            var random = SystemRandomNumberGenerator()
            let key = Data((0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) })
            try key.write(to: file)
        }
        return try Data(contentsOf: file)
    }
}
