import Fleet

/// A schema with the definitions that its references name.
struct SchemaBook {
    let root: JSONValue

    /// What a reference stands for; a union of one thing and null is that thing.
    func core(of schema: JSONValue) -> JSONValue {
        let schema = resolved(schema)
        guard schema["properties"] == nil, schema["items"] == nil, schema["enum"] == nil else { return schema }
        for key in ["anyOf", "oneOf", "allOf"] {
            guard let members = schema[key]?.arrayValue else { continue }
            let real = members.map(resolved).filter { $0["type"]?.stringValue != "null" }
            if real.count == 1, let only = real.first { return only }
        }
        return schema
    }

    /// Nil: any, or nothing that could be told.
    func types(of schema: JSONValue, depth: Int = 0) -> Set<String>? {
        let schema = resolved(schema)
        if let type = schema["type"]?.stringValue { return [type] }
        if let types = schema["type"]?.arrayValue { return Set(types.compactMap(\.stringValue)) }
        guard depth < 4 else { return nil }
        for key in ["anyOf", "oneOf"] {
            guard let members = schema[key]?.arrayValue else { continue }
            let types = members.map { self.types(of: $0, depth: depth + 1) }
            return types.contains(nil) ? nil : types.compactMap(\.self).reduce(into: []) { $0.formUnion($1) }
        }
        if let all = schema["allOf"]?.arrayValue, all.count == 1 { return types(of: all[0], depth: depth + 1) }
        return schema["properties"] == nil ? nil : ["object"]
    }

    private func resolved(_ schema: JSONValue) -> JSONValue {
        var schema = schema
        // A reference to itself leads nowhere.
        for _ in 0..<8 {
            guard let reference = schema["$ref"]?.stringValue, reference.hasPrefix("#/") else { return schema }
            var place = root
            for step in reference.dropFirst(2).split(separator: "/") {
                place = place[String(step).replacing("~1", with: "/").replacing("~0", with: "~")] ?? .object([:])
            }
            schema = place
        }
        return .object([:])
    }
}
