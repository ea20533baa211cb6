import Fleet
import Planning
import Ports
import Synchronization

/// Each change of a bootstrap, carried out on one host. All can be done again.
struct HostSteps: Sendable {
    /// How long work that somebody else has under way on the host is waited for.
    private static let leasePatience: Seconds = 120

    let host: HostSpec
    let wish: BootstrapWish
    let cargo: BootstrapCargo
    let ports: BootstrapPorts
    let link: any HostLink

    func perform(_ change: BootstrapChange) async throws {
        ports.progress.step("\(host.name): \(wish.words(for: change))")
        switch change {
        case .quietNginx: try await run("cannot keep nginx.service quiet", ["systemctl", "mask", "nginx.service"])
        case .package: try await install()
        case .credentialKey: try await run("cannot make the credential key", ["systemd-creds", "setup"])
        case .release: try await ship()
        case .files: try await write()
        case .fleet: try await bringUp()
        case .firewall: try await raiseWall()
        }
    }

    func gather() async throws -> HostFacts {
        let words = FactsScript.command(files: wish.askedFiles)
        let answer = try await link.run(HostCommand(words, input: .bytes(Array(FactsScript.text.utf8))))
        guard answer.succeeded || !answer.output.isEmpty, let facts = HostFacts(lines: answer.output) else {
            throw failure("cannot examine \(host.name)", answer)
        }
        return facts
    }

    func plan() async throws -> HostPlan {
        guard let plan = try await ask(HostRequest(.plan)).decoded(HostPlan.self) else {
            throw Failure(
                .failed, "cannot examine \(host.name)", because: "its convoy gave no plan",
                next: "see `convoy plan --file \(BootstrapPlace.folder)/fleet.yaml` there")
        }
        return plan
    }

    // MARK: Changes

    private func install() async throws {
        guard let package = cargo.package else { return }
        var paths: [String] = []
        for parcel in cargo.bundle + [package] { paths.append(try await send(parcel, below: "packages")) }
        let mode = cargo.bundle.isEmpty ? "online" : "offline"
        ports.progress.step("\(host.name): installing \(paths.count) package(s)")
        let answer = try await link.run(.script(HostScripts.install, [mode, package.digest.hex] + paths))
        guard !answer.succeeded else { return }
        throw failure("cannot install convoy on \(host.name)", answer)
    }

    private func ship() async throws {
        let path = try await send(cargo.release, below: "releases")
        ports.progress.step("\(host.name): verifying the release's bytes there")
        _ = try await ask(HostRequest(.receive, with: ["archive": path, "digest": wish.release.digest.hex]))
        try await run("cannot tidy up", ["rm", "-rf", BootstrapPlace.cargo])
    }

    private func write() async throws {
        for letter in cargo.files {
            try await upload(.bytes(letter.bytes), to: letter.path, mode: letter.mode, digest: letter.digest)
        }
    }

    /// What another connection left at work there is waited for: then everything is done already.
    private func bringUp() async throws {
        let deadline = ports.time.now().value + Self.leasePatience.value
        while true {
            do {
                _ = try await ask(HostRequest(.up))
                return
            } catch let failure as Failure where failure.code == .leaseHeld {
                guard ports.time.now().value < deadline, !ports.isInterrupted() else { throw failure }
                ports.progress.host(host.name, at: "waits for work that is under way there")
                try await ports.time.sleep(1)
            }
        }
    }

    /// Rules may shut out whoever comes next; only who comes anew can tell.
    private func raiseWall() async throws {
        guard try await ask(HostRequest(.firewall))["tried"]?.boolValue == true else { return }
        do {
            _ = try await ask(HostRequest(.confirm), isFreshLogin: true)
        } catch is LinkFault {
            // Where the standing connection is gone as well, it is not the rules: this throws.
            _ = try await ask(HostRequest(.hello))
            try await confirmOnceMore()
        }
    }

