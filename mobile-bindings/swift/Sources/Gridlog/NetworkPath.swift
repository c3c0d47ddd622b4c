// NOT BUILT HERE: Linux has no Network framework.
#if canImport(Network)
import Foundation
import Network

/// The system's word on the network: nothing is sent while there is none, and photos know what it costs.
///
/// ```swift
/// phone.use(NetworkPath { [weak phone] network in phone?.allowFiles(.unmeteredOnly, on: network) })
/// ```
///
/// The phone holds what it uses, so a closure that held the phone would keep it open for good.
public final class NetworkPath: Connectivity, @unchecked Sendable {
    // Not every version of the system's SDK says that it may be shared. It is started once and cancelled once.
    private let monitor = NWPathMonitor()
    private let latest = Latest()

    /// Listens until it is let go of.
    ///
    /// - Parameter onChange: Called with the network that there is, at first and whenever it changes.
    public init(onChange: @escaping @Sendable (NetworkKind) -> Void = { _ in }) {
        monitor.pathUpdateHandler = { [latest] path in
            let network = NetworkPath.kind(of: path)
            latest.set(network)
            onChange(network)
        }
        monitor.start(queue: DispatchQueue(label: "gridlog-network"))
    }

    deinit {
        monitor.cancel()
    }

    public func isOnline() throws -> Bool {
        // Until the system has said anything, a request may try its luck.
        latest.get() != NetworkKind.none
    }

    private static func kind(of path: NWPath) -> NetworkKind {
        guard path.status == .satisfied else { return .none }
        return path.isExpensive || path.isConstrained ? .metered : .unmetered
    }
}

/// What the system said last.
private final class Latest: @unchecked Sendable {
    private let lock = NSLock()
    private var network: NetworkKind?

    func set(_ network: NetworkKind) {
        lock.withLock { self.network = network }
    }

    func get() -> NetworkKind? {
        lock.withLock { network }
    }
}
#endif
