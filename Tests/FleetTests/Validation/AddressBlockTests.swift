import Foundation
import Testing

@testable import Fleet

@Suite("Blocks of addresses")
struct AddressBlockTests {
    @Test(
        "every spelling is one value with one text",
        arguments: [
            ("10.0.0.0/8", "10.0.0.0/8"), ("10.1.2.3", "10.1.2.3"), ("10.1.2.3/32", "10.1.2.3"),
            ("0.0.0.0/0", "0.0.0.0/0"), ("::/0", "::/0"), ("::1", "::1"), ("2001:DB8::/32", "2001:db8::/32"),
            ("2001:0db8:0:0:0:0:0:0/32", "2001:db8::/32"), ("fe80:0:0:1::/64", "fe80:0:0:1::/64"),
            ("1:0:0:2:0:0:0:3", "1:0:0:2::3"), ("1:2:3:4:5:6:0:8", "1:2:3:4:5:6:0:8"), ("8000::/1", "8000::/1"),
        ])
    func spellings(_ text: String, _ canonical: String) throws {
        let block = try AddressBlock(parsing: text)
        #expect(block.text == canonical)
        #expect(try AddressBlock(parsing: block.text) == block)
        #expect(try JSONDecoder().decode([AddressBlock].self, from: JSONEncoder().encode([block])) == [block])
    }

    @Test("a block holds exactly the addresses with its first bits")
    func contains() throws {
        var seen = 0
        for prefix in 0...32 {
            let base: [UInt8] = [172, 16, 254, 129]
            let block = try #require(AddressBlock(bytes: AddressBlock.masked(base, prefix), prefix: prefix))
            for bit in 0..<32 {
                var other = base
                other[bit / 8] ^= 0x80 >> UInt8(bit % 8)
                #expect(block.contains(other) == (bit >= prefix))
                seen += 1
            }
            #expect(block.contains(base))
            #expect(!block.contains(base + [0]))
        }
        #expect(seen == 33 * 32)
    }

    @Test("addresses of clients as nginx tells them")
    func clients() {
        #expect(IPAddress.bytes("10.1.2.3") == [10, 1, 2, 3])
        #expect(IPAddress.bytes("::ffff:10.1.2.3") == [10, 1, 2, 3])
        #expect(IPAddress.bytes("2001:db8::1") == [0x20, 1, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1])
        #expect(IPAddress.bytes("::") == [UInt8](repeating: 0, count: 16))
        #expect(IPAddress.bytes("1::") == [0, 1] + [UInt8](repeating: 0, count: 14))
        for bad in [
            "", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::ffff:10.1.2", "10.1.2.3::", "::10.1.2.3:1",
            "1:2:3:4:5:6:7:10.1.2.3", "g::", "12345::", "1.2.3.4.5", "1.2.3.-4", "+1.2.3.4", "::1%lo", "unix:", " ::1",
            ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:",
        ] {
            #expect(IPAddress.bytes(bad) == nil, "\(bad)")
        }
    }

    @Test("a policy that an older release wrote is still read, and lets nothing through that it did not")
    func olderPolicy() throws {
        let text = #"{"name":"p","scope":"s","active":"a","sessions":["a1"]}"#
        let pool = try JSONDecoder().decode(GatePolicy.Pool.self, from: Data(text.utf8))
        #expect(pool == GatePolicy.Pool(name: "p", scope: "s", active: .a, sessions: ["a1"]))
        let plan = #"{"name":"p","scope":"s","upstreamPath":"/mcp","upstreamHost":"127.0.0.1"}"#
        #expect(
            try JSONDecoder().decode(PoolPlan.self, from: Data(plan.utf8))
                == PoolPlan(name: "p", scope: "s", upstreamPath: "/mcp"))
        for wrong in [
            text.dropLast() + #","clients":["10.0.0.0/99"]}"#, text.dropLast() + #","tools":{"kind":"some"}}"#,
            text.dropLast() + #","rate":5}"#,
        ] {
            #expect(throws: (any Error).self) {
                try JSONDecoder().decode(GatePolicy.Pool.self, from: Data(wrong.utf8))
            }
        }
    }
}
