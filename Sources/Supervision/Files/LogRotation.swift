import CProcess
import Fleet
import Glibc

/// When a log is rotated and what its older parts are called: pure.
package struct LogRotationPolicy: Sendable, Equatable {
    package var maxBytes: Int64
    /// How many older parts stay: `x.log.1` is the newest of them.
    package var keep: Int

    package init(maxBytes: Int64 = 16 << 20, keep: Int = 5) {
        self.maxBytes = maxBytes
        self.keep = max(1, keep)
    }

    package enum Step: Sendable, Equatable {
        case remove(String)
        case rename(String, to: String)
        case carry(String, to: String)
    }

    /// In the order in which they must be done; empty when the log may grow on. `siblings` are the
    /// names in the log's directory.
    package func steps(log: String, bytes: Int64, siblings: [String]) -> [Step] {
        guard bytes > maxBytes else { return [] }
        let parts = siblings.compactMap { Self.part(of: log, $0) }.sorted()
        let tooOld = parts.filter { $0 >= keep }.map { Step.remove("\(log).\($0)") }
        let shifted = parts.filter { $0 < keep }.reversed().map {
            Step.rename("\(log).\($0)", to: "\(log).\($0 + 1)")
        }
        return tooOld + shifted + [.carry(log, to: "\(log).1")]
    }

    private static func part(of log: String, _ name: String) -> Int? {
        guard name.hasPrefix(log + ".") else { return nil }
        let suffix = name.dropFirst(log.count + 1)
        guard suffix.first != "0", suffix.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        return Int(suffix)
    }
}

/// Rotates a log under a process that keeps appending to it and knows nothing of it.
///
/// Where the file system can cut bytes off the front of a file (ext4, XFS) no line is lost: a part
/// may end in the middle of a line that goes on in the next newer one. Elsewhere the file is emptied after
/// the copy, and what is written between the two system calls is lost.
package struct LogRotation: Sendable {
    package let policy: LogRotationPolicy

    package enum Outcome: Sendable, Equatable { case notNeeded, lossless, copiedAndEmptied }

    package init(policy: LogRotationPolicy = LogRotationPolicy()) { self.policy = policy }

    /// Cheap when nothing is to do; a log that is not there needs nothing.
    package func rotate(_ path: String) throws -> Outcome {
        do {
            return try rotated(path)
        } catch let error as SystemError where error.code == ENOENT && FileKind(path) == .missing {
            return .notNeeded
        } catch let error as SystemError {
            throw error.failure("cannot rotate \(path)", path: path)
        }
    }

    private func rotated(_ path: String) throws -> Outcome {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        let (directory, name) = (String(path[..<slash]), String(path[slash...].drop { $0 == "/" }))
        let log = try OwnedDescriptor(opening: path, O_RDWR | O_NOFOLLOW)
        let status = try status(of: log)
        // One block has to stay behind, so below two there is nothing to gain.
        guard status.bytes > policy.maxBytes, status.bytes > 2 * status.block else { return .notNeeded }
        var outcome = Outcome.notNeeded
        for step in policy.steps(log: name, bytes: status.bytes, siblings: try names(in: directory)) {
            switch step {
            case .remove(let old): unlink(directory + "/" + old)
            case .rename(let old, let new):
                if rename(directory + "/" + old, directory + "/" + new) != 0 { throw SystemError.last }
            case .carry(_, let new): outcome = try carry(log, to: directory + "/" + new)
            }
        }
        return outcome
    }

    private func carry(_ log: borrowing OwnedDescriptor, to path: String) throws(SystemError) -> Outcome {
        let (bytes, block) = try status(of: log)
        // Whole blocks only, and never all of the file: both are the kernel's conditions.
        let whole = (bytes - 1) / block * block
        let temporary = path + ".new"
        unlink(temporary)
        let part = try OwnedDescriptor(opening: temporary, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        try copy(log, 0..<whole, to: part)
        // The copy is safe before the original goes: a cut between the two repeats lines, never loses them.
        if fdatasync(part.number) != 0 || rename(temporary, path) != 0 { throw .last }
        if convoy_collapse(log.number, whole) == 0 { return .lossless }
        try copy(log, whole..<Int64.max, to: part)
        if ftruncate(log.number, 0) != 0 { throw .last }
        return .copiedAndEmptied
    }

    private func copy(
        _ log: borrowing OwnedDescriptor, _ range: Range<Int64>, to part: borrowing OwnedDescriptor
    ) throws(SystemError) {
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        var offset = range.lowerBound
        while offset < range.upperBound {
            let count = pread(log.number, &buffer, min(buffer.count, Int(range.upperBound - offset)), Int(offset))
            if count < 0 && errno != EINTR { throw .last }
            if count == 0 { return }
            if count > 0 {
                try part.writeAll(buffer.span.extracting(0..<count))
                offset += Int64(count)
            }
        }
    }

    private func status(of log: borrowing OwnedDescriptor) throws(SystemError) -> (bytes: Int64, block: Int64) {
        var status = stat()
        if fstat(log.number, &status) != 0 { throw .last }
        return (Int64(status.st_size), max(Int64(status.st_blksize), 4096))
    }
}
