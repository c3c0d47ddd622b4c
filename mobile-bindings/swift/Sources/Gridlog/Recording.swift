import Foundation

/// What a worker records. Every call returns when its change is on the disk, with or without signal.
extension Phone {
    /// Reports a problem. A draft that it was so far goes with the same commit.
    @discardableResult
    public func report(_ report: NewReport, draft: EntryId? = nil) async throws -> RecordId {
        try await onStore { try $0.report(new: report, draft: draft) }
    }

    /// Notes a problem without reporting it.
    @discardableResult
    public func noteCase(_ report: NewReport, draft: EntryId? = nil) async throws -> RecordId {
        try await onStore { try $0.noteCase(new: report, draft: draft) }
    }

    /// Records a visit. Nobody home is a visit too.
    @discardableResult
    public func visit(_ visit: NewVisit, draft: EntryId? = nil) async throws -> RecordId {
        try await onStore { try $0.visit(new: visit, draft: draft) }
    }

    /// Starts a patrol in an area, or in the worker's own.
    public func startPatrol(in area: AreaCode? = nil, route: String? = nil) async throws -> RecordId {
        try await onStore { try $0.startPatrol(area: area, route: route) }
    }

    /// Enters the finding of one checklist item of a patrol.
    @discardableResult
    public func inspect(
        _ item: String,
        on patrol: RecordId,
        finding: Finding,
        note: String = ""
    ) async throws -> EntryId {
        try await onStore { try $0.inspect(patrol: patrol, item: item, finding: finding, note: note) }
    }

    /// Ends a patrol; notes are added to those that stand.
    public func finishPatrol(_ patrol: RecordId, notes: String? = nil) async throws {
        try await onStore { try $0.finishPatrol(patrol: patrol, notes: notes) }
    }

    /// Replaces fields, all in one change.
    ///
    /// - Parameters:
    ///   - record: Which.
    ///   - fields: What they hold from now on, by name.
    ///   - shown: The `revision` of what the worker had before them. What came in since then is kept beside theirs as
    ///     a conflict. Without it, what stands now is replaced.
    public func edit(_ record: RecordId, _ fields: [String: FieldValue], shown: String? = nil) async throws {
        try await onStore { try $0.edit(record: record, fields: fields, shown: shown) }
    }

    /// Rewrites prose; only what differs from `before` is written.
    public func editProse(
        _ record: RecordId,
        field: String,
        to after: String,
        from before: String? = nil
    ) async throws {
        try await onStore { try $0.editProse(record: record, field: field, after: after, before: before) }
    }

    /// Ends a conflict: `value` stands, the values that `seen` names are settled.
    public func resolve(
        _ record: RecordId,
        at place: String,
        to value: FieldValue,
        seen: [String]
    ) async throws {
        try await onStore { try $0.resolve(record: record, place: place, value: value, seen: seen) }
    }

    /// Says something.
    @discardableResult
    public func comment(_ text: String, on record: RecordId) async throws -> EntryId {
        try await onStore { try $0.comment(record: record, text: text) }
    }

    /// Asks for a workflow step; the server rules on it.
    @discardableResult
    public func propose(
        _ step: Step,
        for record: RecordId,
        details: StepDetails = StepDetails()
    ) async throws -> EntryId {
        try await onStore { try $0.propose(record: record, step: step, details: details) }
    }

    /// Asks to take back a step.
    @discardableResult
    public func withdraw(_ proposal: EntryId, of record: RecordId) async throws -> EntryId {
        try await onStore { try $0.withdraw(record: record, proposal: proposal) }
    }

    /// Marks a record as deleted.
    public func delete(_ record: RecordId) async throws {
        try await onStore { try $0.deleteRecord(record: record) }
    }

    /// Sends something that was sent back once more, with the next sync.
    public func retry(_ item: EntryId) async throws {
        try await onStore { try $0.retry(item: item) }
    }

    /// Lets something that was sent back go, for good.
    public func dismiss(_ item: EntryId) async throws {
        try await onStore { try $0.dismiss(item: item) }
    }

    /// Keeps unfinished input on this phone; it is never sent.
    public func saveDraft(_ json: String, as draft: EntryId? = nil) async throws -> EntryId {
        try await onStore { try $0.saveDraft(json: json, draft: draft) }
    }

    /// Every draft, the one saved last first.
    public func drafts() async throws -> [Draft] {
        try await onStore { try $0.drafts() }
    }

    /// Lets a draft go, for good.
    public func discardDraft(_ draft: EntryId) async throws {
        try await onStore { try $0.discardDraft(draft: draft) }
    }
}
