import Glibc
import Planning
import Ports
import Testing

@testable import Supervision

@Suite("What a host has left")
struct RoomTests {
    @Test("this machine's own figures are there and possible")
    func own() throws {
        let scratch = try Scratch()
        let figures = PosixRoom().figures(
            RoomInquiry(
                directories: [scratch.file("not/made/yet"), scratch.file("nor-this")], trees: [], ports: [],
                processes: [getsid(0)], starter: getpid()))
        let memory = try #require(figures.memoryAvailable)
        #expect(memory > 1_000_000)
        #expect(figures.disks.count == 1)
        #expect((figures.disks.first?.freeBytes ?? 0) > 0)
        let limit = try #require(figures.openFilesLimit)
        #expect(limit > (figures.openFiles ?? .max))
        #expect(figures.descriptorLimit ?? 64 >= 64)
    }

    @Test("a tree counts with all that it holds, a link as itself, and what is not there as nothing")
    func trees() throws {
        let scratch = try Scratch()
        let root = scratch.file("tree")
        try #require(mkdir(root, 0o700) == 0 && mkdir(root + "/deep", 0o700) == 0)
        let file = try OwnedDescriptor(opening: root + "/deep/large", O_WRONLY | O_CREAT, mode: 0o600)
        let bytes = [UInt8](repeating: 7, count: 1_000_000)
        try file.writeAll(bytes.span)
        try #require(fsync(file.number) == 0 && symlink("/", root + "/everything") == 0)
        let figures = PosixRoom().figures(
            RoomInquiry(
                directories: [], trees: [root, scratch.file("none")], ports: [], processes: [], starter: nil))
        #expect(figures.usedFiles == 4)
        #expect((1_000_000..<1_200_000).contains(figures.usedBytes))
    }

    @Test("who listens on a port is named, and nobody else")
    func ports() throws {
        let scratch = try Scratch()
        let held = try PortReservation(port: 0)
        let figures = PosixRoom().figures(
            RoomInquiry(
                directories: [scratch.file("x")], trees: [], ports: [Int(held.port), 70_000], processes: [],
                starter: nil))
        #expect(figures.listeners.isEmpty)
        held.release()
    }

    @Test("the bound of a container counts, without what it can let go of; no bound is none")
    func group() {
        let statistics = "anon 100\nfile 50\ninactive_file 30\nactive_file 20\n"
        #expect(MemoryRoom.available(most: "1000\n", current: "400\n", statistics: statistics) == 630)
        #expect(MemoryRoom.available(most: "100\n", current: "400\n", statistics: "") == 0)
        #expect(MemoryRoom.available(most: "max\n", current: "400\n", statistics: statistics) == nil)
        #expect(MemoryRoom.available(most: "", current: "", statistics: "") == nil)
    }

    @Test("tables of /proc are read as the kernel writes them; others tell nothing")
    func tables() {
        #expect(PosixRoom.ownPages("5000 1200 900 1 0 300 0\n") == 300)
        #expect(PosixRoom.ownPages("5000") == nil)
        #expect(PosixRoom.openFiles("1312\t0\t9223372036854775807\n") == (1312, .max))
        #expect(PosixRoom.openFiles("") == (nil, nil))
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n"
        let row = "Max open files            1024                 524288               files     \n"
        #expect(PosixRoom.descriptorLimit(limits + row) == 1024)
        #expect(PosixRoom.descriptorLimit(limits + row.replacing("1024  ", with: "unlimited")) == nil)
        #expect(PosixRoom.descriptorLimit("") == nil)
    }
}
