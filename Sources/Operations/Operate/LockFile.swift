import Fleet
import Ports

/// `fleet.lock` on disk, beside `fleet.yaml`.
struct LockFile: Sendable {
    let files: any FileStore
    let path: String

    func load() throws -> ReleaseLock {
        guard let text = try files.read(path) else { return ReleaseLock() }
        return try ReleaseLockFile.decode(text, file: path)
    }

    func save(_ lock: ReleaseLock) throws { try files.write(path, try ReleaseLockFile.encode(lock), mode: 0o644) }
}
