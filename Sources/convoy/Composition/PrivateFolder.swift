import Fleet
import Foundation

/// A directory of this user's only, with a short path, as sockets need it; it goes with `remove`.
struct PrivateFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/convoy-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Failure(
                .failed, "cannot make a directory in /tmp", because: String(cString: strerror(errno)),
                next: "see to /tmp, then run it again")
        }
        path = template.withUnsafeBufferPointer { text in
            text.baseAddress.map { String(cString: $0) } ?? ""
        }
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
