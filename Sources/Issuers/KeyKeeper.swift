import Fleet
import Planning
import Ports

/// Keeps the keys of one issuer fresh, as its `KeyRefreshMachine` decides.
actor KeyKeeper {
    struct Fetched: Sendable {
        var keys: PublicKeys
        var maxAge: Seconds?
    }

    struct Kept: Sendable, Equatable {
        var jwks: JSONValue
        /// Seconds since 1970; the keys are at least as new.
        var fetchedAt: Double
    }

    private let issuer: String
    private let time: any Timepiece
    private let dice: @Sendable () -> Double
    private let fetch: @Sendable () async throws(IssuerFault) -> Fetched
    private let log: @Sendable (String) -> Void
    private var machine: KeyRefreshMachine
    private var kept: (keys: PublicKeys, fetchedAt: Double)?
    private var fetching: Task<Void, Never>?
    private var alarm: Task<Void, Never>?
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var isStopped = false
    private var isOverdueTold = false

    init(
        issuer: String, policy: KeyRefreshMachine.Policy, time: any Timepiece, dice: @escaping @Sendable () -> Double,
        log: @escaping @Sendable (String) -> Void, fetch: @escaping @Sendable () async throws(IssuerFault) -> Fetched
    ) {
        self.issuer = issuer
        self.time = time
        self.dice = dice
        self.log = log
        self.fetch = fetch
        machine = KeyRefreshMachine(policy: policy)
    }

    func start() { act(machine.handle(.wake(at: time.now()))) }

    func stop() {
        isStopped = true
        alarm?.cancel()
        fetching?.cancel()
        releaseWaiting()
    }

    /// Waits for a fetch that is running only when there is nothing to give, or `fresh` asks for it.
    /// Throws when there are no keys, or none that are young enough.
    func keys(fresh: Bool) async throws(IssuerFault) -> Kept {
        if fresh, !isStopped { act(machine.handle(.forced(at: time.now()))) }
        if machine.isFetching, !isStopped, fresh || !machine.mayServe(at: time.now()) {
            await withCheckedContinuation { waiting.append($0) }
        }
        guard let kept else { throw IssuerFault("no keys of \(issuer) yet: \(machine.reason)") }
        guard machine.mayServe(at: time.now()) else {
            throw IssuerFault(
                "the keys of \(issuer) are older than \(machine.policy.staleLimit.spelled): \(machine.reason)")
        }
        return Kept(jwks: kept.keys.jwks, fetchedAt: kept.fetchedAt)
    }

    /// Nil `fetchedAt`: there are no keys to give. An empty reason: all is well.
    func health() -> (fetchedAt: Double?, reason: String) {
        let notices = kept?.keys.count == 0 ? ["the issuer has no public key"] : []
        let reasons = [machine.reason].filter { !$0.isEmpty } + notices
        let mayServe = machine.mayServe(at: time.now())
        return (mayServe ? kept?.fetchedAt : nil, reasons.joined(separator: "; "))
    }

    private func act(_ actions: [KeyRefreshMachine.Action]) {
        for action in actions {
            switch action {
            case .fetch(let number): begin(number)
            case .wake(let after):
                alarm?.cancel()
                alarm = Task { [time] in
                    // Cancelled: a later alarm has taken its place.
                    guard (try? await time.sleep(after)) != nil else { return }
                    self.wake()
                }
            // Carried out where the result is.
            case .keep: break
            }
        }
    }

    private func wake() {
        guard !isStopped else { return }
        act(machine.handle(.wake(at: time.now())))
        // It may have given up a fetch that does not end.
        if !machine.isFetching { releaseWaiting() }
    }

    private func begin(_ number: Int) {
        fetching?.cancel()
        let begun = time.wallClock()
        fetching = Task { [fetch] in
            do throws(IssuerFault) {
                let fetched = try await fetch()
                self.ended(number, .success(fetched), begun: begun)
            } catch { self.ended(number, .failure(error), begun: begun) }
        }
    }

    private func ended(_ number: Int, _ result: Result<Fetched, IssuerFault>, begun: Double) {
        guard !isStopped else { return }
        let before = machine.reason
        let now = time.now()
        switch result {
        case .success(let fetched):
            let actions = machine.handle(.fetched(number, maxAge: fetched.maxAge, at: now, dice: dice()))
            if actions.contains(.keep) { keep(fetched.keys, begun: begun, recovered: kept != nil && !before.isEmpty) }
            act(actions)
        case .failure(let fault):
            act(machine.handle(.failed(number, fault.description, at: now, dice: dice())))
            // An issuer that stays away is one line, not one per try.
            if machine.reason != before { log("keys of \(issuer) not fetched: \(fault)") }
            if kept != nil, !machine.mayServe(at: now), !isOverdueTold {
                log("keys of \(issuer) are too old by now: its tokens are refused")
                isOverdueTold = true
            }
        }
        if !machine.isFetching { releaseWaiting() }
    }

    private func keep(_ keys: PublicKeys, begun: Double, recovered: Bool) {
        let isNew = kept?.keys != keys
        kept = (keys, begun)
        isOverdueTold = false
        guard isNew || recovered else { return }
        log("keys of \(issuer): \(keys.count) \(isNew ? "taken over" : "fetched again, as before")")
        if isNew { for notice in keys.notices { log("keys of \(issuer): \(notice)") } }
    }

    private func releaseWaiting() {
        let released = waiting
        waiting = []
        for continuation in released { continuation.resume() }
    }
}
