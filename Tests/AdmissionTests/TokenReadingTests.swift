import Fleet
import Testing

@testable import Admission

@Suite("How a token is read")
struct TokenReadingTests {
    private static let payload = #"{"iss":"i","sub":"s","aud":"a","exp":1,"scope":"x y"}"#

    private func token(_ header: String, _ payload: String = payload, signature: String = "AAAA") -> String {
        Base64URL.encode(header.utf8) + "." + Base64URL.encode(payload.utf8) + "." + signature
    }

    @Test("a signed token is taken apart")
    func good() throws {
        let read = try CompactToken(token(#"{"alg":"ES256","kid":"k","typ":"at+JWT","x5t":"ignored"}"#))
        #expect(read.algorithm == .es256)
        #expect(read.keyID == "k")
        #expect(read.issuer == "i")
        #expect(try read.claims().scopes == ["x", "y"])
        #expect(read.signature == [0, 0, 0])
    }

    @Test(
        "a header that we would not vouch for is refused",
        arguments: [
            #"{"alg":"none"}"#, #"{"alg":"HS256"}"#, #"{"alg":"es256"}"#, #"{"alg":"ES256K"}"#, "{}", "[]", "x",
            #"{"alg":["ES256"]}"#, #"{"alg":"ES256","crit":["exp"]}"#, #"{"alg":"ES256","jwk":{}}"#,
            #"{"alg":"ES256","jku":"https://evil"}"#, #"{"alg":"ES256","x5u":"https://evil"}"#,
            #"{"alg":"ES256","x5c":[]}"#, #"{"alg":"ES256","typ":"dpop+jwt"}"#, #"{"alg":"ES256","typ":7}"#,
            #"{"alg":"ES256","kid":7}"#, #"{"alg":"ES256","alg":"ES256"}"#, #"{"alg":"none","alg":"ES256"}"#,
        ])
    func badHeader(_ header: String) { #expect(throws: TokenFault.self) { try CompactToken(token(header)) } }

    @Test(
        "a payload with missing, doubled or mistyped claims is refused",
        arguments: [
            "{}", "[]", "null", "", #"{"iss":"i","sub":"s","aud":"a"}"#, #"{"iss":"i","aud":"a","exp":1}"#,
            #"{"sub":"s","exp":1}"#, #"{"iss":"i","sub":"","exp":1}"#, #"{"iss":"i","sub":"s","exp":"1"}"#,
            #"{"iss":"i","sub":"s","exp":null}"#, #"{"iss":"i","sub":"s","exp":1,"nbf":"0"}"#,
            #"{"iss":"i","sub":"s","exp":1,"aud":7}"#, #"{"iss":"i","sub":"s","exp":1,"aud":["a",7]}"#,
            #"{"iss":"i","sub":"s","exp":1,"aud":"a","aud":"b"}"#, #"{"iss":"i","sub":"s","exp":1e999}"#,
            #"{"iss":"i","sub":"s","exp":1,"scope":{}}"#, #"{"iss":["i"],"sub":"s","exp":1}"#,
            #"{"iss":"i","sub":"s","exp":1,"scp":[7]}"#, #"{"iss":"i","sub":"s","exp":1,"iat":"now"}"#,
        ])
    func badPayload(_ payload: String) {
        #expect(throws: TokenFault.self) { try CompactToken(token(#"{"alg":"ES256"}"#, payload)).claims() }
    }

    @Test("a token of other than three parts, padded, or unsigned is refused")
    func badShape() {
        let good = token(#"{"alg":"ES256"}"#)
        #expect(throws: Never.self) { try CompactToken(good) }
        for bad in [good + ".", good + "=", "." + good, "..", "", "a.b", token(#"{"alg":"ES256"}"#, signature: "")] {
            #expect(throws: TokenFault.self) { try CompactToken(bad) }
        }
    }

    @Test("what has not the form of a JWT is opaque, what has it and is wrong is no token")
    func opaque() throws {
        for opaque in ["4/0AX4", "a.b", "a.b.c.d", "a.b.c~", "..é", "", "AB.AB.AB"] {
            #expect(try CompactToken.read(opaque) == nil, "\(opaque)")
        }
        for broken in ["..", "e30.e30.AAAA", token(#"{"alg":"none"}"#, signature: "")] {
            #expect(throws: TokenFault.self) { try CompactToken.read(broken) }
        }
    }

    @Test("base64url has one spelling for each value")
    func base64() {
        #expect(Base64URL.decode("".utf8) == [])
        #expect(Base64URL.decode("-_8".utf8) == [0xfb, 0xff])
        for bad in ["A", "AB", "AAB", "AA=", "AA==", "+/8", "A A", "AAAAA"] {
            #expect(Base64URL.decode(bad.utf8) == nil)
        }
        var random = SystemRandomNumberGenerator()
        for length in 0..<100 {
            let bytes = (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            #expect(Base64URL.decode(Base64URL.encode(bytes).utf8) == bytes)
        }
    }

    @Test(
        "strict JSON reads what is JSON",
        arguments: [
            (
                "{\"a\" : [1, -2.5e1, true, null]}",
                JSONValue.object(["a": .array([.integer(1), .number(-25), .bool(true), .null])])
            ),
            (#""\u0041\ud83d\ude00\n\/""#, .string("A😀\n/")), ("0", .integer(0)), (" {} ", .object([:])),
            ("9223372036854775808", .number(9_223_372_036_854_775_808)),
        ])
    func json(_ text: String, _ value: JSONValue) throws {
        #expect(try StrictJSON.parse(Array(text.utf8)) == value)
    }

    @Test(
        "strict JSON refuses the rest",
        arguments: [
            "", "{", "[1,]", "{\"a\":1,}", "01", "-", "1.", "+1", "tru", "\"\\x\"", "\"\\ud800\"", "\"\\ud800\\u0041\"",
            "\"a", "\"\u{1}\"", "1 2", "{\"a\":1,\"a\":1}", "NaN", "{a:1}", "'a'", "1e", "\"\\u00g0\"",
            String(repeating: "[", count: 100_000),
        ])
    func badJSON(_ text: String) { #expect(throws: StrictJSON.Fault.self) { try StrictJSON.parse(Array(text.utf8)) } }

    @Test("bytes that are not UTF-8 are refused")
    func notUTF8() { #expect(throws: StrictJSON.Fault.self) { try StrictJSON.parse([0x22, 0xff, 0xfe, 0x22]) } }
}
