import Foundation

/// A worker's phone: one encrypted store, shared by every screen, with or without signal.
///
/// ```swift
/// let phone = try await Phone.open(store: store, server: server, keys: keys, marker: marker)
/// try await phone.enrol("W001", password: password, deviceName: "my phone")
/// try await phone.report(NewReport(title: "井盖缺失", category: "01014"))
/// try await phone.sync()
/// ```
///
/// Every function may be called from any task, the main actor included: what touches the store runs on threads of
/// its own, never on those of Swift's tasks. A function that records returns when its change is on the disk. One
/// that fails has written nothing and throws a ``GridlogError``.
///
/// Cancelling a task does not undo what it records. What waits for the server (``sync()``, ``enrol(_:password:deviceName:)``,
/// ``fetchFile(_:in:)`` …) throws a `CancellationError` at once, and the engine ends after the request that is under way.
public final class Phone: Sendable {
    /// The generated surface, for what this layer does not have.
    public let core: GridlogPhone

    init(core: GridlogPhone) {
        self.core = core
    }

    /// Opens the store, makes it if it is missing, and migrates it if an older version wrote it.
    ///
    /// - Parameters:
    ///   - store: The file. Its folder must exist, and belongs out of the system's backup: see
    ///     ``makeFolderOutsideBackups(_:)``.
    ///   - server: Address of the district's server. Nothing is sent before ``enrol(_:password:deviceName:)``.
    ///   - keys: Gives the store's key; on a phone that is a `KeychainKey`.
    ///   - marker: Keeps 16 bytes where backups do not reach: a ``FileMarker``.
    /// - Throws: ``GridlogError/Store(code:zh:en:)`` with `wrong_key`, `store_newer`, `key_store_failed` …; the store is
    ///   left untouched. ``GridlogError/Internal(code:zh:en:)`` with `other_api` if the native library is not of
    ///   the build that this code was generated from.
    public static func open(
        store: URL,
        server: URL,
        keys: any KeyStore,
        marker: any GenerationMarker
    ) async throws -> Phone {
        try await onStoreThread {
            try checkLibrary()
            let options = OpenOptions(storePath: store.path, server: server.absoluteString)
            return Phone(core: try GridlogPhone.open(options: options, keys: keys, marker: marker))
        }
    }

    /// Closes the store: what runs is ended, watches end, later calls fail with `shut_down`. It may be called again.
    ///
    /// A phone that is let go of is closed too, some time later. A program that ends by itself calls this first.
    public func close() {
        core.shutDown()
    }

    // MARK: - Who

    /// Who enrolled this phone; nil before ``enrol(_:password:deviceName:)``.
    public func identity() async throws -> Identity? {
        try await onStore { try $0.identity() }
    }

    /// Makes this phone a device of a person. It needs signal, once.
    ///
    /// - Parameters:
    ///   - person: Staff number.
    ///   - password: It is sent and not kept.
    ///   - deviceName: What the person calls the phone.
    @discardableResult
    public func enrol(_ person: PersonId, password: String, deviceName: String) async throws -> Identity {
        let options = EnrolOptions(person: person, password: password, deviceName: deviceName)
        return try await answeredAtOnce { [core] in try await core.enrol(options: options, cancel: $0) }
    }

    /// Signs the same person in again, after `sign_in_again`. Everything on the phone is kept.
    @discardableResult
    public func signIn(password: String) async throws -> Identity {
        try await answeredAtOnce { [core] in try await core.signIn(password: password, cancel: $0) }
    }

    // MARK: - Sync

    /// Sends everything unsent and pulls everything new. It may be called at any time, and again after any failure.
    ///
    /// Cancelling the task throws at once and keeps what was exchanged; until the request under way has ended, another
    /// sync answers `sync_running`.
    @discardableResult
    public func sync() async throws -> SyncReport {
        try await answeredAtOnce { [core] in try await core.sync(cancel: $0) }
    }

    /// Syncs, and compares every record with the server's.
    @discardableResult
    public func verify() async throws -> SyncReport {
        try await answeredAtOnce { [core] in try await core.verify(cancel: $0) }
    }

    /// Keeps this phone in sync, photos too, until the task is cancelled or the phone is closed.
    public func stayInSync() async throws {
        try await answeredAtOnce { [core] in try await core.stayInSync(cancel: $0) }
    }

    /// Asks the server for records whose headline holds `text`. It needs signal, and keeps nothing.
    public func searchOnline(_ text: String, limit: UInt32 = 50) async throws -> [FoundOnline] {
        try await answeredAtOnce { [core] in try await core.searchOnline(text: text, limit: limit, cancel: $0) }
    }

    /// Asks before every request from here on whether it may be sent; nil sends every request.
    ///
    /// While there is no network, ``sync()`` fails with `unreachable` and nothing is sent. On a phone this is a
    /// `NetworkPath`.
    public func use(_ connectivity: (any Connectivity)?) {
        core.setConnectivity(connectivity: connectivity)
    }

    // MARK: - Threads

    /// Runs a call that blocks for as long as it touches the store.
    func onStore<T: Sendable>(_ work: @escaping @Sendable (GridlogPhone) throws -> T) async throws -> T {
        try await onStoreThread { [core] in try work(core) }
    }
}
