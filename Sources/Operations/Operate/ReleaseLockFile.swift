import Fleet
import Foundation

/// `fleet.lock` as bytes and back. The bytes are stable: equal locks give equal files, so that a
/// diff in review shows what changed and nothing else.
package enum ReleaseLockFile {
    static let about =
        "Written by convoy: the exact releases of this fleet. Commit it beside fleet.yaml; do not edit it."

    private struct File: Codable {
        /// The name sorts before all other keys, so a reader meets it first.
        var about: String?
        var format: Int
        var releases: [LockedRelease]

        enum CodingKeys: String, CodingKey {
            case about = "_about"
            case format
            case releases
        }
    }

    private struct Header: Decodable { var format: Int }

    package static func encode(_ lock: ReleaseLock) throws -> String {
        try StableJSON.text(File(about: about, format: lock.format, releases: lock.releases))
    }

    /// Throws a `Failure` (bad spec) that names `file` and says what is wrong with it.
    package static func decode(_ text: String, file: String) throws -> ReleaseLock {
        let bytes = Data(text.utf8)
        do {
            let format = try JSONDecoder().decode(Header.self, from: bytes).format
            guard format == 1 else {
                throw failure(file, "its format is \(format), this convoy knows 1", "use the convoy that wrote it")
            }
            let content = try JSONDecoder().decode(File.self, from: bytes)
            try content.releases.forEach { try validate($0, file: file) }
            return ReleaseLock(format: content.format, releases: content.releases)
        } catch let error as DecodingError {
            throw failure(file, describe(error), "restore it from version control, or delete it to resolve anew")
        }
    }

    /// A lock is input: what it names ends up in paths and in pip's requirements.
    private static func validate(_ release: LockedRelease, file: String) throws {
        for package in release.packages {
            let words = [package.name, package.version, package.file]
            guard words.allSatisfy(isPlain), package.file.hasSuffix(".whl") else {
                throw failure(
                    file, "\(release.reference): package \(package.name.debugDescription) is not one wheel",
                    "restore it from version control")
            }
        }
        for path in (release.programs ?? [:]).values
        where !path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy({ isPlain(String($0)) }) {
            throw failure(
                file, "\(release.reference): program \(path.debugDescription) is not below the release",
                "restore it from version control")
        }
    }

    private static func isPlain(_ word: String) -> Bool {
        !word.isEmpty && word.first != "." && word.first != "-"
            && word.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "._-+!".utf8.contains(byte)
            }
    }

    private static func failure(_ file: String, _ why: String, _ next: String) -> Failure {
        Failure(.badSpec, "cannot read the lock file \(file)", because: why, next: next)
    }

    private static func describe(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context): "\(place(context)) lacks \(key.stringValue)"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "\(place(context)): \(context.debugDescription)"
        case .dataCorrupted(let context):
            context.codingPath.isEmpty ? "it is not JSON" : "\(place(context)): \(context.debugDescription)"
        @unknown default: "it is not a lock file"
        }
    }

    private static func place(_ context: DecodingError.Context) -> String {
        let path = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
        return path.isEmpty ? "the document" : path.joined(separator: "/")
    }
}
