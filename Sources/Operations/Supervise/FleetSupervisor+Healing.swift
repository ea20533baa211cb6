import Fleet
import Planning
import Ports

// Puts right what is safe: nothing of it stops a process or moves traffic.
extension FleetSupervisor {
    package func heal() async throws -> [String] {
        guard let drift = ports.drift else { return [] }
        let found = try await survey()
        let survey = await Task.detached { found.completed(by: drift.surveyor) }.value
        healed = []
        for stray in survey.strays where !stray.path.hasPrefix(Self.unitsDirectory) {
            await act("\(stray.path) is in \(settings.layout.quarantine)") {
                _ = try drift.mender.putAside(stray.path, into: settings.layout.quarantine)
            }
        }
        if survey.strays.contains(where: { $0.path.hasPrefix(Self.unitsDirectory) }) {
            await act("units of generations that are gone") { await ports.units?.sweep(except: Set(runners.keys)) }
        }
        await rewrite(survey)
        // What was written again has its mode already.
        for sighting in survey.files where sighting.fact != nil {
            guard let fact = try? drift.surveyor.file(sighting.wish.path) else { continue }
            let findings = DriftJudge.judge(FileSighting(wish: sighting.wish, fact: fact))
            guard findings.contains(where: { $0.kind == .mode || $0.kind == .owner }) else { continue }
            let mode = sighting.wish.mode ?? (fact.mode & ~sighting.wish.forbidden)
            await act("mode and owner of \(sighting.wish.path)") {
                try drift.mender.restore(sighting.wish.path, mode: mode, owner: sighting.wish.owner)
            }
        }
        return healed
    }

    /// What fails is told in the log, and is found by the next look.
    private func act(_ what: String, _ body: () async throws -> Void) async {
        do {
            try await body()
            healed.append(what)
            ports.log("drift: healed: \(what)")
        } catch {
            ports.log("drift: not healed: \(what): \(Self.words(error))")
        }
    }

    private func rewrite(_ survey: DriftSurvey) async {
        let findings = survey.files.flatMap { sighting in
            DriftJudge.judge(sighting).filter { $0.kind != .mode && $0.kind != .owner }
        }
        func has(_ kind: DriftFinding.Kind) -> Bool { findings.contains { $0.kind == kind && $0.canHeal } }
        if has(.record) {
            await act("the supervisor's own records") {
                for plan in plans.values { try store.save(plan) }
                try store.save(active)
                try book.save()
            }
        }
        if has(.unit), let units = ports.units {
            let changed = Set(findings.filter { $0.kind == .unit }.map(\.subject))
            for file in unitFiles() where changed.contains(Self.unitsDirectory + "/" + file.path) {
                await act("unit \(file.path)") { try await units.provide(file) }
            }
        }
        let isPolicyOld = survey.appliedPolicy != nil && survey.writtenPolicy != survey.appliedPolicy
        if has(.policy) || isPolicyOld {
            // Its next revision differs, so the gate's answer tells that it was read.
            writtenPolicy = nil
        }
        let isTouched = isEdgeTouched(survey)
        guard has(.policy) || isPolicyOld || isTouched else { return }
        await act("edge and gate go by what was made for them") {
            try await reconcileEdge()
            // It may have read other bytes meanwhile, also where the files are right again.
            if isTouched, edgeServer.isOwnProcess, let nginx = companions[.edge]?.record {
                await ports.processes.signal(nginx, .hup, wholeGroup: false)
            }
        }
    }

    /// Also a mode: the edge's files are installed anew as a whole.
    private func isEdgeTouched(_ survey: DriftSurvey) -> Bool {
        let own = settings.layout.edgeConfiguration + "/current"
        let included = leading?.sharedEdgeFile
        func isOfEdge(_ path: String) -> Bool { path.hasPrefix(own) || path == included }
        return survey.files.contains { isOfEdge($0.wish.path) && !DriftJudge.judge($0).isEmpty }
            || DriftJudge(survey).report.findings.contains { $0.kind == .listener && $0.canHeal }
    }
}
