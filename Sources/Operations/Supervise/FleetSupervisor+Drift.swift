import Fleet
import Planning
import Ports

// Compares what it made with what is there. Drift alone moves no traffic: health and proof do that.
extension FleetSupervisor: DriftControl {
    package func survey() async throws -> DriftSurvey {
        await untilTakenOver()
        // A reconciliation on its way writes what we would find wrong.
        _ = await edgeWork?.result
        guard let drift = ports.drift else {
            throw Failure(
                .unavailable, "cannot look for drift", because: "this supervisor has nothing to look with",
                next: "use the convoy that it was started with")
        }
        var survey = DriftSurvey(
            fleet: plans.values.first?.fleet ?? "", supervisorVersion: settings.version, ports: portWish())
        survey.generations = plans.keys.sorted()
        survey.writtenPolicy = writtenPolicy?.revision
        if companions[.gate]?.record != nil { survey.appliedPolicy = try? await ports.gate.revision() }
        survey.processes = processWishes(drift.surveyor)
        survey.users = userWishes()
        survey.notes = Set(runners.values.flatMap(\.dropIns)).sorted().map { "units are changed by \($0)" }
        let wishes = DriftWishes(
            layout: settings.layout, files: ports.files, plans: plans, user: drift.surveyor.user,
            isDirect: ports.units == nil)
        let (known, strays) = (try recordWishes(wishes) + unitWishes(wishes), ports.units != nil)
        let releases = Dictionary(plans.values.map { ($0.release.digest, $0.release) }) { first, _ in first }
        let layout = settings.layout
        let (edge, before) = (installedEdge, survey)
        // Off the actor: it reads hundreds of files, and others must not wait.
        return try await Task.detached {
            var survey = before
            wishes.look(known + edge, edge, strays, drift.surveyor, &survey)
            for stamp in releases.values.sorted(by: { $0.digest.hex < $1.digest.hex }) {
                survey.releases.append(
                    ReleaseSighting(
                        release: stamp, directory: layout.releases + "/" + stamp.digest.hex,
                        changes: try drift.releases.changes(of: stamp.digest)))
            }
            return survey
        }.value
    }

    // MARK: Its own loop

    private static var driftPause: Seconds { 180 }

    /// Runs until it is cancelled. Only what two looks in a row have found is told: a rollout on its way makes
    /// files and users before it says so.
    func watchDrift() async {
        guard let drift = ports.drift else { return }
        while (try? await ports.time.sleep(Seconds(Self.driftPause.value * Double.random(in: 0.8..<1.2)))) != nil {
            guard !plans.isEmpty, !isShuttingDown else { continue }
            do {
                var survey = try await survey()
                survey = await Task.detached { [survey] in survey.completed(by: drift.surveyor) }.value
                driftLog.note(DriftJudge(survey).report).forEach(ports.log)
            } catch {
                ports.log("drift: cannot look: \(Self.words(error))")
            }
        }
    }
}

extension DriftSurvey {
    /// With what only the machine tells: its processes and its sockets.
    package func completed(by surveyor: any HostSurveyor) -> DriftSurvey {
        var survey = self
        for index in survey.processes.indices {
            survey.processes[index].fact = surveyor.process(survey.processes[index].pid)
        }
        do {
            survey.table = try surveyor.table()
        } catch {
            survey.unseen.append("processes and listeners: \(FleetSupervisor.words(error))")
        }
        return survey
    }
}

/// Tells each difference once, and once when it is gone.
struct DriftLog {
    private var seen: Set<String> = []
    private var told: [String: DriftFinding] = [:]

    mutating func note(_ report: DriftReport) -> [String] {
        let now = Dictionary(report.findings.map { ($0.identity, $0) }) { first, _ in first }
        var lines: [String] = []
        for (identity, finding) in now.sorted(by: { $0.key < $1.key })
        where told[identity] == nil && seen.contains(identity) {
            told[identity] = finding
            lines.append(
                "drift: \(identity): \(finding.found) instead of \(finding.wish); "
                    + "who could: \(finding.whoCould); see `convoy drift`")
        }
        for identity in told.keys.sorted() where now[identity] == nil {
            told[identity] = nil
            lines.append("drift: \(identity): gone")
        }
        seen = Set(now.keys)
        return lines
    }
}
