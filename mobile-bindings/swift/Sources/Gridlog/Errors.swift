import Foundation

// There is one case for each thing that an app can do about it. Every one has these three.
extension GridlogError {
    /// Stable; what programs look at.
    public var code: String { texts.code }

    /// For the worker.
    public var zh: String { texts.zh }

    /// For developers and logs.
    public var en: String { texts.en }

    /// How long the server asks to wait; nil if it does not say.
    public var retryAfter: Duration? {
        guard case .TryLater(_, _, _, let milliseconds) = self else { return nil }
        return milliseconds.map(Duration.init(wireMilliseconds:))
    }

    private var texts: (code: String, zh: String, en: String) {
        switch self {
        case .Store(let code, let zh, let en), .SignIn(let code, let zh, let en), .Input(let code, let zh, let en),
            .TryLater(let code, let zh, let en, _), .Server(let code, let zh, let en),
            .Cancelled(let code, let zh, let en), .Internal(let code, let zh, let en):
            (code, zh, en)
        }
    }
}

/// An alert that shows an error shows what the worker reads.
extension GridlogError: LocalizedError {
    /// For the worker, in Chinese.
    public var errorDescription: String? { zh }

    /// For developers, with the stable code.
    public var failureReason: String? { "\(en) (\(code))" }
}
