import Fleet
import Ports
import Testing

/// What every `UserDirectory` must do.
func checkUserDirectoryContract(_ directory: any UserDirectory) async throws {
    let read = DatabaseGrant(database: "shop", role: "read")
    let write = DatabaseGrant(database: "shop", role: "readWrite")
    let stock = DatabaseGrant(database: "stock", role: "read")
    let (first, second) = (Secret("first-\"\\ü"), Secret("second"))

    #expect(try await directory.list(prefix: "convoy-t-") == [])
    #expect(try await !directory.holdsExactly("convoy-t-a", grants: [read]))

    #expect(try await directory.ensure("convoy-t-a", password: first, grants: [read]) == .created)
    #expect(try await directory.holdsExactly("convoy-t-a", grants: [read]))
    #expect(try await !directory.holdsExactly("convoy-t-a", grants: [read, stock]))
    #expect(try await !directory.holdsExactly("convoy-t-a", grants: []))
    #expect(try await directory.ensure("convoy-t-a", password: first, grants: [read]) == .unchanged)
    #expect(try await directory.ensure("convoy-t-a", password: second, grants: [read]) == .corrected)
    #expect(try await directory.ensure("convoy-t-a", password: second, grants: [read]) == .unchanged)
    #expect(try await directory.ensure("convoy-t-a", password: second, grants: [write]) == .corrected)
    #expect(try await directory.ensure("convoy-t-a", password: second, grants: [stock, read]) == .corrected)
    #expect(try await directory.holdsExactly("convoy-t-a", grants: [read, stock]))

    // Roles alone: the password is what it was.
    #expect(try await directory.restrict("convoy-t-a", to: [read]))
    #expect(try await directory.holdsExactly("convoy-t-a", grants: [read]))
    #expect(try await directory.ensure("convoy-t-a", password: second, grants: [read]) == .unchanged)
    #expect(try await directory.restrict("convoy-t-a", to: [stock, read]))
    #expect(try await !directory.restrict("convoy-t-nobody", to: [read]))

    // A prefix, not a pattern; and only that prefix.
    _ = try await directory.ensure("convoy-t-b", password: first, grants: [read])
    _ = try await directory.ensure("convoy-tt", password: first, grants: [read])
    #expect(try await directory.list(prefix: "convoy-t-") == ["convoy-t-a", "convoy-t-b"])

    // With their roles, and where they live.
    let held = try await directory.holdings(prefix: "convoy-t-", databases: [])
    #expect(held.map(\.name).sorted() == ["convoy-t-a", "convoy-t-b"])
    #expect(held.allSatisfy { $0.database == "admin" })
    #expect(held.first { $0.name == "convoy-t-a" }.map { Set($0.grants) } == [read, stock])

    // Many at once: one creates, nobody fails, the wish holds afterwards.
    let changes = try await withThrowingTaskGroup(of: UserChange.self) { group in
        for _ in 1...8 {
            group.addTask { try await directory.ensure("convoy-t-c", password: first, grants: [read]) }
        }
        return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(changes.filter { $0 == .created }.count == 1)
    #expect(try await directory.holdsExactly("convoy-t-c", grants: [read]))

    for name in try await directory.list(prefix: "convoy-t") { try await directory.remove(name) }
    #expect(try await directory.list(prefix: "convoy-t") == [])
    try await directory.remove("convoy-t-a")
    #expect(try await directory.ensure("convoy-t-a", password: first, grants: [read]) == .created)
    try await directory.remove("convoy-t-a")
}

@Suite("User directory contract")
struct UserDirectoryContractTests {
    @Test("the in-memory directory keeps the contract")
    func inMemory() async throws {
        try await checkUserDirectoryContract(InMemoryUserDirectory())
    }
}
