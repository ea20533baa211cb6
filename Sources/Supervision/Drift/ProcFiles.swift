import Fleet
import Glibc
import Planning

/// Reads /proc for a survey: what is gone meanwhile, or may not be seen, is not there.
enum ProcFiles {
    static func text(_ path: String) -> String {
        String(decoding: (try? OwnedDescriptor(opening: path, O_RDONLY).readAll()) ?? [], as: UTF8.self)
    }

    static func link(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &buffer, buffer.count)
        return count < 0 ? nil : String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func fact(_ pid: Int32, environment: () -> [String]?) -> ProcessFact? {
        let line = text("/proc/\(pid)/stat")
        guard let process = ProcessStat(parsing: line), !process.isGone, let parent = parent(in: line) else {
            return nil
        }
        var status = stat()
        let user = stat("/proc/\(pid)", &status) == 0 ? status.st_uid : 0
        let deleted = " (deleted)"
        let target = link("/proc/\(pid)/exe")
        let isReplaced = target?.hasSuffix(deleted) ?? false
        let words = text("/proc/\(pid)/cmdline").split(separator: "\0", omittingEmptySubsequences: false)
        return ProcessFact(
            pid: pid, parent: parent, group: process.group, user: PosixSurveyor.name(of: user),
            executable: target.map { isReplaced ? String($0.dropLast(deleted.count)) : $0 }, isReplaced: isReplaced,
            // Each word ends in a NUL, the last one too.
            words: words.last == "" ? words.dropLast().map(String.init) : words.map(String.init),
            environment: environment())
    }

    private static func parent(in line: String) -> Int32? {
        guard let end = line.lastIndex(of: ")") else { return nil }
        let fields = line[line.index(after: end)...].split(separator: " ")
        return fields.count > 1 ? Int32(fields[1]) : nil
    }

    /// Nil when it may not be read. Values stay here.
    static func names(inEnvironmentOf pid: Int32) -> [String]? {
        guard let bytes = try? OwnedDescriptor(opening: "/proc/\(pid)/environ", O_RDONLY).readAll() else { return nil }
        return bytes.split(separator: 0).compactMap { entry in
            entry.firstIndex(of: UInt8(ascii: "=")).map { String(decoding: entry[..<$0], as: UTF8.self) }
        }
    }

    /// Inodes of the sockets that it has open.
    static func sockets(of pid: Int32) -> Set<String> {
        let directory = "/proc/\(pid)/fd"
        let open = (try? Supervision.names(in: directory)) ?? []
        return Set(
            open.compactMap { link(directory + "/" + $0) }.filter { $0.hasPrefix("socket:[") }
                .map { String($0.dropFirst(8).dropLast()) })
    }
}

/// A row of /proc/net/tcp or tcp6 in state 0A: `sl local_address rem_address st ... uid timeout inode`.
struct ListeningRow: Equatable {
    var address: String
    var port: Int
    var user: UInt32
    var inode: String
    var owners: [Int32] = []

    static func rows(in table: String) -> [ListeningRow] {
        table.split(separator: "\n").compactMap { row in
            let fields = row.split(separator: " ")
            guard fields.count > 9, fields[3] == "0A", let user = UInt32(fields[7]) else { return nil }
            let local = fields[1].split(separator: ":")
            guard local.count == 2, let port = Int(local[1], radix: 16), let address = address(local[0]) else {
                return nil
            }
            return ListeningRow(address: address, port: port, user: user, inode: String(fields[9]))
        }
    }

    /// Each word of four bytes is written as a number of this host's byte order.
    private static func address(_ hex: Substring) -> String? {
        guard hex.count == 8 || hex.count == 32 else { return nil }
        var words: [UInt32] = []
        var rest = hex
        while !rest.isEmpty {
            guard let word = UInt32(rest.prefix(8), radix: 16) else { return nil }
            words.append(word)
            rest = rest.dropFirst(8)
        }
        // A v4 address in v6 clothes is what it is.
        let isMapped = words.count == 4 && words[0] == 0 && words[1] == 0 && words[2] == UInt32(bigEndian: 0xFFFF)
        if isMapped { words = [words[3]] }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = words.count == 1 ? AF_INET : AF_INET6
        let written = words.withUnsafeBytes { inet_ntop(family, $0.baseAddress, &text, socklen_t(text.count)) }
        return written == nil
            ? nil : String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
