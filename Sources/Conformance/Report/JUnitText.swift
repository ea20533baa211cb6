/// The report as JUnit XML, as CI systems read it. A warning is told in `system-out`: JUnit has no such word.
package enum JUnitText {
    package static func text(_ report: ConformanceReport) -> String {
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"convoy verify\">\n"
        for endpoint in report.endpoints {
            let failed = endpoint.checks.count { $0.outcome == .failed }
            let skipped = endpoint.checks.count { $0.outcome == .skipped }
            text +=
                "  <testsuite name=\"\(escaped((endpoint.host.map { $0 + " " } ?? "") + endpoint.url))\" tests=\"\(endpoint.checks.count)\""
                + " failures=\"\(failed)\" errors=\"0\" skipped=\"\(skipped)\">\n"
            text += endpoint.checks.map(test).joined()
            text += "  </testsuite>\n"
        }
        return text + "</testsuites>\n"
    }

    private static func test(_ check: CheckReport) -> String {
        let open =
            "    <testcase classname=\"verify.\(escaped(check.group))\" name=\"\(escaped(check.id))\" time=\"\(check.seconds)\""
        switch check.outcome {
        case .passed: return open + "/>\n"
        case .skipped: return open + "><skipped message=\"\(escaped(check.why))\"/></testcase>\n"
        case .failed:
            return open
                + "><failure message=\"\(escaped(check.why))\">\(escaped(details(check)))</failure></testcase>\n"
        case .warned:
            return open
                + "><system-out>\(escaped("warning: \(check.why)\n" + details(check)))</system-out></testcase>\n"
        }
    }

    private static func details(_ check: CheckReport) -> String {
        "\(check.title)\nsent: \(check.sent)\nseen: \(check.seen)\nrule: \(check.reference)\nnext: \(check.next)\n"
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            // Not even an escape may name these in XML 1.0.
            case let control where control.value < 0x20 && control != "\n" && control != "\t": result += "?"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
