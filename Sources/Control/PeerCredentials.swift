import Glibc

/// `struct ucred`, as SO_PEERCRED gives it.
struct PeerCredentials: Sendable {
    var pid: Int32 = 0
    var user: UInt32 = 0
    var group: UInt32 = 0

    /// The second wall behind the file's mode: whoever got hold of the path is still not served.
    var isTrusted: Bool { user == geteuid() || user == 0 }
}
