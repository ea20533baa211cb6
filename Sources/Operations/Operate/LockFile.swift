import Fleet
import Foundation
import Ports

/// `fleet.lock` beside `fleet.yaml`: meant to be committed, so its bytes are stable.
package struct LockFile: Sendable {
    let files: any FileStore
    let path: String

    package init(files: any FileStore, path: String) {
        self.files = files
        self.path = path
    }

    package func load() throws -> ReleaseLock {
        guard let text = try files.read(path) else { return ReleaseLock() }
        do {
            let lock = try JSONDecoder().decode(ReleaseLock.self, from: Data(text.utf8))
            guard lock.format == 1 else { throw unreadable("its format is \(lock.format), this convoy knows 1") }
            return lock
        } catch let failure as Failure {
            throw failure
        } catch {
            throw unreadable("it is not what convoy writes")
        }
    }

    package func save(_ lock: ReleaseLock) throws { try files.write(path, try StableJSON.text(lock), mode: 0o644) }

    private func unreadable(_ why: String) -> Failure {
        Failure(
            .badSpec, "cannot read \(path)", because: why,
            next: "restore it from version control, or remove it to resolve the releases anew")
    }
}
