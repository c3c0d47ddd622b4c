import Foundation

// Times cross the border as milliseconds since 1970. Here they are dates.

extension Date {
    init(wireMilliseconds: Int64) {
        self.init(timeIntervalSince1970: Double(wireMilliseconds) / 1000)
    }

    var wireMilliseconds: Int64 {
        Int64((timeIntervalSince1970 * 1000).rounded())
    }
}

extension Duration {
    init(wireMilliseconds: UInt64) {
        self = .milliseconds(Int64(clamping: wireMilliseconds))
    }
}

extension RecordRow {
    /// When the record was begun, by its author's device.
    public var createdAt: Date { Date(wireMilliseconds: createdMs) }

    /// When something last changed in it.
    public var updatedAt: Date { Date(wireMilliseconds: updatedMs) }
}

extension Urgency {
    /// When it has to be handled; nil while no time runs.
    public var dueAt: Date? { dueMs.map(Date.init(wireMilliseconds:)) }
}

extension CaseTimer {
    /// When its time was over.
    public var dueAt: Date { Date(wireMilliseconds: dueMs) }
}

extension HistoryLine {
    /// When this line was entered in the log, by the server.
    public var at: Date { Date(wireMilliseconds: atMs) }
}

extension Proposal {
    /// When the step was taken, by the author's device.
    public var at: Date { Date(wireMilliseconds: atMs) }
}

extension OwnChange {
    /// When it was recorded, by this device.
    public var recordedAt: Date { Date(wireMilliseconds: recordedMs) }
}

extension NeedsYou {
    /// When it was recorded, by this device.
    public var recordedAt: Date { Date(wireMilliseconds: recordedMs) }
}

extension SetAside {
    /// Since when it waits.
    public var since: Date { Date(wireMilliseconds: sinceMs) }
}

extension Draft {
    /// When it was first saved.
    public var createdAt: Date { Date(wireMilliseconds: createdMs) }

    /// When it was last saved.
    public var updatedAt: Date { Date(wireMilliseconds: updatedMs) }
}

extension FoundOnline {
    /// When the server entered something about it last.
    public var updatedAt: Date { Date(wireMilliseconds: updatedMs) }
}

extension FileProgress {
    /// When it was attached, by this device.
    public var attachedAt: Date { Date(wireMilliseconds: attachedMs) }
}

extension Confirmed {
    /// When the server signed it.
    public var at: Date { Date(wireMilliseconds: atMs) }
}

extension Status {
    /// When a sync last came to its end; nil before the first.
    public var lastSyncAt: Date? { lastSyncMs.map(Date.init(wireMilliseconds:)) }

    /// Until when the server wants to be left alone; nil if it does not.
    public var waitsUntil: Date? { waitsUntilMs.map(Date.init(wireMilliseconds:)) }
}

extension SyncReport {
    /// How long the server asks to wait before the next sync; nil if it does not.
    public var retryAfter: Duration? { retryAfterMs.map(Duration.init(wireMilliseconds:)) }
}

extension FileReport {
    /// How long the server wants to be left alone; nil if it does not.
    public var retryAfter: Duration? { retryAfterMs.map(Duration.init(wireMilliseconds:)) }
}

extension NewReport {
    /// When it happened; nil for now.
    public var occurredAt: Date? {
        get { occurredAtMs.map(Date.init(wireMilliseconds:)) }
        set { occurredAtMs = newValue?.wireMilliseconds }
    }
}

extension NewVisit {
    /// When it was; nil for now.
    public var visitedAt: Date? {
        get { visitedAtMs.map(Date.init(wireMilliseconds:)) }
        set { visitedAtMs = newValue?.wireMilliseconds }
    }
}

extension FollowUp {
    /// Until when; nil for no time set.
    public var until: Date? {
        get { untilMs.map(Date.init(wireMilliseconds:)) }
        set { untilMs = newValue?.wireMilliseconds }
    }
}

extension Fix {
    /// When the fix was taken.
    public var fixedAt: Date { Date(wireMilliseconds: fixedAtMs) }

    /// A coordinate as a device gave it.
    ///
    /// - Parameters:
    ///   - crs: Reference system of the coordinate. Core Location says WGS 84; a map of a Chinese supplier says GCJ-02.
    ///   - lon: Longitude, degrees.
    ///   - lat: Latitude, degrees.
    ///   - accuracyM: Radius of uncertainty, metres.
    ///   - fixedAt: When the fix was taken.
    public init(crs: Crs, lon: Double, lat: Double, accuracyM: Double? = nil, fixedAt: Date) {
        self.init(crs: crs, lon: lon, lat: lat, accuracyM: accuracyM, fixedAtMs: fixedAt.wireMilliseconds)
    }
}

extension FieldValue {
    /// A moment.
    public static func moment(_ date: Date) -> FieldValue { .moment(ms: date.wireMilliseconds) }
}
