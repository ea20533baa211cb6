import Fleet
import Foundation
import Planning
import Ports
import Rendering

// Keeps nginx and the gate in step with what runs. One reconciliation at a time, in order.
extension FleetSupervisor {
    /// - Parameter isUrgent: somebody must get no more traffic, at once: no time is left to be gentle with clients.
    func reconcileEdge(isUrgent: Bool = false) async throws {
        if isUrgent { urgentEdgeWork += 1 }
        defer { if isUrgent { urgentEdgeWork -= 1 } }
        if let queuedEdgeWork { return try await queuedEdgeWork.value }
        let before = edgeWork
        let work = Task {
            _ = await before?.result
            self.queuedEdgeWork = nil
            try await self.reconcileOnce()
        }
        edgeWork = work
        queuedEdgeWork = work
        try await work.value
    }

    private func reconcileOnce() async throws {
        guard !isShuttingDown, var plan = edgePlan() else { return }
        do {
            let installed = try certificateFiles(for: &plan)
            let files = try rendered(plan) + installed + headerSecrets()
            try await turnAwayFirst()
            let changed = try await edgeServer.install(files)
            installedEdge = edgeWishes(files)
            if changed, let nginx = companions[.edge]?.record { try await reload(nginx) }
            try writePolicy()
            try await ensureCompanions()
            try await confirmPolicy()
            edgeFault = ""
        } catch {
            edgeFault = Self.words(error)
            ports.log("edge: \(edgeFault)")
            self.changed()
            throw error
        }
        self.changed()
    }

    /// Equal plans give equal bytes; a template takes longer than all else here.
    func rendered(_ plan: EdgePlan) throws -> [RenderedFile] {
        if let renderedEdge, renderedEdge.plan == plan { return renderedEdge.files }
        let files = try EdgeRenderer.render(plan)
        renderedEdge = (plan, files)
        return files
    }

    /// The generation that the edge is shaped by: whoever serves, else the newest.
    var leading: GenerationPlan? {
        active.generation.flatMap { plans[$0] } ?? plans.values.max { $0.number < $1.number }
    }

    /// The nginx in front. All plans agree on it: `begin` refuses another one.
    var edgeServer: any EdgeServer { leading.map { server(of: $0) } ?? ports.edge }

    func server(of plan: GenerationPlan) -> any EdgeServer {
        plan.sharedEdgeFile.map { ports.sharedEdge($0) } ?? ports.edge
    }

    /// Both colours of every slot are always in it, so that neither a rollout nor its flip changes
    /// a byte of it.
    ///
    /// - Parameter next: as if this generation served already; nil = as it is.
    func edgePlan(with next: GenerationPlan? = nil) -> EdgePlan? {
        guard let leading = next ?? leading else { return nil }
        let layout = settings.layout
        let known = next.map { next in plans.merging([next.number: next]) { _, next in next } } ?? plans
        let live = known.values.sorted { $0.number < $1.number }
        var pools: [EdgePlan.Pool] = []
        let wishes = (next?.pools ?? []) + live.flatMap(\.pools) + leading.pools
        for pool in wishes where !pools.contains(where: { $0.name == pool.name }) {
            pools.append(
                EdgePlan.Pool(
                    name: pool.name, scope: pool.scope, upstreamPath: pool.upstreamPath,
                    slots: slots(of: pool.name, in: live), upstreamHost: pool.upstreamHost,
                    bodyLimit: pool.limits?.body))
        }
        return EdgePlan(
            fleet: leading.fleet, edge: leading.edge, pools: pools.sorted { $0.name < $1.name },
            paths: EdgePlan.Paths(
                configuration: layout.edgeConfiguration, gateSocket: layout.gateSocket, runtime: layout.edgeRuntime,
                accessLog: layout.log("edge-access"), errorLog: layout.log("edge-error")), user: settings.edgeUser,
            installsCertificate: leading.edge.tls != nil && ports.certificate != nil)
    }

