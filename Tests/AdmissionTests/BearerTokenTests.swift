import Testing

@testable import Admission

@Suite("Where a token may be")
struct BearerTokenTests {
    private func find(_ authorization: [String], query: String = "") -> BearerToken {
        BearerToken.find(
            in: Sample.request {
                $0.authorization = authorization
                $0.query = query
            })
    }

    @Test("the scheme is told without regard to case", arguments: ["Bearer", "bearer", "BEARER"])
    func scheme(_ scheme: String) { #expect(find([scheme + " a-b._~+/9=="]) == .found("a-b._~+/9==")) }

    @Test("other credentials are no token", arguments: ["", "Basic YTpi", "Bearerx y", "x", "b%65arer x"])
    func otherSchemes(_ value: String) { #expect(find([value]) == .absent) }

    @Test(
        "a malformed token is refused",
        arguments: [
            "Bearer", "Bearer ", "Bearer  a", "Bearer a b", "Bearer a,b", "Bearer ==", "Bearer a=b", "Bearer é",
            "Bearer a\t", "Bearer \"a\"",
        ])
    func malformed(_ value: String) {
        #expect(find([value]) == .refused("the Authorization header is malformed"))
    }

    @Test("each of the 68 bytes that a token may have is taken, wherever it stands, and no other")
    func bytes() {
        let allowed = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/")
        for scalar in (1...0x17f).compactMap(Unicode.Scalar.init) where scalar != " " {
            // Of many lengths: the bytes are looked at many at a time.
            for length in [1, 15, 16, 17, 64, 65] {
                let text = String(repeating: "a", count: length) + String(scalar) + "b"
                #expect((find(["Bearer " + text]) == .found(text)) == allowed.contains(Character(scalar)), "\(text)")
            }
        }
        #expect(allowed.count == 68)
    }

    @Test("two headers are refused, even if equal")
    func twice() { #expect(find(["Bearer a", "Bearer a"]) == .refused("more than one Authorization header")) }

    @Test("a token larger than the limit is refused, one at the limit is not")
    func size() {
        #expect(find(["Bearer " + String(repeating: "a", count: 8192)]) == .refused("the token is too large"))
        let largest = String(repeating: "a", count: 8192 - 7)
        #expect(find(["Bearer " + largest]) == .found(largest))
    }

    @Test(
        "a token in the query is refused even beside a good header",
        arguments: [
            "access_token=x", "a=b&access_token=x", "access_token", "%61ccess_token=x", "a;access%5Ftoken=x",
            "Access_Token=x", "%41ccess_token=1",
        ])
    func query(_ query: String) {
        #expect(find(["Bearer a"], query: query) == .refused("a token in the query string is not accepted"))
    }

    @Test(
        "other parameters are none of our business",
        arguments: ["", "token=x", "my_access_token=x", "%", "a=access_token"])
    func otherQuery(_ query: String) { #expect(find(["Bearer a"], query: query) == .found("a")) }
}
