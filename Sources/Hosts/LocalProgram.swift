import Fleet
import Glibc
import Ports
import Subprocess
import SystemPackage

/// A program of this machine, with what it prints heard line by line.
package struct LocalProgram {
    /// A supervisor's whole report is one line.
    private static let longestLine = 16 << 20
    private static let mostOutput = 1 << 20
    /// O_TMPFILE, which Swift's Glibc does not show.
    private static let nameless = Int32(0o20_000_000) | O_DIRECTORY
    private let name: String

    package init(_ name: String) { self.name = name }

    /// Throws a `Failure` when there is no such program, or no such file to send.
    package func run(
        _ arguments: [String], input: HostInput, onLine: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> HostAnswer {
        var options = PlatformOptions()
        // Not in the terminal's group: INT is for convoy, which ends when the step is done.
        options.processGroupID = 0
        let descriptor = try Self.descriptor(of: input)
        do {
            let result = try await Subprocess.run(
                name.contains("/") ? .path(FilePath(name)) : .name(name), arguments: Arguments(arguments),
                // sudo's and ssh's messages are read by a program.
                environment: .inherit.updating(["LC_ALL": "C"]), platformOptions: options,
                input: .fileDescriptor(descriptor, closeAfterSpawningProcess: true), output: .sequence,
                error: .string(limit: 8 << 20)
            ) { execution in
                try await Self.collect(execution.standardOutput, onLine)
            }
            return HostAnswer(
                exitCode: Self.code(result.terminationStatus), output: result.closureResult,
                errors: String(result.standardError.suffix(8192)))
        } catch let error as SubprocessError {
            throw Failure(
                .unavailable, "cannot run \(name)", because: "\(error)", next: "check that it is installed and works")
        }
    }

    private static func collect(
        _ output: SubprocessOutputSequence, _ onLine: @Sendable (String) -> Void
    ) async throws -> [String] {
        var lines: [String] = []
        var size = 0
        let all = output.strings(
            separatedBy: .unicodeScalarSequence(["\n"]), bufferingPolicy: .maxLineLength(longestLine))
        for try await line in all {
            onLine(line)
            size += line.utf8.count
            if size <= mostOutput { lines.append(line) }
        }
        return lines
    }

    private static func code(_ status: TerminationStatus) -> Int32 {
        switch status {
        case .exited(let code): code
        case .signaled(let signal): 128 + signal
        }
    }

    /// By descriptor in any case: a program that does not read on can't end us by a broken pipe, and bytes never lie
    /// in a file.
    private static func descriptor(of input: HostInput) throws -> FileDescriptor {
        switch input {
        case .descriptor(let number): return FileDescriptor(rawValue: number)
        case .nothing: return try FileDescriptor.open("/dev/null", .readOnly)
        case .file(let path):
            do { return try FileDescriptor.open(FilePath(path), .readOnly) } catch {
                throw Failure(
                    .unavailable, "cannot send \(path)", because: "\(error)",
                    next: "see to that file, then run it again")
            }
        case .bytes(let bytes):
            // A file that never has a name, and goes with its last descriptor: in memory.
            let number = open("/dev/shm", Self.nameless | O_RDWR | O_CLOEXEC, 0o600)
            guard number >= 0 else {
                throw Failure(
                    .unavailable, "cannot send data", because: "/dev/shm: \(String(cString: strerror(errno)))",
                    next: "mount a tmpfs there")
            }
            let memory = FileDescriptor(rawValue: number)
            _ = try memory.writeAll(bytes)
            _ = try memory.seek(offset: 0, from: FileDescriptor.SeekOrigin.start)
            return memory
        }
    }
}
