import Testing

@testable import Conformance

@Suite struct ReportTests {
    @Test("ids are unique, belong to a group, and there are more than enough of them")
    func catalogue() {
        let ids = Catalogue.all.map(\.id)
        #expect(Set(ids).count == ids.count)
        #expect(ids.count >= 180)
        #expect(Catalogue.all.allSatisfy { $0.group != nil && !$0.reference.isEmpty && !$0.title.hasSuffix(".") })
    }
}
