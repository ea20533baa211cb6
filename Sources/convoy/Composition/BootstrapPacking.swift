import Console
import Fleet
import Foundation
import Operations
import Planning
import Releases
import Supervision

/// Puts what a bootstrap ships into one place of this machine: package, bundle, packed release.
struct BootstrapPacking {
    let workplace: Workplace
    let progress: TerminalProgress
    /// A directory of this user's only, which goes with the verb.
    let folder: String

    /// The release as `fleet.lock` has it, fetched to this machine first where it must be.
    func release(_ context: FleetContext) async throws -> (LockedRelease, BootstrapCargo.Parcel) {
        let reference = context.spec.server.release
        let installed = try await workplace.underLease("bootstrap") { lease in
            try await workplace.fleetOperator(context, progress: progress, under: lease).present(reference)
        }
        guard let lock = try PosixFiles().read(context.lockFile),
            let locked = try ReleaseLockFile.decode(lock, file: context.lockFile)
                .release(for: reference, constraints: context.spec.server.constraints)
        else {
            throw Failure(
                .failed, "cannot ship \(reference)", because: "\(context.lockFile) does not have it",
                next: "run it again")
        }
        let path = "\(folder)/\(installed.digest.hex).tar.gz"
        let state = workplace.layout.state
        progress.step("packing \(reference)")
        try await TarFreight(state: state, seal: TreeReleaseSeal(state: state)).pack(installed.digest, to: path)
        return (locked, BootstrapCargo.Parcel(path: path, digest: try FileDigest.of(path)))
    }

    /// Python comes with Convoy's package.
    func programs(of locked: LockedRelease, _ profile: Profile) throws -> [String] {
        let start = try LockedStart(releases: workplace.layout.releases).command(profile.start.command, of: locked)
        return start?.executable == DebianPrograms.node ? [DebianPrograms.node] : []
    }

    func package(_ file: String?) throws -> (BootstrapWish.Package, BootstrapCargo.Parcel)? {
        guard let file else { return nil }
        let (package, parcel) = try PackageFile.read(file)
        guard package.version == Convoy.version else {
            throw Failure(
                .usage, "cannot use \(file)", because: "it is convoy \(package.version), this one is \(Convoy.version)",
                next: "bootstrap with the convoy of that package")
        }
        return (package, parcel)
    }

    /// Every package of a directory.
    func bundle(_ directory: String?) throws -> [BootstrapCargo.Parcel] {
        guard let directory else { return [] }
        let names = try PosixFiles().list(Workplace.absolute(directory)).filter { $0.hasSuffix(".deb") }
        guard !names.isEmpty else {
            throw Failure(
                .usage, "cannot use \(directory)", because: "there is no .deb in it",
                next: "fill it on a machine like the hosts: `apt-get download` what convoy's package depends on")
        }
        return try names.filter { !$0.hasPrefix("convoy_") }.map {
            let path = "\(Workplace.absolute(directory))/\($0)"
            return BootstrapCargo.Parcel(path: path, digest: try FileDigest.of(path))
        }
    }
}
