/// Which variables a text of a profile may use.
package struct TemplateVariables: Sendable, Equatable {
    package var names: Set<String>

    /// Variables of a profile's arguments and environment.
    package static func start(of profile: Profile) -> TemplateVariables {
        var names: Set<String> = ["port", "stateDirectory", "exportsDirectory", "logDirectory", "instance", "pool"]
        if profile.start.monitoringPort { names.insert("monitoringPort") }
        if profile.needsDatabase { names.insert("database") }
        names.formUnion(profile.settings.keys.map { "setting.\($0)" })
        return TemplateVariables(names: names)
    }

    /// Variables of a canary: what can differ between pools and instances.
    package static func canary(of profile: Profile) -> TemplateVariables {
        TemplateVariables(names: profile.needsDatabase ? ["instance", "pool", "database"] : ["instance", "pool"])
    }
}

/// Texts with `{{variable}}` in them. No loops, no conditions, no escapes.
package enum TemplateText {
    /// Throws a `Problem` when the text uses anything but `variables`.
    package static func check(_ text: String, _ variables: TemplateVariables) throws(Problem) {
        _ = try substitute(text) { name throws(Problem) in
            if variables.names.contains(name) { return "" }
            let nearest = Spelling.nearest(to: name, in: variables.names)
            let known = variables.names.sorted().joined(separator: ", ")
            throw Problem(
                "there is no variable {{\(name)}} here" + (nearest.map { ", did you mean {{\($0)}}?" } ?? ""),
                "use one of \(known)")
        }
    }

    package static func expand(_ text: String, _ values: [String: String]) throws(Problem) -> String {
        try substitute(text) { name throws(Problem) in
            if let value = values[name] { return value }
            throw Problem("there is no value for {{\(name)}}", "check the profile")
        }
    }

    private static func substitute(
        _ text: String, _ value: (String) throws(Problem) -> String
    ) throws(Problem) -> String {
        var result = ""
        var rest = text[...]
        while let open = rest.ranges(of: "{{").first {
            result += rest[..<open.lowerBound]
            let after = rest[open.upperBound...]
            guard let close = after.ranges(of: "}}").first else {
                throw Problem("a {{ is never closed", "close it with }}")
            }
            result += try value(String(after[..<close.lowerBound]))
            rest = after[close.upperBound...]
        }
        return result + rest
    }
}
