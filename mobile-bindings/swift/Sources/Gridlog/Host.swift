import Foundation

/// A key store that asks a closure for the 32 bytes. On a phone use `KeychainKey`.
public final class KeyFrom: KeyStore {
    private let key: @Sendable () throws -> Data

    /// - Parameter key: Gives the same 32 random bytes every time. A ``HostError/Failed(code:)`` that it throws is
    ///   named in the log; of anything else that it throws not a word is kept.
    public init(_ key: @escaping @Sendable () throws -> Data) {
        self.key = key
    }

    public func storeKey() throws -> Data {
        try key()
    }
}

/// Keeps the generation marker in a file that the system's backup leaves out: a marker that a backup brings back makes
/// two phones that write as one.
public final class FileMarker: GenerationMarker {
    private let file: URL

    /// - Parameter file: Its folder must exist. The file itself is kept out of the backup of Apple's systems.
    public init(_ file: URL) {
        self.file = file
    }

    public func read() throws -> Data? {
        do {
            return try Data(contentsOf: file)
        } catch CocoaError.fileReadNoSuchFile {
            return nil
        }
    }

    public func write(generation: Data) throws {
        var part = file.appendingPathExtension("part")
        try Data().write(to: part)
        // Before it has its name: there is no moment at which a backup could find it.
        try keepOutOfBackups(&part)
        let handle = try FileHandle(forWritingTo: part)
        try handle.write(contentsOf: generation)
        try handle.synchronize()
        try handle.close()
        guard rename(part.path, file.path) == 0 else {
            throw HostError.Failed(code: "marker_errno_\(errno)")
        }
    }
}

/// Asks a closure whether a request may be sent. On a phone use `NetworkPath`.
public final class OnlineWhile: Connectivity {
    private let answer: @Sendable () throws -> Bool

    /// - Parameter answer: It is asked before every request, on the thread of the sync, and answers at once.
    public init(_ answer: @escaping @Sendable () throws -> Bool) {
        self.answer = answer
    }

    public func isOnline() throws -> Bool {
        try answer()
    }
}

/// Makes a folder that the system's backup leaves out, with everything in it: for the store.
///
/// ```swift
/// let home = try makeFolderOutsideBackups(URL.applicationSupportDirectory.appending(path: "Gridlog"))
/// ```
///
/// - Returns: The folder.
@discardableResult
public func makeFolderOutsideBackups(_ folder: URL) throws -> URL {
    var folder = folder
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try keepOutOfBackups(&folder)
    return folder
}

/// Only Apple's systems have a backup that asks.
private func keepOutOfBackups(_ url: inout URL) throws {
    #if canImport(Darwin)
    var values = URLResourceValues()
    values.isExcludedFromBackup = true
    try url.setResourceValues(values)
    #endif
}

/// Hands the engine's log to a closure, from here on; nil ends it. Lines never hold what a record says.
///
/// - Throws: ``GridlogError/TryLater(code:zh:en:retryAfterMs:)`` with `no_thread`; ``GridlogError/Internal(code:zh:en:)``
///   with `other_api`, as ``Phone/open(store:server:keys:marker:)`` does.
public func log(to sink: (@Sendable (LogLine) -> Void)?) throws {
    try checkLibrary()
    try setLogSink(sink: sink.map(SinkOf.init))
}

private final class SinkOf: LogSink {
    private let sink: @Sendable (LogLine) -> Void

    init(_ sink: @escaping @Sendable (LogLine) -> Void) {
        self.sink = sink
    }

    func log(line: LogLine) throws {
        sink(line)
    }
}
