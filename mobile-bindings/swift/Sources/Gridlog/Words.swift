extension Stage {
    /// What a worker reads, for example 待受理.
    public var zh: String { stageZh(stage: self) }
}

extension Standing {
    /// What a worker reads, for example 已入卷.
    public var zh: String { standingZh(standing: self) }
}

extension Step {
    /// What a worker reads, for example 上报.
    public var zh: String { stepZh(step: self) }
}

extension Kind {
    /// What a worker reads, for example 案卷.
    public var zh: String { kindZh(kind: self) }
}

extension TimerKind {
    /// What a worker reads, for example 超时.
    public var zh: String { timerZh(kind: self) }
}

extension Urgency {
    /// What a worker reads.
    public var zh: String { urgencyZh(urgency: self) }
}
