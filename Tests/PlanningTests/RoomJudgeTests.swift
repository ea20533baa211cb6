import Fleet
import Testing

@testable import Planning

@Suite("RoomJudge")
struct RoomJudgeTests {
    /// Generation 1 runs with three instances of 100 MB and 40 descriptors; 2 is to come.
    private func findings(
        memory: Int? = 1 << 40, resources: ResourcesSpec? = nil, isFirst: Bool = false,
        rolling: Int? = nil, _ change: (inout RoomFigures) -> Void = { _ in }
    ) throws -> [RoomFinding] {
        let old = try PlanSamples.generation(1)
        let spec = PlanSamples.spec { spec in
            spec.server.resources = resources
            if let rolling {
                spec.rollout.strategy = .rolling
                spec.rollout.rolling = RollingSpec(maxUnavailable: rolling)
            }
        }
        let new = try PlanSamples.planner(spec).plan(number: 2, current: old)
        let running = try old.instances.enumerated().map { index, instance in
            try PlanSamples.status(instance, of: old) { $0.pid = Int32(10 + index) }
        }
        var room = RoomFigures(
            memoryAvailable: memory, disks: [.init(path: "/var", freeBytes: 1 << 40, freeFiles: 1 << 20)],
            processes: [
                10: .init(ownBytes: 80_000_000, openFiles: 40), 12: .init(ownBytes: 100_000_000, openFiles: 20),
            ])
        change(&room)
        return RoomJudge(next: new, current: isFirst ? nil : old, instances: isFirst ? [] : running, room: room)
            .findings()
    }

    @Test("a host with room for everything, or one of which nothing can be seen, has nothing against it")
    func enough() throws {
        #expect(try findings().isEmpty)
        #expect(try findings(memory: nil) { $0 = RoomFigures() }.isEmpty)
        #expect(try findings(memory: 330_000_000).isEmpty)
    }

    @Test("memory: what the largest of the current ones uses, for each, and a tenth more, must be available")
    func memory() throws {
        let found = try findings(memory: 329_999_999)
        #expect(found.map(\.kind) == [.memory] && found.allSatisfy(\.isRefusal))
        #expect(found.first?.why.contains("3 instances of the next generation need about 330 MB") == true, "\(found)")
        #expect(found.first?.why.hasSuffix("329 MB are available") == true)
    }

    @Test("memory: a rolling update needs room for as many as come at a time", arguments: [(1, 110), (2, 220)])
    func rolling(maxUnavailable: Int, megabytes: Int) throws {
        #expect(try findings(memory: megabytes * 1_000_000 + 1, rolling: maxUnavailable).isEmpty)
        let found = try findings(memory: megabytes * 1_000_000 - 1, rolling: maxUnavailable)
        #expect(found.map(\.kind) == [.memory] && found.allSatisfy(\.isRefusal))
        #expect(found.first?.why.contains("need about \(megabytes) MB") == true, "\(found)")
    }

    @Test("memory: bounds of resources count where they are lower, and are told where they are all that is known")
    func bounds() throws {
        #expect(try findings(memory: 200_000_000, resources: ResourcesSpec(memory: 50_000_000)).isEmpty)
        let guess = try findings(memory: 200_000_000, resources: ResourcesSpec(memory: 90_000_000), isFirst: true)
        #expect(guess.map(\.kind) == [.memory] && guess.allSatisfy { !$0.isRefusal })
        #expect(guess.first?.why.contains("may use 270 MB") == true)
    }

    @Test("disk: bytes and files as the current one uses, and never less than a little")
    func disk() throws {
        let bytes = try findings { room in
            room.usedBytes = 100_000_000
            room.disks[0].freeBytes = 109_000_000
        }
        #expect(bytes.map(\.why) == ["/var has 109 MB left, 110 MB are needed"])
        let files = try findings { $0.disks[0].freeFiles = 127 }
        #expect(files.map(\.why) == ["/var has room for 127 more files, 128 are needed"])
        #expect(try findings { $0.disks[0].freeFiles = nil }.isEmpty)
        #expect(try findings { $0.disks[0].freeBytes = 7_999_999 }.count == 1)
    }

    @Test("ports: those of the next generation that somebody has, with his name; no others")
    func ports() throws {
        let next = try PlanSamples.generation(2, over: try PlanSamples.generation(1))
        let (port, other) = (next.instances[1].port, next.instances[1].siblingPort)
        let found = try findings { $0.listeners = [port: "python3 (pid 9)", other: "tiny (pid 10)"] }
        #expect(found.map(\.why) == ["port \(port) of analytics-2-g2 is taken by python3 (pid 9)"])
    }

    @Test("descriptors: of each process, and of the whole host")
    func descriptors() throws {
        #expect(try findings { $0.descriptorLimit = 64 }.isEmpty)
        #expect(
            try findings { $0.descriptorLimit = 63 }.map(\.why)
                == ["a process may have 63 open files here, an instance needs 64"])
        let host = try findings { room in
            room.processes[10]?.openFiles = 1000
            room.openFiles = 9000
            room.openFilesLimit = 12_000
        }
        #expect(host.map(\.why) == ["this host has 3000 open files left, 3 instances need 3300"])
    }

    @Test("every reason has its figures and a next step, and refusals come first")
    func words() throws {
        let found = try findings(memory: 1000, resources: ResourcesSpec(memory: 500)) { room in
            room.disks[0].freeBytes = 0
            room.descriptorLimit = 1
        }
        #expect(found.map(\.isRefusal) == [true, true, true])
        #expect(found.allSatisfy { !$0.next.isEmpty && $0.words.hasPrefix($0.kind.rawValue + ": ") })
    }
}