    /// A file for each pool whose instances demand a secret; only nginx's master reads them.
    func headerSecrets() throws -> [RenderedFile] {
        var secrets: [String: Set<String>] = [:]
        for instance in plans.values.flatMap(\.instances) {
            guard let path = instance.probe.headersFile else { continue }
            let text = try ports.files.read(path) ?? "{}"
            let headers = try? JSONDecoder().decode([String: String].self, from: Data(text.utf8))
            secrets[instance.pool, default: []].formUnion((headers ?? [:]).values)
        }
        return try secrets.sorted { $0.key < $1.key }.map { pool, found in
            // Two would mean that the edge can reach the instances of one generation only.
            guard let secret = found.first, found.count == 1 else {
                throw Failure(
                    .failed, "cannot tell the edge the header secret of pool \(pool)",
                    because: "its instances' headers.json hold \(found.count) secrets, not one",
                    next: "run `convoy down`, then `convoy up`: it makes a new one")
            }
            return try EdgeRenderer.headerSecret(Secret(secret), of: pool)
        }
    }

    private func slots(of pool: String, in live: [GenerationPlan]) -> [EdgePlan.Slot] {
        var slots: [String: EdgePlan.Slot] = [:]
        for plan in live {
            for instance in plan.instances where instance.pool == pool {
                let sibling = EdgePlan.Slot(
                    colour: plan.colour.other, slot: instance.slot, port: instance.siblingPort, inRotation: true)
                let key = "\(sibling.colour)\(sibling.slot)"
                slots[key] = slots[key] ?? sibling
            }
        }
        for plan in live {
            for instance in plan.instances where instance.pool == pool {
                slots["\(plan.colour)\(instance.slot)"] = slot(of: instance, in: plan)
            }
        }
        return slots.values.sorted { ($0.colour.rawValue, $0.slot) < ($1.colour.rawValue, $1.slot) }
    }

    private func slot(of instance: InstancePlan, in plan: GenerationPlan) -> EdgePlan.Slot {
        // Nobody is sent to the others, so none of them is benched: no flip needs another configuration.
        let hasTraffic = plan.number == active.generation || plan.number == active.share?.generation
        let machine = hasTraffic ? runners[instance.name]?.machine : nil
        let inRotation = isBegun(instance) && machine?.inRotation != false
        return EdgePlan.Slot(
            colour: plan.colour, slot: instance.slot, port: instance.port, inRotation: inRotation,
            drains: !inRotation && isBegun(instance) && machine?.keepsSessions == true)
    }

    /// - Parameter closesConnections: with nothing else of it changed.
    func writePolicy(closesConnections: Bool = false) throws {
        func wish(_ revision: Int) throws -> GatePolicy {
            guard closesConnections, var known = earlierPolicy() else { return try gatePolicy(revision: revision) }
            known.revision = revision
            known.closesConnections = true
            return known
        }
        guard try wish(writtenPolicy?.revision ?? active.policyRevision) != writtenPolicy else { return }
        active.policyRevision += 1
        let next = try wish(active.policyRevision)
        try store.save(active)
        try ports.files.write(settings.layout.gatePolicy, try StableJSON.text(next), mode: 0o644)
        writtenPolicy = next
    }

    func gatePolicy(revision: Int) throws -> GatePolicy {
        guard let leading else { return GatePolicy(revision: revision, url: "", pools: [], issuers: []) }
        // Nobody is served while nobody can say by which generation.
        let isShut = active.trial?.isShut == true || !life.keepsSessions
        let takesNew = !isShut && life.takesNew
        let serving = isShut ? nil : active.generation.flatMap { plans[$0] }
        let pools = leading.pools.map { pool in
            let also =
                !takesNew
                ? nil
                : sharing(pool.name).map {
                    GatePolicy.Pool.Also(colour: $0.plan.colour, part: $0.part, seed: $0.plan.number)
                }
            let isModern =
                comparesHeaders(pool.name, serving, before: { $0.active ?? $0.keeps })
                && (also == nil || comparesHeaders(pool.name, sharing(pool.name)?.plan, before: \.also?.colour))
            return GatePolicy.Pool(
                name: pool.name, scope: pool.scope, active: takesNew ? serving?.colour : nil,
                sessions: isShut ? [] : tags(of: pool.name),
                also: also, tools: pool.tools, comparesHeaders: pool.tools != nil && isModern,
                clients: pool.clients, rate: pool.limits?.rate, sessionsAreExternal: pool.sessionsAreExternal,
                keeps: takesNew ? nil : serving?.colour)
        }
        return GatePolicy(
            revision: revision, url: leading.edge.url, pools: pools,
            issuers: try issuers(of: leading))
    }

