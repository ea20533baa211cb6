import Fleet
import Testing

@testable import Releases

@Suite("What pip writes differently for each place")
struct WheelTextTests {
    @Test("RECORD keeps what is there, sorted, and drops pip's scripts")
    func record() {
        let text = """
            b.py,sha256=1,2\r
            ../../bin/tool,sha256=x,236\r
            bin/tool,sha256=x,236\r
            "odd, ""name"".py",sha256=3,4\r
            x-1.dist-info/INSTALLER,sha256=5,4\r
            a.py,sha256=6,7\r
            """
        let there: Set<String> = ["a.py", "b.py", "odd, \"name\".py", "bin/tool"]
        let record = WheelRecord.canonical(text) { there.contains($0) }
        #expect(record == "\"odd, \"\"name\"\".py\",sha256=3,4\na.py,sha256=6,7\nb.py,sha256=1,2\n")
    }

    @Test("a wheel's own script gets the first line back that it had in the wheel")
    func script() {
        let script = WheelRecord.settledScript(Array("#!/opt/x/bin/python3.11\nprint()\n".utf8))
        #expect(script.map { String(decoding: $0, as: UTF8.self) } == "#!python\nprint()\n")
        #expect(WheelRecord.settledScript(Array("#!/bin/sh\ntrue\n".utf8)) == nil)
        #expect(WheelRecord.settledScript([0x7f, 0x45, 10]) == nil)
    }

    @Test("entry points are read from the script sections only, without extras, and never as code")
    func entryPoints() {
        let text = """
            [other]
            no = a:b
            [console_scripts]
            # comment
            tool = pkg.cli:main.run [extra]
            bad = pkg:main();import os
            worse = pkg
            [gui_scripts]
            window=pkg:gui
            """
        #expect(EntryPoints(text).scripts == ["tool": "pkg.cli:main.run", "window": "pkg:gui"])
    }

    @Test("the launcher holds entry points as text, whatever their names")
    func launcher() {
        let text = PythonScripts.launcher(["a\"b": .entryPoint("m:f"), "elf": .program(path: "bin/elf")])
        #expect(text.contains(#"    "a\"b": "m:f","#))
        #expect(!text.contains("bin/elf"))
    }
}
