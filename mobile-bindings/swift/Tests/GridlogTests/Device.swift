import Foundation
import Gridlog
import Testing

/// Minor class of the catalogue: 园林井盖.
let cover = "01014"

/// A photo as a camera writes it, with a place in it.
let photo = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("samples/manhole.jpg")

/// A folder that goes when this does, with the phones in it.
final class Folder: Sendable {
    let url: URL
    fileprivate let phones = Collected<Phone>()

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("gridlog-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        // A process that ends while a thread closes a store does not end well.
        phones.all.forEach { $0.close() }
        try? FileManager.default.removeItem(at: url)
    }
}

/// One device: its folder, its key store, its marker.
struct Device: Sendable {
    let name: String
    let store: URL
    let marker: URL
    private let folder: Folder
    let key = Data((0..<32).map { _ in UInt8.random(in: .min ... .max) })

    init(_ name: String, in folder: Folder) {
        self.name = name
        self.folder = folder
        store = folder.url.appendingPathComponent("\(name).db")
        marker = folder.url.appendingPathComponent("\(name).marker")
    }

    func open(at server: URL, key: Data? = nil) async throws -> Phone {
        let key = key ?? self.key
        let phone = try await Phone.open(store: store, server: server, keys: KeyFrom { key }, marker: FileMarker(marker))
        folder.phones.add(phone)
        return phone
    }

    /// Opens it and makes it a device of a person.
    func of(_ person: PersonId, at server: DevServer) async throws -> Phone {
        let phone = try await open(at: server.url)
        let identity = try await phone.enrol(person, password: server.password, deviceName: name)
        #expect(identity.person.id == person)
        return phone
    }
}

extension Phone {
    /// Syncs until everything recorded here is in the log: the server may answer 已收到 first and rule later.
    func syncUntilSettled() async throws {
        try await eventually {
            try await self.sync()
            let status = try await self.status()
            return status.admitted == status.recorded
        }
    }
}

func report(_ title: String) -> NewReport {
    NewReport(title: title, category: cover, condition: "缺失")
}

/// Waits until something is so; the test's own limit of time ends it.
func eventually(_ isSo: () async throws -> Bool) async throws {
    while try await !isSo() {
        try await Task.sleep(for: .milliseconds(20))
    }
}

struct TimeIsOver: Error {}

/// What a task comes to. A test whose time is over does not go on waiting for it, as it would for the task's `value`.
func outcome<T: Sendable>(of task: Task<T, any Error>) async throws -> T {
    let (results, result) = AsyncStream.makeStream(of: Result<T, any Error>.self)
    Task {
        result.yield(await task.result)
        result.finish()
    }
    for await result in results { return try result.get() }
    throw TimeIsOver()
}

struct NotRefused: Error {}

/// Why a call was refused.
func refusal(of call: () async throws -> Void) async throws -> GridlogError {
    do {
        try await call()
    } catch let error as GridlogError {
        #expect(!error.zh.isEmpty && !error.en.isEmpty)
        return error
    }
    throw NotRefused()
}

/// What came in from the engine's threads.
final class Collected<Element: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var elements: [Element] = []

    func add(_ element: Element) {
        lock.withLock { elements.append(element) }
    }

    var all: [Element] {
        lock.withLock { elements }
    }
}
