import Fleet
import Foundation

/// What a host tells of its own Convoy, before, while and after that is exchanged for another.
package struct UpdateFacts: Sendable, Equatable, Codable {
    package struct Unit: Sendable, Equatable, Codable {
        package var isActive: Bool
        package var pid: Int32
        /// It runs the program that lies there now, not one that was there before.
        package var isCurrent: Bool

        package init(isActive: Bool, pid: Int32, isCurrent: Bool) {
            self.isActive = isActive
            self.pid = pid
            self.isCurrent = isCurrent
        }
    }

    /// Of the supervisor's answer what matters here, in words that convoys of all versions share.
    package struct Fleet: Sendable, Equatable, Codable {
        package var name: String
        /// 0: none serves.
        package var generation: Int
        package var converged: Bool
        /// Why not: `analytics-1-g3: its canary fails`.
        package var complaints: [String]

        package init(name: String, generation: Int, converged: Bool, complaints: [String] = []) {
            self.name = name
            self.generation = generation
            self.converged = converged
            self.complaints = complaints
        }
    }

    /// What must be as it was.
    package struct Lasting: Sendable, Equatable, Codable {
        /// Unit -> main process.
        package var instances: [String: Int32]
        /// Nil where none runs.
        package var edge: Int32?
        package var hasGate: Bool
        /// Status of the edge's answer to a stranger; 401 comes from the gate. Nil: nobody could be asked.
        package var answer: Int?

        package init(instances: [String: Int32] = [:], edge: Int32? = nil, hasGate: Bool = false, answer: Int? = nil) {
            self.instances = instances
            self.edge = edge
            self.hasGate = hasGate
            self.answer = answer
        }
    }

    /// An update that is neither confirmed nor taken back.
    package struct Trial: Sendable, Equatable, Codable {
        /// Of the package's file.
        package var digest: Digest
        package var isInstalled: Bool
        /// It is being taken back.
        package var isUndoing: Bool
        package var before: Lasting

        package init(digest: Digest, isInstalled: Bool, isUndoing: Bool = false, before: Lasting) {
            self.digest = digest
            self.isInstalled = isInstalled
            self.isUndoing = isUndoing
            self.before = before
        }
    }

    package var architecture = ""
    /// Version of Convoy's package; nil where there is none.
    package var package: String?
    /// Digest of the file that it came from, if a bootstrap or an update brought it.
    package var packageFile: Digest?
    /// Files of the package that are not as it brought them.
    package var changedFiles: [String] = []
    /// Directory -> bytes that are left.
    package var room: [String: Int] = [:]
    package var supervisor = Unit(isActive: false, pid: 0, isCurrent: false)
    package var gate = Unit(isActive: false, pid: 0, isCurrent: false)
    package var lasting = Lasting()
    /// Nil: the supervisor does not answer.
    package var fleet: Fleet?
    package var isInstalling = false
    package var trial: Trial?

    package init() {}

    /// From the line that `UpdateFactsScript` prints; nil when the answer was cut.
    package init?(lines: [String]) {
        guard let line = lines.last(where: { $0.hasPrefix("{") }),
            let facts = try? JSONDecoder().decode(Self.self, from: Data(line.utf8))
        else { return nil }
        self = facts
    }
}
