import Foundation
import Gridlog
import Testing

/// Photos, with the real library and the real server.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct PhotoTests {
    let folder: Folder
    let server: DevServer

    init() async throws {
        folder = try Folder()
        server = DevServer(in: folder.url.appendingPathComponent("dev"))
        try await server.switchOn()
    }

    @Test("A photo that was attached offline is sent, and somebody else sees it without its place")
    func attachedOffline() async throws {
        let first = try await Device("first", in: folder).of("W001", at: server)
        await server.switchOff()
        let matter = try await first.report(report("井盖缺失"))
        let attached = try await first.attach(photo, to: matter, as: .near)
        #expect(attached.isClean)
        #expect(try await first.files(of: matter).map(\.standing) == [.onThisPhone])
        #expect(try await first.preview(of: attached.sha256)?.isEmpty == false)
        // Nothing leaves before its record: the photo and its preview wait.
        #expect(try await first.sendFiles().left == 2)

        try await server.switchOn()
        try await first.syncUntilSettled()
        try await eventually { try await first.sendFiles().left == 0 }
        let sent = try #require(try await first.files(of: matter).first)
        #expect(sent.standing == .onServer && sent.sentBytes == sent.bytes)
        #expect(abs(sent.attachedAt.timeIntervalSinceNow) < 3600)

        let second = try await Device("second", in: folder).of("W002", at: server)
        try await second.sync()
        #expect(try await second.preview(of: attached.sha256) == nil)
        #expect(try await !second.fetchPreview(of: attached.sha256, in: matter).isEmpty)
        try await second.fetchFile(attached.sha256, in: matter)
        let exported = folder.url.appendingPathComponent("exported.jpg")
        try await second.exportFile(attached.sha256, to: exported)
        let bytes = try Data(contentsOf: exported)
        #expect(UInt64(bytes.count) == attached.bytes)
        let camera = Data("Gridlog sample camera".utf8)
        #expect(try Data(contentsOf: photo).range(of: camera) != nil)
        #expect(bytes.range(of: camera) == nil)
        let again = try await refusal { try await second.exportFile(attached.sha256, to: exported) }
        #expect(again.code == "file_unwritable")
    }

    @Test("Photos wait while the worker lets none go")
    func heldBack() async throws {
        let phone = try await Device("first", in: folder).of("W001", at: server)
        let matter = try await phone.report(report("井盖缺失"))
        try await phone.attach(photo, to: matter, as: .far)
        try await phone.syncUntilSettled()
        phone.allowFiles(.unmeteredOnly, on: .metered)
        #expect(try await phone.sendFiles().heldBack == .metered)
        phone.allowFiles(.unmeteredOnly, on: .unmetered)
        try await eventually { try await phone.sendFiles().left == 0 }
        #expect(try await phone.status().files.onServer == 1)
    }

    @Test("A photo whose task is cancelled half way is not attached, and leaves nothing behind")
    func cancelledAttach() async throws {
        let phone = try await Device("first", in: folder).of("W001", at: server)
        let matter = try await phone.report(report("井盖缺失"))
        let endless = try EndlessFile(in: folder)
        let attaching = Task { try await phone.attach(endless.url, to: matter, as: .near) }
        endless.beginning()
        attaching.cancel()
        endless.goOn()
        await #expect(throws: CancellationError.self) { try await outcome(of: attaching) }
        #expect(try await phone.files().isEmpty)
        #expect(try await phone.attach(photo, to: matter, as: .near).isClean)
    }

    @Test("Fetching that is cancelled does not wait for a silent server")
    func cancelledFetch() async throws {
        let first = try await Device("first", in: folder).of("W001", at: server)
        let matter = try await first.report(report("井盖缺失"))
        let attached = try await first.attach(photo, to: matter, as: .near)
        try await first.syncUntilSettled()
        let device = Device("second", in: folder)
        let second = try await device.of("W002", at: server)
        try await second.sync()
        second.close()
        let silent = try SilentServer()
        let phone = try await device.open(at: silent.url)
        let fetching = Task { try await phone.fetchFile(attached.sha256, in: matter) }
        try await silent.reached()
        fetching.cancel()
        await #expect(throws: CancellationError.self) { try await outcome(of: fetching) }
        silent.close()
    }

    @Test("Photos go by themselves while the phone stays in sync")
    func staying() async throws {
        let phone = try await Device("first", in: folder).of("W001", at: server)
        let staying = Task { try await phone.stayInSync() }
        let matter = try await phone.report(report("井盖缺失"))
        try await phone.attach(photo, to: matter, as: .near)
        try await eventually { try await phone.files(of: matter).map(\.standing) == [.onServer] }
        staying.cancel()
        await #expect(throws: CancellationError.self) { try await outcome(of: staying) }
    }

    @Test("A file that is none is refused and leaves nothing behind")
    func noFile() async throws {
        let phone = try await Device("first", in: folder).of("W001", at: server)
        let matter = try await phone.report(report("井盖缺失"))
        let missing = folder.url.appendingPathComponent("missing.jpg")
        let error = try await refusal { try await phone.attach(missing, to: matter, as: .near) }
        guard case .Input = error else { throw error }
        #expect(error.code == "file_unreadable")
        #expect(try await phone.files().isEmpty)
    }

    @Test("Rules of a district hold for what is attached")
    func rules() async throws {
        let phone = try await Device("first", in: folder).of("W001", at: server)
        let matter = try await phone.report(report("井盖缺失"))
        var rules = try await phone.fileRules()
        rules.maxFileBytes = 100
        try await phone.setFileRules(rules)
        let error = try await refusal { try await phone.attach(photo, to: matter, as: .near) }
        #expect(error.code == "file_too_large")
    }
}

/// A file that goes on for as long as somebody reads it.
private final class EndlessFile: @unchecked Sendable {
    let url: URL
    private var pipe: Int32 = -1
    private let piece = [UInt8](repeating: 7, count: 1 << 20)

    init(in folder: Folder) throws {
        url = folder.url.appendingPathComponent("endless.jpg")
        try #require(mkfifo(url.path, 0o600) == 0)
        // A reader that has had enough is told by an error.
        signal(SIGPIPE, SIG_IGN)
    }

    /// Returns once somebody has begun to read.
    func beginning() {
        pipe = open(url.path, O_WRONLY)
        _ = write(pipe, piece, piece.count)
    }

    /// Returns once nobody reads any more.
    func goOn() {
        while write(pipe, piece, piece.count) > 0 {}
        close(pipe)
    }
}
