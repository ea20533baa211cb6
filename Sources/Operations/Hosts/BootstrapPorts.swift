import Fleet
import Planning
import Ports

/// All that a bootstrap needs of the world.
package struct BootstrapPorts: Sendable {
    package var dialer: any HostDialer
    package var visitor: any EdgeVisitor
    package var time: any Timepiece
    package var progress: any Progress
    /// True once the operator asked to stop: no further step is begun.
    package var isInterrupted: @Sendable () -> Bool

    package init(
        dialer: any HostDialer, visitor: any EdgeVisitor, time: any Timepiece, progress: any Progress,
        isInterrupted: @escaping @Sendable () -> Bool
    ) {
        self.dialer = dialer
        self.visitor = visitor
        self.time = time
        self.progress = progress
        self.isInterrupted = isInterrupted
    }
}

/// What goes to every host; files of this machine, by path and digest.
package struct BootstrapCargo: Sendable {
    /// A file that is sent from disk.
    package struct Parcel: Sendable {
        package var path: String
        package var digest: Digest

        package init(path: String, digest: Digest) {
            self.path = path
            self.digest = digest
        }

        package var name: String { path.split(separator: "/").last.map(String.init) ?? path }
    }

    /// A small file, perhaps with a secret: its bytes are in no description.
    package struct Letter: Sendable, CustomStringConvertible, CustomReflectable {
        /// On the host.
        package var path: String
        package var mode: UInt16
        package var digest: Digest
        let bytes: [UInt8]

        package init(path: String, mode: UInt16, bytes: [UInt8], digest: Digest) {
            self.path = path
            self.mode = mode
            self.bytes = bytes
            self.digest = digest
        }

        package var description: String { path }
        package var customMirror: Mirror { Mirror(self, children: ["path": path]) }
    }

    package var package: Parcel?
    /// Packages that it depends on, for hosts without a registry.
    package var bundle: [Parcel]
    /// The packed release.
    package var release: Parcel
    package var files: [Letter]

    package init(package: Parcel?, bundle: [Parcel], release: Parcel, files: [Letter]) {
        self.package = package
        self.bundle = bundle
        self.release = release
        self.files = files
    }
}
