import Foundation
import Gridlog

/// Arguments: address of the server, staff number, password, a folder for the phone's files, a photo.
@main
struct Start {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 6, let server = URL(string: arguments[1]) else {
            fatalError("SERVER PERSON PASSWORD FOLDER PHOTO")
        }
        let (person, password, photo) = (arguments[2], arguments[3], URL(fileURLWithPath: arguments[5]))
        let home = try makeFolderOutsideBackups(URL(fileURLWithPath: arguments[4]))
        let key = home.appendingPathComponent("key")
        if !FileManager.default.fileExists(atPath: key.path) {
            try Data((0..<32).map { _ in UInt8.random(in: 0...255) }).write(to: key)
        }

        let phone = try await Phone.open(
            store: home.appendingPathComponent("phone.db"),
            server: server,
            keys: KeyFrom { try Data(contentsOf: key) },  // 手机上用 on a phone: KeychainKey()
            marker: FileMarker(home.appendingPathComponent("marker"))
        )
        defer { phone.close() }
        if try await phone.identity() == nil {  // 需要信号，仅一次 with signal, once
            try await phone.enrol(person, password: password, deviceName: "my phone")
        }

        // 以下不需要信号 no signal needed from here on
        let patrol = try await phone.startPatrol()
        try await phone.inspect("井盖", on: patrol, finding: .problem, note: "缺失")
        let matter = try await phone.report(NewReport(title: "人行道井盖缺失", category: "01014", patrol: patrol))
        try await phone.attach(photo, to: matter, as: .near)

        // 列表：先给快照，有变化再给更新 the list: as it is, and again whenever it changes
        let lists = try await phone.watch(Query(mineOnly: true))

        // 应用打开期间保持同步，照片一并发送 in sync while the app is open; photos go too
        let syncing = Task { try await phone.stayInSync() }
        for await list in lists {
            print(list.rows.map { "\($0.headline) \($0.standing.zh)" }.joined(separator: "；"))
            if list.rows.contains(where: { $0.id == matter && $0.standing == .inLog }) { break }
        }
        while try await phone.status().files.onServer == 0 { try await Task.sleep(for: .milliseconds(100)) }
        while try await !phone.allInLog() { try await Task.sleep(for: .milliseconds(100)) }
        print("照片已上传，全部已入卷 the photo is sent, everything is in the log")
        syncing.cancel()
    }
}
