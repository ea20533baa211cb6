import Fleet
import Foundation
import Supervision
import Synchronization

/// `fleet.yaml` on disk.
struct SpecFile {
    let path: String
    let workplace: Workplace
    /// More than the parser allows: it says so itself, and a huge file is not read whole.
    private static let readLimit = 4 << 20

    func load() throws -> (spec: FleetSpec, profile: Profile) {
        let bytes = try bytes()
        return try workplace.specs.spec(of: bytes) { try parse(bytes) }
    }

    private func parse(_ bytes: [UInt8]) throws -> (spec: FleetSpec, profile: Profile) {
        let spec = try FleetSpec.parse(bytes, file: path, profile: workplace.profile)
        guard let profile = try workplace.profile(spec.server.profile) else {
            throw Failure(
                .badSpec, "cannot read \(path)", because: "there is no profile \(spec.server.profile)", next: "")
        }
        return (spec, profile)
    }

    func bytes() throws -> [UInt8] {
        guard let handle = FileHandle(forReadingAtPath: Workplace.absolute(path)) else {
            throw Failure(
                .unavailable, "cannot read \(path)", because: "it is missing or may not be read",
                next: "write one with `convoy init`, or name it with --file")
        }
        defer { try? handle.close() }
        return [UInt8](try handle.read(upToCount: Self.readLimit) ?? Data())
    }

    /// Makes the file name this exact release, touching nothing else of it.
    func name(_ release: ReleaseReference) throws { try replaceRelease(load().spec.server.release, by: release) }

    private func replaceRelease(_ old: ReleaseReference, by new: ReleaseReference) throws {
        guard old != new else { return }
        let text = String(decoding: try bytes(), as: UTF8.self)
        var hits = 0
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
            let code = line.prefix(while: { $0 != "#" })
            guard code.contains("release:"), code.contains(old.description) else { return String(line) }
            hits += 1
            return code.replacingOccurrences(of: old.description, with: new.description)
                + line.dropFirst(code.count)
        }
        guard hits == 1 else {
            throw Failure(
                .failed, "the fleet runs \(new), but \(path) could not be changed to say so",
                because: "it names \(old) \(hits) times", next: "write `release: \(new)` there by hand")
        }
        try PosixFiles().write(Workplace.absolute(path), lines.joined(separator: "\n"), mode: 0o644)
    }
}

/// What a verb has read already: it looks at fleet.yaml more than once, and reading YAML takes its time.
final class SpecMemory: Sendable {
    private let last = Mutex<(bytes: [UInt8], spec: FleetSpec, profile: Profile)?>(nil)

    func spec(
        of bytes: [UInt8], else parse: () throws -> (spec: FleetSpec, profile: Profile)
    ) rethrows -> (spec: FleetSpec, profile: Profile) {
        if let known = last.withLock(\.self), known.bytes == bytes { return (known.spec, known.profile) }
        let (spec, profile) = try parse()
        last.withLock { $0 = (bytes, spec, profile) }
        return (spec, profile)
    }
}
