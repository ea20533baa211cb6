import Fleet
import Foundation
import Operations
import Planning
import Releases
import Supervision

/// Convoy's Debian package as a file of this machine.
enum PackageFile {
    /// What it says it is, and where it lies. Throws a `Failure` unless it is named as ops/package names it.
    static func read(_ file: String) throws -> (BootstrapWish.Package, BootstrapCargo.Parcel) {
        let path = Workplace.absolute(file)
        guard FileManager.default.isReadableFile(atPath: path) else {
            throw Failure(
                .unavailable, "cannot read \(file)", because: "it is missing or may not be read",
                next: "build it with ops/package, which prints its path")
        }
        let parcel = BootstrapCargo.Parcel(path: path, digest: try FileDigest.of(path))
        guard let package = BootstrapWish.Package(fileName: parcel.name, digest: parcel.digest) else {
            throw Failure(
                .usage, "cannot use \(file)", because: "it is not called convoy_VERSION_ARCHITECTURE.deb",
                next: "name the file that ops/package has made")
        }
        return (package, parcel)
    }
}
