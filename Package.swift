// swift-tools-version: 6.2
// The floors of this package are explained in ARCHITECTURE.md and enforced by ops/check:
// a target may depend only on targets of the floors below it, adapters never on each other.
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
]

// MARK: Libraries we build on (why each: ops/decisions/)

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let jwtKit = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

func floor(
    _ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil
) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource]? = nil
) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: [.target(name: name)] + dependencies, exclude: exclude,
        resources: resources, swiftSettings: strict)
}

let package = Package(
    name: "convoy",
    products: [
        .executable(name: "convoy", targets: ["convoy"]),
        .executable(name: "convoy-exec", targets: ["convoy-exec"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", exact: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", exact: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2"),
        .package(url: "https://github.com/vapor/jwt-kit", exact: "5.7.1"),
    ],
    targets: [
        // Floor 0: C
        .systemLibrary(
            name: "CLibMongoC", pkgConfig: "libmongoc-1.0", providers: [.apt(["libmongoc-dev"])]),
        .target(name: "CMongoC", dependencies: ["CLibMongoC"]),
        .target(name: "CProcess"),
        .systemLibrary(name: "CLibOpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .target(name: "COpenSSL", dependencies: ["CLibOpenSSL"]),
        .systemLibrary(name: "CLibSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .target(name: "CSystemd", dependencies: ["CLibSystemd"]),

        // Becomes the server that an instance is: small, since it runs within each sandbox.
        .executableTarget(
            name: "convoy-exec",
            cSettings: [.enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error)]),

        // Floor 1: the domain, pure
        floor("Fleet", [yams]),
        floor("Planning", ["Fleet", crypto]),
        floor("Admission", ["Fleet"]),
        .target(
            name: "Templates", path: "templates", exclude: [],
            resources: [
                .embedInCode("nginx/edge.conf.mustache"),
                .embedInCode("nftables/convoy.nft.mustache"),
                .embedInCode("profiles/documentdb.yaml"),
                .embedInCode("profiles/grafana.yaml"),
                .embedInCode("profiles/mongodb.yaml"),
                .embedInCode("spec/fleet.yaml"),
                .embedInCode("systemd/convoy.slice.mustache"),
                .embedInCode("systemd/instance.service.mustache"),
            ], swiftSettings: strict),
        floor("Rendering", ["Fleet", "Templates", mustache]),
        .target(
            name: "Units", path: "units", exclude: ["sysusers.d", "tmpfiles.d"],
            resources: [
                .embedInCode("convoy-edge.service"),
                .embedInCode("convoy-firewall.service"),
                .embedInCode("convoy-gate.service"),
                .embedInCode("convoy-gate.socket"),
                .embedInCode("convoy-include.service"),
                .embedInCode("convoy-refresher.service"),
                .embedInCode("convoy-refresher.socket"),
                .embedInCode("convoy-supervisor.service"),
                .embedInCode("embedded/sysusers.conf"),
                .embedInCode("embedded/tmpfiles.conf"),
            ], swiftSettings: strict),

        // Floor 2: what the use cases need from the world
        floor("Ports", ["Fleet", "Planning"]),

        // What daemons of ours have in common: signals, sockets
        floor("Daemons", ["Fleet"]),

        // Floor 3: use cases, and adapters that know neither them nor each other
        floor("Operations", ["Fleet", "Planning", "Rendering", "Admission", "Ports"]),
        floor(
            "Conformance",
            [
                "Fleet", "Planning", "Admission", "Ports", nioCore, nioPosix, nioSSL, nioTLS, crypto, cryptoExtras,
            ]),
        floor("Console", ["Fleet", "Planning", "Ports"]),
        floor("Control", ["Fleet", "Planning", "Ports", "Daemons", nioCore, nioHTTP1, nioPosix, asyncHTTPClient]),
        floor("Edge", ["Fleet", "Planning", "Ports", "COpenSSL", subprocess]),
        floor("Gate", ["Fleet", "Admission", "Ports", "Daemons", nioCore, nioHTTP1, nioPosix, crypto, cryptoExtras]),
        floor("Hosts", ["Fleet", "Planning", "Ports", subprocess]),
        floor(
            "Issuers",
            [
                "Fleet", "Planning", "Admission", "Ports", "Daemons", nioCore, nioHTTP1, nioPosix, nioSSL,
                asyncHTTPClient,
            ]),
        floor("Ledger", ["Fleet", "Planning", "Ports", grdb]),
        floor("MongoDB", ["Fleet", "Planning", "Ports", "CMongoC"]),
        floor("Probes", ["Fleet", "Planning", "Ports", asyncHTTPClient, crypto]),
        floor("Releases", ["Fleet", "Ports", subprocess, crypto]),
        floor("Supervision", ["Fleet", "Planning", "Ports", "CProcess", subprocess]),
        floor("Systemd", ["Fleet", "Planning", "Ports", "CSystemd", subprocess]),

        // Floor 4: the one binary
        .executableTarget(
            name: "convoy",
            dependencies: [
                "Conformance",
                "Operations", "Console", "Control", "Edge", "Gate", "Hosts", "Issuers", "Ledger", "MongoDB",
                "Probes",
                "Releases", "Supervision", "Systemd", "Rendering", "Templates", "Units", "Ports", "Planning", "Fleet",
                argumentParser, subprocess,
            ], swiftSettings: strict),

        // What every `ProcessBackend` keeps, run by each backend's tests.
        .target(
            name: "ProcessContract", dependencies: ["Fleet", "Ports"], path: "Tests/Support/ProcessContract",
            swiftSettings: strict),
        // What every `HostLink` keeps.
        .target(
            name: "HostContract", dependencies: ["Fleet", "Ports"], path: "Tests/Support/HostContract",
            swiftSettings: strict),
        // Leases in memory and a clock turned by hand, for whoever tests what works under a lease.
        .target(
            name: "LedgerContract", dependencies: ["Fleet", "Planning", "Ports"], path: "Tests/Support/LedgerContract",
            swiftSettings: strict),

        tests("Fleet", [yams, "Templates"], resources: [.copy("Cases")]),
        tests("Planning", []),
        tests("Admission", []),
        tests("Rendering", [], exclude: ["Goldens"]),
        tests("Operations", ["HostContract", "LedgerContract", "ProcessContract", "Units"], exclude: ["Goldens"]),
        tests("Conformance", [nioCore, nioPosix, crypto, cryptoExtras]),
        tests("Console", []),
        tests("Control", ["Daemons", "LedgerContract"]),
        tests("Edge", ["Rendering", "Gate"]),
        tests("Gate", [jwtKit, crypto, cryptoExtras, nioCore]),
        tests("Hosts", ["HostContract"]),
        tests("Issuers", [nioCore, nioHTTP1, nioPosix, nioSSL]),
        tests("Ledger", ["LedgerContract", grdb]),
        tests("MongoDB", ["LedgerContract"]),
        tests("Probes", []),
        tests("Releases", []),
        tests("Supervision", ["ProcessContract"]),
        // Runs the built program, so it needs nothing of it.
        .testTarget(name: "ConvoyExecTests", swiftSettings: strict),
        tests("Systemd", ["ProcessContract", "Supervision"]),
    ]
)
