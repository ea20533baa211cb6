import Fleet
import Testing

@testable import Rendering

@Suite("Rendering instances' units")
struct UnitRendererTests {
    @Test("a plan renders the bytes of its golden", arguments: UnitExamples.names)
    func golden(_ name: String) throws {
        let file = try UnitRenderer.render(UnitExamples.plan(name))
        #expect(file.path == "convoy-instance-\(UnitExamples.plan(name).instance).service" && file.mode == 0o644)
        try Golden.expect(file.content, is: "instance-\(name).service")
    }

    @Test("the slice renders the bytes of its golden, whatever the order of addresses")
    func slice() throws {
        let file = try UnitRenderer.render(UnitExamples.slice)
        #expect(file.path == "convoy.slice")
        try Golden.expect(file.content, is: "convoy.slice")
        var other = UnitExamples.slice
        other.addresses.reverse()
        other.addresses += other.addresses
        #expect(try UnitRenderer.render(other) == file)
    }

    @Test("a slice that allows everything is refused: nobody would notice")
    func openSlice() throws {
        for text in ["0.0.0.0/0", "::/0", "0.0.0.0/1"] {
            var plan = UnitExamples.slice
            plan.addresses.append(try AddressBlock(parsing: text))
            #expect(throws: Failure.self) { try UnitRenderer.render(plan) }
        }
    }

    @Test("no unit allows more than this machine itself, and none knows a secret", arguments: UnitExamples.names)
    func closed(_ name: String) throws {
        let lines = try UnitRenderer.render(UnitExamples.plan(name)).content.split(separator: "\n")
        #expect(lines.filter { $0.hasPrefix("IPAddress") } == ["IPAddressDeny=any", "IPAddressAllow=localhost"])
        #expect(lines.allSatisfy { !$0.hasPrefix("SetCredential") && !$0.hasPrefix("EnvironmentFile") })
        let credentials = lines.filter { $0.hasPrefix("LoadCredential") }
        let commands = lines.filter { $0.hasPrefix("Exec") && !$0.hasPrefix("ExecPaths") }
        #expect(commands.count == 1)
        // Without the credential the server must not start, so both are there, or neither.
        #expect((credentials.count == 1) == commands[0].contains("--credential environment --"))
        #expect(credentials.count == (name == "go" ? 0 : 1))
    }

    @Test("only a runtime that never compiles is denied memory to write and execute")
    func writeExecute() throws {
        for name in UnitExamples.names {
            let text = try UnitRenderer.render(UnitExamples.plan(name)).content
            #expect(text.contains("\nMemoryDenyWriteExecute=\(name == "go" ? "yes" : "no")\n"))
        }
    }

    @Test("an instance whose directories are not below / has no unit: systemd would make them elsewhere")
    func otherRoot() {
        var plan = UnitExamples.plan("node")
        plan.launch.workingDirectory = "/srv/fleet" + plan.launch.workingDirectory
        let failure = #expect(throws: Failure.self) { try UnitRenderer.render(plan) }
        #expect(failure?.why.contains("is --root not /") == true)
    }

    @Test("a program where the sandbox has none is refused, not started in vain")
    func otherProgram() {
        for path in ["/home/ops/node", "/root/bin/python", "/tmp/server", "node", "/usr/../root/x", "/usr//x"] {
            var plan = UnitExamples.plan("node")
            plan.launch.executable = path
            #expect(throws: Failure.self, "\(path)") { try UnitRenderer.render(plan) }
        }
    }

    @Test("an operator's own template is used, and a broken one is named")
    func override() throws {
        let own = "{{% CONTENT_TYPE:TEXT}}{{instance}} {{tasks}}"
        #expect(try UnitRenderer.render(UnitExamples.plan("node"), template: own).content == "analytics-1-g3 200")
        let failure = #expect(throws: Failure.self) {
            try UnitRenderer.render(UnitExamples.plan("node"), template: "{{#environment}}")
        }
        #expect(failure?.what.contains("instance.service.mustache") == true)
    }
}
