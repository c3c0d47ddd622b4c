import Foundation

/// Photos: taken by their path, sent when the app allows it, fetched when somebody looks.
extension Phone {
    /// Takes a photo into a record: takes place and device out of it, makes its preview, encrypts both beside the store,
    /// and commits.
    ///
    /// The file is the app's and stays as it is. Hand over a JPEG: of a HEIC or AVIF the place cannot be taken
    /// out, so it is refused unless the district's rules keep what cameras say. A task that is cancelled before the commit leaves nothing behind and throws a
    /// `CancellationError`; what this returns is attached.
    ///
    /// - Throws: ``GridlogError/Input(code:zh:en:)`` with `file_not_cleanable`, `file_too_large`, `record_full`,
    ///   `file_empty` or `file_unreadable`; ``GridlogError/Store(code:zh:en:)`` with `disk_full`. Nothing is left behind then.
    @discardableResult
    public func attach(_ photo: URL, to record: RecordId, as role: PhotoRole) async throws -> Attached {
        try await untilDone { cancel in
            try await core.attach(record: record, path: photo.path, role: role, cancel: cancel)
        }
    }

    /// The photos that were attached here, of one record or of all, and where each stands.
    public func files(of record: RecordId? = nil) async throws -> [FileProgress] {
        try await onStore { try $0.files(record: record) }
    }

    /// Says over what files may go, and what network there is. It holds until it is said again, also for the sending
    /// that runs. At first files go over any network. The policy is kept; the network is not, and until it is said after
    /// a start it counts as one that costs.
    public func allowFiles(_ policy: FilePolicy, on network: NetworkKind) {
        core.allowFiles(policy: policy, network: network)
    }

    /// Over what files may go, as ``allowFiles(_:on:)`` said last, also before a restart.
    public var filePolicy: FilePolicy {
        core.filePolicy()
    }

    /// Sends the files that are only on this phone: previews first, then photos of the newest case first. While
    /// ``stayInSync()`` runs they go by themselves.
    ///
    /// Files of records that the server does not have wait, so sync first. Cancelling the task throws at once; each file
    /// goes on the next time where the server has it.
    @discardableResult
    public func sendFiles() async throws -> FileReport {
        try await answeredAtOnce { [core] in try await core.sendFiles(cancel: $0) }
    }

    /// Lets a photo that needs the worker be sent again.
    public func retryFile(_ file: FileHash, in record: RecordId) async throws {
        try await onStore { try $0.retryFile(record: record, file: file) }
    }

    /// Gives up sending a photo that needs the worker.
    public func giveUpFile(_ file: FileHash, in record: RecordId) async throws {
        try await onStore { try $0.giveUpFile(record: record, file: file) }
    }

    /// The preview of a photo, a small JPEG; nil if it is not on this phone.
    public func preview(of photo: FileHash) async throws -> Data? {
        try await onStore { try $0.preview(photo: photo) }
    }

    /// The preview of somebody else's photo, which is kept. It needs signal, unless it is here already.
    @discardableResult
    public func fetchPreview(of photo: FileHash, in record: RecordId) async throws -> Data {
        try await answeredAtOnce { [core] in
            try await core.fetchPreview(record: record, photo: photo, cancel: $0)
        }
    }

    /// Fetches somebody else's photo and keeps it encrypted, for ``exportFile(_:to:)``. It needs signal, unless it is
    /// here already.
    public func fetchFile(_ file: FileHash, in record: RecordId) async throws {
        try await answeredAtOnce { [core] in
            try await core.fetchFile(record: record, file: file, cancel: $0)
        }
    }

    /// Writes a file that is on this phone, unencrypted, where nothing may be yet: for a viewer. Whoever asked for it
    /// removes it again. A task that is cancelled leaves nothing there.
    public func exportFile(_ file: FileHash, to url: URL) async throws {
        try await untilDone { cancel in
            try await core.exportFile(file: file, path: url.path, cancel: cancel)
        }
    }

    /// What may be attached here, and what is taken out of it before.
    public func fileRules() async throws -> FileRules {
        try await onStore { try $0.fileRules() }
    }

    /// Sets what may be attached from here on; it is kept.
    public func setFileRules(_ rules: FileRules) async throws {
        try await onStore { try $0.setFileRules(rules: rules) }
    }
}
