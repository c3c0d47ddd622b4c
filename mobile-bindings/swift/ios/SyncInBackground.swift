// NOT BUILT HERE: for an iOS app to copy.
import BackgroundTasks
import Gridlog

/// It stands in `BGTaskSchedulerPermittedIdentifiers` of Info.plist.
private let name = "your.app.sync"

/// One sync in the background. Call `register` before the app has finished launching, and `schedule` when it leaves the
/// screen.
///
/// The system calls back on a queue of its own, so nothing here belongs to the main actor, whatever the app's default is.
enum SyncInBackground {
    nonisolated static func register(_ phone: @escaping @Sendable () async throws -> Phone) {
        BGTaskScheduler.shared.register(forTaskWithIdentifier: name, using: nil) { @Sendable task in
            // Whatever becomes of this one, there is a next.
            schedule()
            let run = Running(task)
            let work = Task.detached { run.end(success: await sync(phone)) }
            // The system ends it early: the sync throws at once, and what was exchanged is kept.
            task.expirationHandler = { work.cancel() }
        }
    }

    nonisolated static func schedule() {
        let request = BGProcessingTaskRequest(identifier: name)
        request.requiresNetworkConnectivity = true
        request.earliestBeginDate = Date(timeIntervalSinceNow: 15 * 60)
        // It fails where background work is switched off; the app syncs when it is opened.
        try? BGTaskScheduler.shared.submit(request)
    }

    /// Whether everything was exchanged that the worker lets go.
    nonisolated private static func sync(_ open: @Sendable () async throws -> Phone) async -> Bool {
        do {
            let phone = try await open()
            // First of all: this process may be new, and does not know the network.
            await sayNetwork(phone)
            let report = try await phone.sync()
            let files = try await phone.sendFiles()
            // What the worker holds back waits for the worker.
            return report.complete && (files.left == 0 || files.heldBack != nil)
        } catch {
            // `TryLater`: no signal. `SignIn`: show the sign-in when the app is opened next. Cancelled: time is over.
            return false
        }
    }

    /// Says what network there is, now and whenever the system says another. The engine keeps what the worker chose, and
    /// not the network.
    nonisolated private static func sayNetwork(_ phone: Phone) async {
        let (said, say) = AsyncStream.makeStream(of: Void.self)
        // It listens for as long as the phone has it, and holds no phone open.
        phone.use(NetworkPath { [weak phone] network in
            if let phone { phone.allowFiles(phone.filePolicy, on: network) }
            say.finish()
        })
        for await _ in said {}
    }
}

/// The system's task, which may be ended from any thread.
private final class Running: Sendable {
    nonisolated(unsafe) private let task: BGTask

    nonisolated init(_ task: BGTask) {
        self.task = task
    }

    nonisolated func end(success: Bool) {
        task.setTaskCompleted(success: success)
    }
}
