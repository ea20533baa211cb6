import Fleet
import Glibc

/// Makes a tree that pip installed independent of who installed it where.
enum WheelTree {
    /// Written by pip, about pip.
    static let foreign: Set<String> = ["INSTALLER", "REQUESTED", "direct_url.json"]

    /// Returns the commands of the release; those of `root` win over its dependencies'.
    static func normalise(_ tree: String, root: String) throws -> [String: ReleaseCard.Start] {
        let top = try Posix.names(in: tree)
        let infos = top.filter { $0.hasSuffix(".dist-info") }.sorted()
        var commands: [String: ReleaseCard.Start] = [:]
        for info in infos {
            for name in foreign where Posix.fingerprint("\(tree)/\(info)/\(name)") != nil {
                unlink("\(tree)/\(info)/\(name)")
            }
            let entryPoints = "\(tree)/\(info)/entry_points.txt"
            guard Posix.fingerprint(entryPoints) != nil else { continue }
            let text = String(decoding: try Posix.readAll(entryPoints), as: UTF8.self)
            let isRoot = PipReport.normalised(String(info.prefix { $0 != "-" })) == root
            for (name, target) in EntryPoints(text).scripts where isRoot || commands[name] == nil {
                commands[name] = try start(name, target, tree)
            }
        }
        try settleScripts(tree, commands: &commands)
        for info in infos {
            let path = "\(tree)/\(info)/RECORD"
            guard Posix.fingerprint(path) != nil else { continue }
            let text = String(decoding: try Posix.readAll(path), as: UTF8.self)
            let record = WheelRecord.canonical(text) { Posix.fingerprint(tree + "/" + $0) != nil }
            try Posix.write(path, Array(record.utf8), mode: 0o644)
        }
        try settleModes(tree)
        return commands
    }

    /// A wheel that only wraps a program (`module/bin/NAME`) is started without the wrapper.
    private static func start(_ name: String, _ target: String, _ tree: String) throws -> ReleaseCard.Start {
        let module = target.prefix { $0 != ":" && $0 != "." }
        let wrapped = "\(module)/bin/\(name)"
        return try isProgram(tree + "/" + wrapped) ? .program(path: wrapped) : .entryPoint(target)
    }

    private static func isProgram(_ path: String) throws -> Bool {
        guard let print = Posix.fingerprint(path), print.isFile else { return false }
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Posix.failure("read", path) }
        defer { close(file) }
        var magic = [UInt8](repeating: 0, count: 4)
        guard Glibc.read(file, &magic, 4) == 4, magic == [0x7f, 0x45, 0x4c, 0x46] else { return false }
        // Built without the bit in its wheel: the wrapper would set it at its first start.
        guard chmod(path, 0o755) == 0 else { throw Posix.failure("set the mode of", path) }
        return true
    }

    /// pip writes the interpreter's path into `bin/`: what it generated goes (the launcher does its
    /// work), what a wheel brought gets the wheel's own first line back.
    private static func settleScripts(_ tree: String, commands: inout [String: ReleaseCard.Start]) throws {
        let bin = tree + "/bin"
        guard Posix.fingerprint(bin)?.isDirectory == true else { return }
        for name in try Posix.names(in: bin) {
            let path = bin + "/" + name
            guard Posix.fingerprint(path)?.isFile == true else { continue }
            if try isProgram(path) {
                commands[name] = .program(path: "bin/" + name)
            } else if commands[name] != nil {
                unlink(path)
            } else {
                let bytes = try Posix.readAll(path)
                guard let settled = WheelRecord.settledScript(bytes) else { continue }
                try Posix.write(path, settled, mode: 0o755)
            }
        }
        if try Posix.names(in: bin).isEmpty { rmdir(bin) }
    }

    private static func settleModes(_ directory: String) throws {
        guard chmod(directory, 0o755) == 0 else { throw Posix.failure("set the mode of", directory) }
        for name in try Posix.names(in: directory) {
            let path = directory + "/" + name
            guard let print = Posix.fingerprint(path) else { throw Posix.failure("read", path) }
            if print.isDirectory {
                try settleModes(path)
            } else if print.isFile, chmod(path, print.isExecutable ? 0o755 : 0o644) != 0 {
                throw Posix.failure("set the mode of", path)
            }
        }
    }
}
