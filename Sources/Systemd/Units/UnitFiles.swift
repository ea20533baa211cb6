import Fleet
import Planning
import Ports

/// The unit files that Convoy writes: those of instances, nobody else's.
struct UnitFiles: Sendable {
    let directory: String
    let files: any FileStore

    /// True when this replaced another file: then systemd may still know the old one. Others see the old file
    /// or the new one, never a part.
    func put(_ file: RenderedFile) throws -> Bool {
        guard !file.path.contains("/"), UnitName(file.path).instance != nil else {
            throw Failure(
                .failed, "cannot write the unit \(file.path)", because: "it is not an instance's name",
                next: "this is a defect of Convoy: please report it")
        }
        let path = directory + "/" + file.path
        let old = try files.read(path)
        if old == file.content { return false }
        try files.makeDirectory(directory, mode: 0o755)
        try files.write(path, file.content, mode: file.mode)
        return old != nil
    }

    /// False when the same file was there.
    func provide(_ file: RenderedFile) throws -> Bool {
        let path = directory + "/" + file.path
        guard try files.read(path) != file.content else { return false }
        try files.makeDirectory(directory, mode: 0o755)
        try files.write(path, file.content, mode: file.mode)
        return true
    }

    /// False when there was none.
    func remove(_ unit: UnitName) throws -> Bool {
        guard unit.instance != nil, try files.read(directory + "/" + unit.text) != nil else { return false }
        try files.remove(directory + "/" + unit.text)
        return true
    }

    /// Names of the instances that have a unit file, sorted.
    func instances() throws -> [String] { try files.list(directory).compactMap { UnitName($0).instance } }
}