    /// Not of a generation that is still on its way: it opened no session, and a slot's siblings, which
    /// stand in for it, may not be proved yet.
    private func tags(of pool: String) -> [String] {
        let known = plans.values.filter {
            $0.number <= active.generation ?? 0 || active.retiring.contains($0.number)
                || active.share?.generation == $0.number
        }
        return known.flatMap { plan in
            plan.instances
                .filter { $0.pool == pool && runners[$0.name]?.machine.keepsSessions == true }
                .map { "\(plan.colour.rawValue)\($0.slot)" }
        }.sorted()
    }

    /// Whether all of a generation that gets traffic speak the modern era. A supervisor that has just adopted
    /// them has not asked yet; what the policy said before still holds for the same processes.
    private func comparesHeaders(
        _ pool: String, _ serving: GenerationPlan?, before colour: (GatePolicy.Pool) -> Colour?
    ) -> Bool {
        let instances = serving?.instances.filter { $0.pool == pool } ?? []
        let known = instances.compactMap { runners[$0.name]?.machine.eras }.filter { !$0.isEmpty }
        guard known.isEmpty else { return known.allSatisfy { $0.contains(.modern) } }
        let before = earlierPolicy()?.pools.first { $0.name == pool }
        return before.flatMap(colour) == serving?.colour && before?.comparesHeaders == true
    }

    func earlierPolicy() -> GatePolicy? {
        if let writtenPolicy { return writtenPolicy }
        guard let text = try? ports.files.read(settings.layout.gatePolicy) else { return nil }
        return try? JSONDecoder().decode(GatePolicy.self, from: Data(text.utf8))
    }

    private func issuers(of plan: GenerationPlan) throws -> [GatePolicy.Issuer] {
        if plan.edge.authorization == .development { return [try settings.developmentIssuer(plan.fleet)] }
        return try plan.edge.authorization.issuers.map { issuer in
            GatePolicy.Issuer(
                url: issuer.url, keys: try keys(of: issuer), algorithms: issuer.algorithms, audience: issuer.audience,
                scopeClaim: issuer.scopeClaim, introspection: issuer.introspection != nil)
        }
    }

    private func keys(of issuer: IssuerSpec) throws -> GatePolicy.Issuer.Keys {
        switch issuer.keys {
        case .file(let path):
            guard let text = try ports.files.read(path) else {
                throw Failure(
                    .unavailable, "cannot read the keys of \(issuer.url)", because: "\(path) is missing",
                    next: "put the issuer's JWKS document there")
            }
            return .inline(try keys(text, path))
        case .url, .discover: return .refresher
        case nil: return .none
        }
    }

    private func keys(_ text: String, _ path: String) throws -> JSONValue {
        do {
            return try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        } catch {
            throw Failure(
                .failed, "cannot read the issuer's keys", because: "\(path) is no JSON",
                next: "put the issuer's JWKS document there")
        }
    }

    /// The flip is done when the gate says that it applies the policy, not when the file is written.
    func confirmPolicy() async throws {
        guard let wanted = writtenPolicy?.revision, let gate = companions[.gate]?.record else { return }
        let deadline = ports.time.now().value + 5
        var last = "it does not answer"
        var signalled = false
        // A gate takes a policy within a millisecond or two.
        var pause: Seconds = 0.001
        repeat {
            do {
                let applied = try await ports.gate.revision()
                if applied == wanted { return }
                last = "it applies revision \(applied), not \(wanted)"
            } catch {
                last = Self.words(error)
            }
            // Asked first: a gate that has just started must not be signalled before it listens to signals.
            if !signalled { await ports.processes.signal(gate, .hup, wholeGroup: false) }
            signalled = true
            try await ports.time.sleep(pause)
            pause = min(Seconds(pause.value * 2), 0.05)
        } while ports.time.now().value < deadline
        throw Failure(
            .failed, "the gate did not take the new policy", because: last,
            next: "look at `convoy logs gate`")
    }
}
