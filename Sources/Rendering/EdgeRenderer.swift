import Fleet
import Mustache
import Templates

/// Turns an `EdgePlan` into the edge's configuration. Equal plans give equal bytes. The files refer to
/// each other by relative paths, so they can be checked in one directory and used in another; only an
/// include file names the directory that its secrets end up in.
package enum EdgeRenderer {
    /// Name of the main file below the target directory. In include mode, the file to be included.
    package static let mainFile = "nginx.conf"

    /// Throws a `Failure` (`badSpec`) when a value could be read as configuration, when ports or slots
    /// clash, or when the template is broken. `template`: the operator's own instead of the built-in.
    package static func render(_ plan: EdgePlan, template: String? = nil) throws -> [RenderedFile] {
        let context = try EdgeContext(plan)
        return [RenderedFile(path: mainFile, content: try compiled(template, for: plan).render(context))]
    }

    private static let builtInText = Templates.all["nginx/edge.conf.mustache"] ?? ""
    /// To parse it takes longer than to render it, and it never changes.
    private static let builtIn = Result { try compile(builtInText) }

    private static func compiled(_ template: String?, for plan: EdgePlan) throws -> MustacheTemplate {
        if template == nil, plan.edge.mode == .dedicated { return try builtIn.get() }
        let text = template ?? builtInText
        return try compile(plan.edge.mode == .dedicated ? text : included(text, in: plan.fleet))
    }

    /// The template with names that clash with nobody's, no deeper than it will stand. Before values come
    /// in: those are nobody's to rename.
    private static func included(_ template: String, in fleet: String) -> String {
        let lines = template.split(separator: "\n", omittingEmptySubsequences: false)
        let text = lines.map { $0.hasPrefix("    ") ? $0.dropFirst(4) : $0 }.joined(separator: "\n")
        return EdgeNames.renamed(text, in: fleet)
    }

    /// The line that tells nginx what the instances of a pool demand in `X-Convoy-Secret`. A file of its own
    /// beside the main one, 0600, so that the configuration itself can be shown to anybody.
    package static func headerSecret(_ secret: Secret, of pool: String) throws -> RenderedFile {
        let name = try NginxText("pool").name(pool)
        let text = secret.reveal()
        guard !text.isEmpty, text.utf8.allSatisfy(Self.isPlain) else {
            throw Failure(
                .failed, "cannot render the edge's configuration",
                because: "the header secret of pool \(name) holds what may not stand in an nginx configuration",
                next: "run `convoy down`, then `convoy up`: it makes a new one")
        }
        // These words have a meaning of their own in a map.
        let key = ["default", "hostnames", "include", "volatile"].contains(name) ? "\\" + name : name
        return RenderedFile(path: "secrets/\(name).map", content: "\(key) \"\(text)\";\n", mode: 0o600)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func compile(_ text: String) throws -> MustacheTemplate {
        do {
            return try MustacheTemplate(string: text)
        } catch {
            throw Failure(
                .badSpec, "cannot render the edge's configuration",
                because: "the template nginx/edge.conf.mustache is broken: \(error)",
                next: "correct the template, or remove the override")
        }
    }
}
