import Fleet
import Foundation

/// `pypi:` releases: resolved by pip once, then installed from the hashed wheels alone.
struct PypiReleases: Sendable {
    let shelf: ReleaseShelf
    let host: PythonHost
    let builder: ReleaseBuilder

    func resolve(_ reference: ReleaseReference, constraints: [String]) async throws -> LockedRelease {
        let requirement = "\(reference.name)==\(reference.version)"
        try validate([requirement] + constraints, reference)
        let work = try shelf.stage()
        defer { try? Posix.removeTree(work) }
        let wheels = try await report(requirement, constraints, reference, work).wheels
        try await fetch(wheels.map(\.package), for: reference, found: wheels.map(\.url))
        let packages = wheels.map(\.package)
        let platform = try await host.tag()
        let digest = try await build(reference, packages, platform: platform, expected: nil)
        return LockedRelease(
            reference: reference, constraints: constraints, platform: platform, packages: packages, digest: digest,
            programs: try programs(of: digest))
    }

    /// So that what starts the release is known where it is not installed.
    private func programs(of digest: Digest) throws -> [String: String]? {
        ReleaseCard(try Posix.readAll(shelf.directory(digest) + "/" + ReleaseCard.file))?.programs
    }

    func install(_ locked: LockedRelease) async throws {
        let tag = try await host.tag()
        guard locked.platform == tag else {
            throw Failure(
                .unavailable, "cannot install \(locked.reference) here",
                because: "fleet.lock has it for \(locked.platform), this host is \(tag)",
                next: "install the same Python and platform here, or lock the release on a host like this one")
        }
        try await fetch(locked.packages, for: locked.reference, found: [])
        _ = try await build(locked.reference, locked.packages, platform: tag, expected: locked.digest)
    }

    private func report(
        _ requirement: String, _ constraints: [String], _ reference: ReleaseReference, _ work: String
    ) async throws -> PipReport {
        let file = work + "/constraints.txt"
        try Posix.write(file, Array(constraints.map { $0 + "\n" }.joined().utf8), mode: 0o600)
        try await pip(
            [
                "install", "--quiet", "--dry-run", "--ignore-installed", "--only-binary", ":all:", "--report",
                work + "/report.json", "--constraint", file, requirement,
            ], environment: PipEnvironment.online(host.environment), what: "cannot resolve \(reference)")
        return try PipReport(try Posix.readAll(work + "/report.json"))
    }

    /// Puts each wheel into the cache under its hash; asks no registry for those that are there.
    private func fetch(_ packages: [LockedPackage], for reference: ReleaseReference, found: [Secret]) async throws {
        let missing = try packages.filter { try !isCached($0) }
        guard !missing.isEmpty else { return }
        let work = try shelf.stage()
        defer { try? Posix.removeTree(work) }
        let lines = missing.map { "\($0.name)==\($0.version) --hash=sha256:\($0.sha256.hex)\n" }
        try Posix.write(work + "/requirements.txt", Array(lines.joined().utf8), mode: 0o600)
        try await pip(
            [
                "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--dest",
                work + "/wheels", "--requirement", work + "/requirements.txt",
            ], environment: PipEnvironment.online(host.environment), what: "cannot fetch \(reference)")
        for package in missing {
            let source = "\(work)/wheels/\(package.file)"
            guard Posix.fingerprint(source) != nil, try Posix.sha256(source) == package.sha256.hex else {
                throw Failure(
                    .failed, "cannot fetch \(reference)",
                    because: "the registry served another file than \(package.file)",
                    next: "find out why before you go on: a released file never changes in a sound registry")
            }
            try Posix.makeDirectory(cache(package))
            try Posix.move(source, to: cache(package) + "/" + package.file)
        }
    }

    private func cache(_ package: LockedPackage) -> String { shelf.wheels + "/" + package.sha256.hex }

    /// A wheel that a power cut or a disk spoilt counts as absent.
    private func isCached(_ package: LockedPackage) throws -> Bool {
        let path = cache(package) + "/" + package.file
        return try Posix.fingerprint(path) != nil && Posix.sha256(path) == package.sha256.hex
    }

    private func build(
        _ reference: ReleaseReference, _ packages: [LockedPackage], platform: String, expected: Digest?
    ) async throws -> Digest {
        let staged = try shelf.stage()
        do {
            let requirements = staged + ".requirements.txt"
            defer { try? Posix.removeTree(requirements) }
            let lines = packages.map { package in
                let path = cache(package) + "/" + package.file
                return "\(URL(filePath: path).absoluteString) --hash=sha256:\(package.sha256.hex)\n"
            }
            try Posix.write(requirements, Array(lines.joined().utf8), mode: 0o600)
            try await pip(
                [
                    "install", "--quiet", "--no-index", "--no-deps", "--require-hashes", "--no-compile",
                    "--no-warn-script-location", "--target", staged + "/tree", "--requirement", requirements,
                ], environment: PipEnvironment.offline(host.environment), what: "cannot install \(reference)")
            let root = PipReport.normalised(reference.name)
            let commands = try WheelTree.normalise(staged + "/tree", root: root)
            return try await builder.finish(
                staged, reference: reference, platform: platform, expected: expected, commands: commands)
        } catch {
            try? Posix.removeTree(staged)
            throw error
        }
    }

    private func pip(_ arguments: [String], environment: [String: String], what: String) async throws {
        let pip = try await host.pip()
        let outcome = try await host.run(pip.executable, pip.arguments + arguments, environment: environment)
        guard outcome.succeeded else { throw PipDiagnosis.failure(what, outcome.errors) }
    }

    /// Requirements are a language of their own (URLs, options, files): only `name==version` passes.
    private func validate(_ requirements: [String], _ reference: ReleaseReference) throws {
        for requirement in requirements {
            guard requirement.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.!+_-]*/) != nil else {
                throw Failure(
                    .badSpec, "cannot resolve \(reference)", because: "\(requirement.debugDescription) is not exact",
                    next: "write it as name==version")
            }
        }
    }
}
