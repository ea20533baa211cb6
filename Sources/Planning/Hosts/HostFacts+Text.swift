import Fleet

extension HostFacts {
    /// Reads what `FactsScript` printed. A line that says nothing known is passed over; nil where the last one is
    /// missing: the answer was cut.
    package init?(lines: [String]) {
        self.init()
        for line in lines {
            let words = line.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
            guard let key = words.first, words.count > 1 else { continue }
            read(key, Array(words.dropFirst()), line)
        }
        if clock == nil { return nil }
    }

    private mutating func read(_ key: String, _ words: [String], _ line: String) {
        let value = words[0]
        switch key {
        case "system": (system, systemVersion) = (value, words.count > 1 ? words[1] : "")
        case "architecture": architecture = value
        case "systemd": systemd = Int(value)
        case "clock": clock = Double(value)
        case "memory": freeMemory = Int(value).map { $0 * 1024 }
        case "processors": processors = Int(value)
        case "disk":
            guard words.count == 3, let blocks = Int(words[1]) else { return }
            // File systems that make their nodes as they go tell `-`.
            disks[value] = Disk(freeBytes: blocks * 1024, freeFiles: Int(words[2]) ?? Int.max)
        case "listen": listeners += Self.listener(value, words.count > 1 ? words[1] : "")
        case "listen-hex": listeners += Int(value, radix: 16).map { [Listener(port: $0)] } ?? []
        case "edge-pid": edgePids.formUnion(Int32(value).map { [$0] } ?? [])
        case "nginx": otherNginx += Int32(value).map { [$0] } ?? []
        case "program": programs.insert(value)
        case "python": python = value
        case "credential-key": hasCredentialKey = true
        case "package": package = value
        case "package-file": packageFile = Digest(hex: value)
        case "release": releases.formUnion(Digest(hex: value).map { [$0] } ?? [])
        case "file":
            guard let digest = Digest(hex: value), let space = line.firstIndex(of: "/") else { return }
            files[String(line[space...])] = digest
        case "directory":
            guard let space = line.firstIndex(of: "/") else { return }
            directories.insert(String(line[space...]))
        case "table": firewallTables.append(words.joined(separator: " "))
        default: break
        }
    }

    /// `0.0.0.0:80` and `users:(("nginx",pid=52,fd=5),...)`, as ss prints them. One for each process.
    private static func listener(_ address: String, _ users: String) -> [Listener] {
        guard let port = address.split(separator: ":").last.flatMap({ Int($0) }) else { return [] }
        let owners = users.matches(of: #/\("([^"]*)",pid=(\d+)/#).map { match in
            Listener(port: port, owner: "\(match.1) (pid \(match.2))", pid: Int32(match.2))
        }
        return owners.isEmpty ? [Listener(port: port)] : owners
    }
}
