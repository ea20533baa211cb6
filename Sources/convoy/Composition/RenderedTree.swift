import Fleet
import Ports

/// The directory that `render` writes to. A list of what it wrote is kept in there, so that it takes away its own
/// files next time, and never anybody else's.
struct RenderedTree {
    private static let list = ".convoy-render"
    private static let about = "# Written by `convoy render`, which replaces these files when it is run again."

    let directory: String
    let files: any FileStore

    /// Throws a `Failure` when there are files that are not its own.
    func replace(by rendered: [RenderedFile], force: Bool) throws {
        let before = try owned()
        if before == nil, !force, let stranger = try files.list(directory).first {
            throw Failure(
                .failed, "cannot render into \(directory)", because: "it holds \(stranger), which no render made",
                next: "name a directory that is empty or not there, or add --force: other files in it stay")
        }
        let names = Set(rendered.map(\.path))
        for stale in (before ?? []).sorted() where !names.contains(stale) { try files.remove(path(stale)) }
        try files.makeDirectory(directory, mode: 0o755)
        // First of all: what is cut here may be replaced by the next one.
        let all = names.union(before ?? []).sorted()
        try write(list: all)
        for file in rendered {
            let path = path(file.path)
            try files.makeDirectory(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]), mode: 0o755)
            try files.write(path, file.content, mode: file.mode)
        }
        try write(list: names.sorted())
    }

    private func write(list: [String]) throws {
        try files.write(path(Self.list), ([Self.about] + list).joined(separator: "\n") + "\n", mode: 0o644)
    }

    /// Nil when no render made the directory. A path that leads out of it is nobody's to follow.
    private func owned() throws -> Set<String>? {
        guard let text = try files.read(path(Self.list)), text.hasPrefix(Self.about + "\n") else { return nil }
        let names = text.split(separator: "\n").dropFirst().map(String.init)
        return Set(names.filter { !$0.hasPrefix("/") && !$0.split(separator: "/").contains("..") })
    }

    private func path(_ name: String) -> String { directory + "/" + name }
}
