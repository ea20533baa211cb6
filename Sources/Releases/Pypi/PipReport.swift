import Fleet
import Foundation

/// What `pip install --dry-run --report` says it would install.
struct PipReport {
    struct Wheel: Equatable {
        var package: LockedPackage
        /// Where pip found it; may hold credentials.
        var url: Secret
    }

    /// Sorted by name.
    var wheels: [Wheel]

    private struct File: Decodable {
        struct Item: Decodable {
            struct Download: Decodable {
                struct Archive: Decodable {
                    var hash: String?
                    var hashes: [String: String]?
                }
                var url: String
                var archiveInfo: Archive?

                enum CodingKeys: String, CodingKey {
                    case url
                    case archiveInfo = "archive_info"
                }
            }
            struct Metadata: Decodable {
                var name: String
                var version: String
            }
            var downloadInfo: Download
            var metadata: Metadata

            enum CodingKeys: String, CodingKey {
                case downloadInfo = "download_info"
                case metadata
            }
        }
        var install: [Item]
    }

    /// Throws a `Failure` for a report that lacks what a lock needs.
    init(_ bytes: [UInt8]) throws {
        guard let file = try? JSONDecoder().decode(File.self, from: Data(bytes)) else {
            throw Self.failure("it is not a report that this convoy knows")
        }
        wheels = try file.install.map(Self.wheel).sorted { $0.package.name < $1.package.name }
        guard !wheels.isEmpty else { throw Self.failure("it lists no packages") }
    }

    private static func wheel(_ item: File.Item) throws -> Wheel {
        let name = normalised(item.metadata.name)
        let path = item.downloadInfo.url.split(separator: "#").first ?? ""
        let last = path.split(separator: "/").last.map(String.init) ?? ""
        let file = last.removingPercentEncoding ?? last
        guard file.hasSuffix(".whl") else {
            throw Failure(
                .badSpec, "cannot lock \(name) \(item.metadata.version)",
                because: "\(file) is not a wheel, and Convoy runs no package's build code",
                next: "choose a version that has a wheel for this Python and platform")
        }
        let archive = item.downloadInfo.archiveInfo
        let old = archive?.hash.flatMap { $0.hasPrefix("sha256=") ? String($0.dropFirst(7)) : nil }
        guard let sha256 = (archive?.hashes?["sha256"] ?? old).flatMap(Digest.init(hex:)) else {
            throw failure("it has no SHA-256 for \(file)")
        }
        return Wheel(
            package: LockedPackage(name: name, version: item.metadata.version, file: file, sha256: sha256),
            url: Secret(item.downloadInfo.url))
    }

    /// The spelling that registries compare by (PEP 503).
    static func normalised(_ name: String) -> String {
        name.lowercased().split(whereSeparator: { "-_.".contains($0) }).joined(separator: "-")
    }

    private static func failure(_ why: String) -> Failure {
        Failure(
            .unavailable, "cannot read pip's resolution report", because: why,
            next: "use pip 22.3 or newer (`python3 -m pip --version`)")
    }
}