    private func confirmOnceMore() async throws {
        do {
            _ = try await ask(HostRequest(.confirm), isFreshLogin: true)
        } catch let fault as LinkFault {
            throw Failure(
                .failed, "the firewall's new rules keep ssh out of \(host.name)", because: fault.failure.why,
                next: "they are taken back within a minute; see `nft list table inet convoy` there, then run it again")
        }
    }

    // MARK: Ways

    private func send(_ parcel: BootstrapCargo.Parcel, below folder: String) async throws -> String {
        let path = "\(BootstrapPlace.cargo)/\(folder)/\(parcel.name)"
        try await upload(.file(parcel.path), to: path, mode: 0o644, digest: parcel.digest)
        return path
    }

    private func upload(_ input: HostInput, to path: String, mode: UInt16, digest: Digest) async throws {
        let parameters = [path, String(mode, radix: 8), digest.hex]
        let answer = try await link.run(.script(HostScripts.upload, parameters, input: input))
        guard !answer.succeeded else { return }
        throw failure("cannot write \(path) on \(host.name)", answer)
    }

    private func run(_ what: String, _ words: [String]) async throws {
        let answer = try await link.run(HostCommand(words))
        guard answer.succeeded else { throw failure("\(what) on \(host.name)", answer) }
    }

    private func ask(_ request: HostRequest, isFreshLogin: Bool = false) async throws -> JSONValue {
        let talk = Mutex(HostTalk(host: host.name, convoy: wish.version))
        let question = try talk.withLock { try $0.question(request) }
        let (name, progress) = (host.name, ports.progress)
        let command = HostCommand(HostScripts.convoy, input: .bytes(question), isFreshLogin: isFreshLogin)
        let answer = try await link.run(command) { line in
            switch talk.withLock({ $0.hear(line) }) {
            case .step(let text): progress.step("\(name): \(text)")
            case .detail(let text): progress.host(name, at: text)
            case .nothing: break
            }
        }
        if let value = try talk.withLock({ try $0.answer() }) { return value }
        throw failure("the convoy on \(host.name) broke off", answer)
    }

    private func failure(_ what: String, _ answer: HostAnswer) -> Failure {
        let said = (answer.errors.isEmpty ? answer.output.suffix(3).joined(separator: "; ") : answer.errors)
            .split(whereSeparator: \.isNewline).suffix(3).joined(separator: "; ")
        return Failure(
            .failed, what, because: said.isEmpty ? "it ended with \(answer.exitCode) and said nothing" : said,
            next: "see to that on the host, then run it again: what is done stays done")
    }
}

/// What runs on a host as root. Parameters are never part of the text.
enum HostScripts {
    static let convoy = ["/usr/bin/convoy", "host"]

    /// PATH MODE SHA256: standard input into the file, whole and as promised, or not at all.
    static let upload = """
        set -eu
        umask 022
        mkdir -p "$(dirname "$1")"
        new=$1.convoy-new
        trap 'rm -f "$new"' EXIT
        (umask 077; cat >"$new")
        found=$(sha256sum <"$new" | cut -d ' ' -f 1)
        if [ "$found" != "$3" ]; then echo "it arrived with another digest, $found" >&2; exit 65; fi
        chmod "$2" "$new"
        sync "$new"
        mv -f "$new" "$1"
        """

    /// online|offline SHA256 PACKAGE...: the mark comes last, so that what was cut is done again.
    static let install = """
        set -eu
        export DEBIAN_FRONTEND=noninteractive LC_ALL=C
        mode=$1 digest=$2
        shift 2
        dpkg --configure -a >&2
        install() {
            apt-get install -y -q --no-install-recommends --reinstall --allow-downgrades \\
                -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold "$@" >&2
        }
        # Without a list of mirrors nothing but the bundle is there to be had.
        if [ "$mode" = offline ]; then install -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null "$@"
        else install "$@" || { apt-get update -q >&2 && install "$@"; }
        fi
        printf '%s\\n' "$digest" >\(BootstrapPlace.mark).new
        mv -f \(BootstrapPlace.mark).new \(BootstrapPlace.mark)
        rm -rf \(BootstrapPlace.cargo)
        """
}
