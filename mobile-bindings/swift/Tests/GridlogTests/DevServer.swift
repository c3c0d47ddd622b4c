import Foundation
import Testing

/// The real server with its invented district, in a process of its own: `gridlog-server dev`.
final class DevServer {
    private let folder: URL
    private var running: Program?
    private var port = "0"

    /// The password of everybody; the server prints it.
    private(set) var password = ""

    var url: URL { URL(string: "http://127.0.0.1:\(port)")! }

    init(in folder: URL) {
        self.folder = folder
    }

    /// Starts it, at the port that it had before.
    func switchOn() async throws {
        let path = try #require(
            ProcessInfo.processInfo.environment["GRIDLOG_SERVER"],
            "未指定服务器程序 GRIDLOG_SERVER names no server; run: cargo xtask test swift"
        )
        let arguments = ["dev", "--data", folder.path, "--listen", "127.0.0.1:\(port)"]
        let program = try Program(URL(fileURLWithPath: path), arguments)
        password = try #require(await program.line(after: "password: "))
        let address = try #require(await program.line(after: "listening on "))
        port = try #require(address.split(separator: ":").last.map(String.init))
        running = program
    }

    /// Ends it; phones are offline then.
    func switchOff() async {
        await running?.end()
        running = nil
    }
}

/// A program in a process of its own, which ends with this.
final class Program {
    private let process = Process()
    private let output: Pipe
    private let said: AsyncStream<String>
    private let ended: AsyncStream<Void>

    /// Programs that start at once would hold each other's pipes, and none would be seen to end.
    private static let oneAtATime = NSLock()

    init(_ executable: URL, _ arguments: [String]) throws {
        let (ended, say) = AsyncStream.makeStream(of: Void.self)
        self.ended = ended
        Program.oneAtATime.lock()
        defer { Program.oneAtATime.unlock() }
        output = Pipe()
        said = Program.lines(of: output.fileHandleForReading)
        process.executableURL = executable
        process.arguments = arguments
        // What is meant for the tests, or for another server, is no setting of this one.
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("GRIDLOG_") }
        process.standardOutput = output
        process.terminationHandler = { _ in say.finish() }
        try Program.withoutBlockedSignals(process.run)
    }

    deinit {
        if process.isRunning { process.terminate() }
    }

    /// Threads that run Swift's tasks block signals, a program inherits that, and would never hear that it shall end.
    private static func withoutBlockedSignals(_ start: () throws -> Void) throws {
        var (none, before) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try start()
    }

    /// One that the package builds beside the tests.
    static func beside(_ name: String, _ arguments: [String]) throws -> Program {
        let tests = try #require(Bundle.main.executableURL)
        return try Program(tests.deletingLastPathComponent().appendingPathComponent(name), arguments)
    }

    /// What is printed, read as it comes: no program waits until somebody reads.
    private static func lines(of output: FileHandle) -> AsyncStream<String> {
        let (said, say) = AsyncStream.makeStream(of: String.self)
        let cut = LineCutter(say)
        output.readabilityHandler = { output in
            let more = output.availableData
            if more.isEmpty { output.readabilityHandler = nil }
            cut.add(more)
        }
        return said
    }

    /// The next line that it prints; nil at its end.
    func line() async -> String? {
        for await line in said { return line }
        return nil
    }

    /// What stands behind a mark, in the next line that has it.
    func line(after mark: String) async -> String? {
        for await line in said {
            if let found = line.range(of: mark) { return String(line[found.upperBound...]) }
        }
        return nil
    }

    /// Everything that it still prints.
    func rest() async -> [String] {
        await said.reduce(into: []) { $0.append($1) }
    }

    func end() async {
        process.terminate()
        for await _ in ended {}
    }

    /// As the system kills an app: without a word.
    func kill() {
        Foundation.kill(process.processIdentifier, SIGKILL)
    }
}

/// Cuts what comes in pieces, one after another, into lines.
private final class LineCutter: @unchecked Sendable {
    private let lines: AsyncStream<String>.Continuation
    private var unread = Data()

    init(_ lines: AsyncStream<String>.Continuation) {
        self.lines = lines
    }

    /// An empty piece is the end.
    func add(_ piece: Data) {
        if piece.isEmpty { return lines.finish() }
        unread += piece
        while let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
            lines.yield(String(decoding: unread[..<end], as: UTF8.self))
            unread = Data(unread[unread.index(after: end)...])
        }
    }
}

/// Takes connections and never answers: the worst kind of signal.
final class SilentServer: @unchecked Sendable {
    private let listener: Int32
    private var connection: Int32?
    let url: URL

    init() throws {
        #if canImport(Glibc)
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        let listener = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic -> UInt16? in
                guard bind(listener, generic, length) == 0, listen(listener, 8) == 0 else { return nil }
                guard getsockname(listener, generic, &length) == 0 else { return nil }
                return generic.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_port.bigEndian }
            }
        }
        _ = fcntl(listener, F_SETFL, O_NONBLOCK)
        url = URL(string: "http://127.0.0.1:\(try #require(port))")!
        self.listener = listener
    }

    /// Waits until somebody has come.
    func reached() async throws {
        try await eventually { [self] in
            let taken = accept(listener, nil, nil)
            if taken >= 0 { connection = taken }
            return taken >= 0
        }
    }

    /// Hangs up.
    func close() {
        connection.map { _ = Foundation.close($0) }
        connection = nil
    }

    deinit {
        close()
        _ = Foundation.close(listener)
    }
}
