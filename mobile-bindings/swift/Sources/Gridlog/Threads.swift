import Foundation

/// The threads on which calls to stores block. They are few, and none of those that run Swift's tasks: a task that
/// blocked one of them would hold up every other.
private let storeThreads: OperationQueue = {
    let queue = OperationQueue()
    queue.name = "gridlog-store"
    queue.maxConcurrentOperationCount = 4
    queue.qualityOfService = .userInitiated
    return queue
}()

/// Runs what blocks on a thread of its own. It is not given up when the task is cancelled: what is recorded is recorded.
func onStoreThread<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        storeThreads.addOperation { continuation.resume(with: Result(catching: work)) }
    }
}

/// Waits for the engine, and ends the engine's work if the task is cancelled meanwhile; what the engine says stands.
func untilDone<T: Sendable>(_ work: (SyncCancel) async throws -> T) async throws -> T {
    try Task.checkCancellation()
    let cancel = SyncCancel()
    return try await withTaskCancellationHandler {
        do {
            return try await work(cancel)
        } catch GridlogError.Cancelled where Task.isCancelled {
            throw CancellationError()
        }
    } onCancel: {
        cancel.cancel()
    }
}

/// Waits for what a server answers, unless the task is cancelled: the engine then ends by itself, after the request that is
/// under way.
func answeredAtOnce<T: Sendable>(_ work: @escaping @Sendable (SyncCancel) async throws -> T) async throws -> T {
    try Task.checkCancellation()
    let cancel = SyncCancel()
    let (answers, engine) = AsyncThrowingStream.makeStream(of: T.self)
    engine.onTermination = { ending in
        if case .cancelled = ending { cancel.cancel() }
    }
    Task {
        do {
            engine.yield(try await work(cancel))
            engine.finish()
        } catch {
            engine.finish(throwing: error)
        }
    }
    do {
        for try await answer in answers {
            return answer
        }
    } catch GridlogError.Cancelled where Task.isCancelled {
        // The engine was faster than the stream.
    }
    // A stream ends without an element only for a task that was cancelled.
    throw CancellationError()
}
