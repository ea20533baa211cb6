import Fleet
import Testing

func digest(_ character: Character) throws -> Digest {
    try #require(Digest(hex: String(repeating: character, count: 64)))
}

/// The failure that `body` ends in.
func failure(_ body: () async throws -> Void) async throws -> Failure {
    do { try await body() } catch let failure as Failure { return failure }
    Issue.record("nothing failed")
    throw CancellationError()
}
