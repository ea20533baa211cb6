import Fleet
import Foundation
import Ports
import Subprocess
import SystemPackage

/// `systemd-creds`: what it encrypts with the host's key only this host's systemd can read, and only for a unit
/// that loads it by its name. Where it can't (an older systemd, a read-only system) the file is plain, root's, 0600.
package struct SystemdVault: CredentialVault {
    private let files: any FileStore
    private let program: String

    package init(files: any FileStore, program: String = "/usr/bin/systemd-creds") {
        self.files = files
        self.program = program
    }

    package func seal(_ content: Secret, named name: String, to path: String) async throws {
        let sealed = await encrypted(content, name)
        try files.write(path, sealed ?? content.reveal(), mode: 0o600)
    }

    /// Nil where this host can't.
    private func encrypted(_ content: Secret, _ name: String) async -> String? {
        guard FileManager.default.isExecutableFile(atPath: program) else { return nil }
        let result = try? await run(
            .path(FilePath(program)), arguments: ["encrypt", "--with-key=host", "--name=\(name)", "-", "-"],
            environment: .custom(["PATH": "/usr/bin:/bin"]), input: .string(content.reveal()),
            output: .string(limit: 1 << 20), error: .discarded)
        guard let result, result.terminationStatus.isSuccess, !result.standardOutput.isEmpty else { return nil }
        return result.standardOutput
    }
}
