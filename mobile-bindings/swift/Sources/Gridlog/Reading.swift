import Foundation

/// What a screen shows. It is read from this phone alone, without signal.
extension Phone {
    /// The rows of a query, the latest change first. No document is opened.
    public func list(_ query: Query = Query()) async throws -> [RecordRow] {
        try await onStore { try $0.list(query: query) }
    }

    /// Records that hold this text: any substring, from one character on.
    public func search(_ text: String, limit: UInt32 = 100) async throws -> [RecordRow] {
        try await onStore { try $0.search(text: text, limit: limit) }
    }

    /// Everything about one record; nil if it is not here.
    public func show(_ record: RecordId) async throws -> RecordDetail? {
        try await onStore { try $0.show(record: record) }
    }

    /// What waits for the person.
    public func tasks() async throws -> [WaitingTask] {
        try await onStore { try $0.tasks() }
    }

    /// Where everything stands.
    public func status() async throws -> Status {
        try await onStore { try $0.status() }
    }

    /// Whether everything recorded here is in the log, by the server's signed word.
    public func allInLog() async throws -> Bool {
        try await onStore { try $0.allInLog() }
    }

    /// Rows of which something of one's own is not in the log.
    public func notInLog() async throws -> [RecordRow] {
        try await onStore { try $0.notInLog() }
    }

    /// Rows that leave this phone with the next sync.
    public func leaving() async throws -> [RecordRow] {
        try await onStore { try $0.leaving() }
    }

    /// Records that could not be read as they came from the server.
    public func setAside() async throws -> [SetAside] {
        try await onStore { try $0.setAside() }
    }

    /// The rows of a query: at once, and after every commit that changed them, at most ten times a second.
    ///
    /// ```swift
    /// for await update in try await phone.watch(Query(mineOnly: true)) {
    ///     rows = update.rows
    /// }
    /// ```
    ///
    /// A loop that is slow gets the latest rows and misses those between. The watch ends when its loop or the loop's
    /// task does, and the loop ends when the phone is closed.
    ///
    /// - Throws: ``GridlogError`` if the watch cannot begin; once it has begun nothing ends it but the above.
    public func watch(_ query: Query = Query()) async throws -> AsyncStream<ListUpdate> {
        let (updates, screen) = AsyncStream.makeStream(of: ListUpdate.self, bufferingPolicy: .bufferingNewest(1))
        let subscription = try await onStore { core in
            try core.watch(query: query, listener: Screen(screen))
        }
        screen.onTermination = { _ in subscription.stop() }
        return updates
    }
}

/// Hands what the engine says to a stream, and ends the stream when the engine lets go of it.
private final class Screen: RowsListener {
    private let updates: AsyncStream<ListUpdate>.Continuation

    init(_ updates: AsyncStream<ListUpdate>.Continuation) {
        self.updates = updates
    }

    deinit {
        updates.finish()
    }

    func onRows(update: ListUpdate) throws {
        updates.yield(update)
    }
}
