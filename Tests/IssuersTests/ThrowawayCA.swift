import Foundation

/// A certificate authority of a test, made by the openssl command; its files go with the test's directory.
struct ThrowawayCA {
    struct Leaf: Sendable {
        var certificate: String
        var key: String
    }

    let directory: String
    var certificate: String { directory + "/ca.pem" }

    init(_ directory: String) throws {
        self.directory = directory
        try openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 "
                + "-subj /CN=Throwaway")
    }

    /// `names` as in a subjectAltName: `IP:127.0.0.1`, `DNS:localhost`.
    func leaf(_ names: String, days: Int = 2) throws -> Leaf {
        let name = "leaf-\(UUID().uuidString)"
        try "subjectAltName=\(names)\n".write(
            toFile: "\(directory)/\(name).ext", atomically: true, encoding: .utf8)
        try openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout \(name).key -out \(name).csr -subj /CN=leaf"
        )
        try openssl(
            "x509 -req -in \(name).csr -CA ca.pem -CAkey ca.key -CAcreateserial -days \(days) -extfile \(name).ext "
                + "-out \(name).pem")
        return Leaf(certificate: "\(directory)/\(name).pem", key: "\(directory)/\(name).key")
    }

    private struct OpenSSLFailed: Error { var command: String }

    private func openssl(_ command: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + command.split(separator: " ").map(String.init)
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw OpenSSLFailed(command: command) }
    }
}
