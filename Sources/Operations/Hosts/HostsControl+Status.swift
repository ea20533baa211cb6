import Fleet
import Planning
import Ports

extension HostsControl: SupervisorControl {
    /// Of the hosts that answer now. Who has not said anything for `silence` counts with nothing that it said before.
    package func status(newerThan known: Int?, timeout: Seconds) async throws -> StatusReport {
        let isWaiting = known.map { $0 >= revision } ?? false
        let revisions = Dictionary(members.map { ($0.name, $0.report?.revision) }) { first, _ in first }
        let patience = isWaiting ? timeout : 0
        let answers = try await ask(within: Seconds(patience.value + settings.answer.value)) { name, control in
            try await control.status(newerThan: isWaiting ? revisions[name] ?? nil : nil, timeout: patience)
        }
        for index in members.indices {
            guard case .success(let report)? = answers[members[index].name] else { continue }
            members[index].report = report
            if let held, held.hosts.contains(members[index].name), let fault = held.fault(report) {
                note(fault: fault, of: members[index].name)
            }
        }
        // Nobody at all: that is how one host says it, too.
        if answers.values.allSatisfy({ (try? $0.get()) == nil }), let failure = failure("no host answers", answers) {
            throw failure
        }
        let failures = answers.compactMapValues { answer -> Failure? in
            if case .failure(let failure) = answer { failure } else { nil }
        }
        return merged(failures)
    }

    private func merged(_ failures: [String: Failure]) -> StatusReport {
        let now = time.now().value
        var report = FleetReport(
            members: members.map { member in
                FleetReport.Member(
                    name: member.name, report: member.report,
                    silence: failures[member.name] == nil ? nil : now - (member.heardAt ?? begunAt),
                    fault: member.fault ?? failures[member.name].map { "\($0.what): \($0.why)" } ?? "",
                    isOnProbation: member.fault != nil)
            }, silence: settings.silence
        ).merged(revision: revision)
        if let last, !last.says(the: report) {
            revision += 1
            report.revision = revision
        }
        last = report
        return report
    }

    package func begin(_ plan: GenerationPlan) async throws { try await begin(plan, only: nil) }

    package func check() async throws { try await askAll("cannot check every host") { try await $1.check() } }

    package func shutdown(drain: Seconds) async throws {
        keeper?.cancel()
        try await askAll("cannot stop the fleet on every host") { try await $1.shutdown(drain: drain) }
    }

    package func flip(to generation: Int) async throws {
        let report = try await status(newerThan: nil, timeout: 0)
        let serving = members.compactMap { $0.report?.status.generation }
        if serving.allSatisfy({ $0 == 0 }) {
            // Nothing was served before, so that no host can serve anything older than the others.
            try await askAll("cannot flip every host") { try await $1.flip(to: generation) }
        } else if isWayBack(to: generation) {
            try await goBack(to: generation)
        } else if held == nil, report.trial == nil, serving.allSatisfy({ [0, generation].contains($0) }) {
            try await admit(to: generation)
        } else {
            try await flipTogether(to: generation, from: report.status.generation)
        }
    }

    /// Something newer is on a host, whether or not it is known to serve there: who does not answer now may hold it on
    /// trial, or be told to by a word that is still on its way.
    func isWayBack(to generation: Int) -> Bool {
        let known = members.compactMap(\.report).flatMap { [$0.status.generation] + $0.generations.map(\.number) }
        return (known + [held?.generation].compactMap(\.self)).contains { $0 > generation }
    }

    /// Hosts that serve nothing yet: no other serves anything else, and none can go back.
    private func admit(to generation: Int) async throws {
        let newcomers = members.filter { member in
            let plans = member.report?.generations ?? []
            return member.report?.status.generation == 0 && plans.contains { $0.number == generation }
        }
        guard !newcomers.isEmpty else { return }
        let answers = try await ask(newcomers.map(\.name)) { try await $1.flip(to: generation) }
        if let failure = failure("cannot flip every new host", answers) { throw failure }
    }

    package func retire(_ generation: Int, drain: Seconds) async throws {
        _ = try await retire(generation, only: nil, drain: drain)
    }
}

extension StatusReport {
    /// The same but for what changes all the time.
    fileprivate func says(the other: StatusReport) -> Bool {
        var (one, two) = (status, other.status)
        for index in one.instances.indices { one.instances[index].uptimeSeconds = nil }
        for index in two.instances.indices { two.instances[index].uptimeSeconds = nil }
        for index in one.instances.indices { one.instances[index].proof?.ageSeconds = nil }
        for index in two.instances.indices { two.instances[index].proof?.ageSeconds = nil }
        for index in one.hosts.indices { one.hosts[index].silentSeconds = nil }
        for index in two.hosts.indices { two.hosts[index].silentSeconds = nil }
        return one == two && generations.map(\.number) == other.generations.map(\.number)
    }
}

/// Each host has a life of its own: it is told by itself.
extension HostsControl: HostLifeControl {}

extension HostsControl: PreviewControl {
    package func offer(of generation: Int) async throws -> ReleaseOffer? {
        for member in members {
            if let offer = try? await member.control.offer(of: generation) { return offer }
        }
        return nil
    }

    package func rehearse(_ plan: GenerationPlan) async throws {
        try await askAll("an edge would refuse it") { name, control in
            try await control.rehearse(plan.slice(for: name))
        }
    }
}
