import Fleet
import Foundation
import Planning
import Ports

/// What a supervisor must find again after it was killed: which generations it runs, which one
/// serves. One file per generation, so that one damaged file costs one generation, not all.
struct GenerationStore: Sendable {
    struct Active: Codable, Equatable {
        var generation: Int?
        var policyRevision: Int
        /// Generations told to go: a supervisor that was killed meanwhile goes on with it.
        var retiring: [Int]
        /// Who gets a part of the new traffic beside whom serves. With a part of 0 it has sessions still.
        var share: Share?
        /// Names of the instances that a generation has, by its number, where that is not its whole plan.
        var begun: [Int: [String]]
        /// Instances told to go while the rest of their generation stays.
        var leaving: [String]
        /// A flip or a share that several hosts make together, until it is for good.
        var trial: FlipTrial?

        struct Share: Codable, Equatable {
            var generation: Int
            /// 0...1; nil = in proportion to the fit instances of both.
            var part: Double?
            /// Those of it that were fit when it was given: whoever adopts them goes on with them.
            var among: [String]?
        }

        init(
            generation: Int?, policyRevision: Int, retiring: [Int], share: Share? = nil, begun: [Int: [String]] = [:],
            leaving: [String] = [], trial: FlipTrial? = nil
        ) {
            self.generation = generation
            self.policyRevision = policyRevision
            self.retiring = retiring
            self.share = share
            self.begun = begun
            self.leaving = leaving
            self.trial = trial
        }

        /// Absent is what a supervisor of an older release did not know.
        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            self.init(
                generation: try values.decodeIfPresent(Int.self, forKey: .generation),
                policyRevision: try values.decode(Int.self, forKey: .policyRevision),
                retiring: try values.decode([Int].self, forKey: .retiring),
                share: try values.decodeIfPresent(Share.self, forKey: .share),
                begun: try values.decodeIfPresent([Int: [String]].self, forKey: .begun) ?? [:],
                leaving: try values.decodeIfPresent([String].self, forKey: .leaving) ?? [],
                trial: try values.decodeIfPresent(FlipTrial.self, forKey: .trial))
        }

        /// Forgets what is said of generations that are not there any more.
        mutating func forgetAll(but plans: some Collection<GenerationPlan>) {
            let numbers = Set(plans.map(\.number))
            let names = Set(plans.flatMap(\.instances).map(\.name))
            if share.map({ !numbers.contains($0.generation) }) == true { share = nil }
            begun = begun.filter { numbers.contains($0.key) }
            leaving.removeAll { !names.contains($0) }
        }
    }

    let files: any FileStore
    let layout: FleetLayout

    func load() throws -> (plans: [GenerationPlan], active: Active) {
        var plans: [GenerationPlan] = []
        for name in try files.list(layout.generations) where name.hasSuffix(".plan.json") {
            let path = layout.generations + "/" + name
            guard let text = try files.read(path) else { continue }
            plans.append(try decode(GenerationPlan.self, text, path))
        }
        let active = try files.read(activePath).map { try decode(Active.self, $0, activePath) }
        return (
            plans.sorted { $0.number < $1.number }, active ?? Active(generation: nil, policyRevision: 0, retiring: [])
        )
    }

    func save(_ plan: GenerationPlan) throws {
        try files.write(path(plan.number), try StableJSON.text(plan), mode: 0o600)
    }

    func save(_ active: Active) throws { try files.write(activePath, try StableJSON.text(active), mode: 0o600) }

    func forget(_ generation: Int) throws { try files.remove(path(generation)) }

    var activePath: String { layout.generations + "/active.json" }
    func path(_ number: Int) -> String { layout.generations + "/\(number).plan.json" }

    private func decode<Value: Decodable>(_ type: Value.Type, _ text: String, _ path: String) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(text.utf8))
        } catch {
            // Law 8: never delete what can't be read.
            throw Failure(
                .failed, "cannot read \(path)", because: "it is not what an earlier supervisor wrote",
                next: "move it away by hand and run `convoy up` again")
        }
    }
}
