import Fleet
import Foundation
import HostContract
import Ports
import Synchronization
import Testing

@testable import Hosts

/// An `ssh` that runs the line by this machine's shell, as sshd would by the user's.
private struct StandIn {
    let folder: String
    let link: OpenSSHLink

    init(_ body: String = #"for last; do :; done; exec sh -c "$last""#) throws {
        folder = FileManager.default.temporaryDirectory.path + "/ssh-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let program = folder + "/ssh"
        try Data("#!/bin/sh\nprintf '%s\\n' \"$@\" >>\(folder)/said\n\(body)\n".utf8).write(to: URL(filePath: program))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        // Whoever is not root here would need a sudo that asks nothing.
        let sudo = folder + "/sudo"
        try Data("#!/bin/sh\nshift 2\nexec \"$@\"\n".utf8).write(to: URL(filePath: sudo))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: sudo)
        link = OpenSSHLink(
            HostSpec(name: "web-1", address: "10.0.0.11"),
            SSHSettings(program: program, configuration: folder + "/config", sockets: folder))
    }

    func said() throws -> [String] {
        try String(contentsOfFile: folder + "/said", encoding: .utf8).split(separator: "\n").map(String.init)
    }

    func end() { try? FileManager.default.removeItem(atPath: folder) }
}

@Suite("A host by OpenSSH", .enabled(if: getuid() == 0))
struct OpenSSHLinkTests {
    @Test("it keeps what every link keeps")
    func contract() async throws {
        let stand = try StandIn()
        defer { stand.end() }
        try await HostLinkContract(stand.link).holds()
        let cut = try StandIn("exit 255")
        defer { cut.end() }
        try await HostLinkContract.tellsLoss(cut.link)
    }

    @Test("words, input, output and exit code arrive as they are")
    func arrives() async throws {
        let stand = try StandIn()
        defer { stand.end() }
        let bytes = Array("a'b\n$c \u{e9}\nend".utf8)
        let answer = try await stand.link.run(
            .script(
                #"cat; echo; printf '%s\n' "$1" "$2"; echo told >&2; exit 3"#, ["it's; $(id)", ""],
                input: .bytes(bytes)))
        #expect(answer.exitCode == 3)
        #expect(answer.output == ["a'b", "$c \u{e9}", "end", "it's; $(id)", ""])
        #expect(answer.errors == "told\n")
    }

    @Test("lines are heard while the command still runs")
    func streams() async throws {
        let stand = try StandIn()
        defer { stand.end() }
        let heard = Mutex<[String]>([])
        let flag = stand.folder + "/go"
        // It ends only because somebody heard its first line.
        let answer = try await stand.link.run(
            .script(#"echo one; while [ ! -e "$1" ]; do sleep 0.01; done; echo two"#, [flag])
        ) { line in
            heard.withLock { $0.append(line) }
            if line == "one" { _ = FileManager.default.createFile(atPath: flag, contents: nil) }
        }
        #expect(answer.output == ["one", "two"])
        #expect(heard.withLock { $0 } == ["one", "two"])
    }

    @Test("a file is sent as it is")
    func file() async throws {
        let stand = try StandIn()
        defer { stand.end() }
        let path = stand.folder + "/big"
        try Data((0..<3_000_000).map { UInt8($0 % 251) }).write(to: URL(filePath: path))
        let there = try await stand.link.run(HostCommand(["sha256sum"], input: .file(path)))
        let here = try await LocalProgram("/usr/bin/sha256sum").run([], input: .file(path))
        #expect(there.succeeded && there.output == here.output)
    }

    @Test("nobody is asked, no unknown key is taken, and only a fresh login leaves the standing connection")
    func options() async throws {
        let stand = try StandIn()
        defer { stand.end() }
        _ = try await stand.link.run(HostCommand(["true"]))
        let usual = try stand.said()
        #expect(usual.contains("BatchMode=yes") && usual.contains("StrictHostKeyChecking=yes"))
        #expect(usual.contains("ControlPath=\(stand.folder)/%C") && usual.contains(stand.folder + "/config"))
        #expect(usual.contains("10.0.0.11") && !usual.contains("ControlPath=none"))
        _ = try await stand.link.run(HostCommand(["true"], isFreshLogin: true))
        #expect(try stand.said().contains("ControlPath=none"))
    }

    @Test("a way that is lost is told apart from a command that fails")
    func lost() async throws {
        let stand = try StandIn("echo 'client_loop: send disconnect: Broken pipe' >&2; exit 255")
        defer { stand.end() }
        let fault = await #expect(throws: LinkFault.self) { _ = try await stand.link.run(HostCommand(["true"])) }
        #expect(fault?.kind == .lost)
    }

    @Test("without ssh there is a failure that says so")
    func missing() async throws {
        let link = OpenSSHLink(
            HostSpec(name: "a", address: "10.0.0.1"), SSHSettings(program: "/nowhere/ssh", sockets: "/tmp"))
        let fault = await #expect(throws: LinkFault.self) { _ = try await link.run(HostCommand(["true"])) }
        #expect(fault?.kind == .missingProgram)
    }
}
