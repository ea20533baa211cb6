import Fleet
import Mustache
import Templates

/// Turns an `EdgePlan` into the edge's configuration. Equal plans give equal bytes. The files refer to
/// each other by relative paths only, so they can be checked in one directory and used in another.
package enum EdgeRenderer {
    /// Name of the main file below the target directory.
    package static let mainFile = "nginx.conf"

    /// Throws a `Failure` (`badSpec`) when a value could be read as configuration, when ports or slots
    /// clash, or when the template is broken. `template`: the operator's own instead of the built-in.
    package static func render(_ plan: EdgePlan, template: String? = nil) throws -> [RenderedFile] {
        guard plan.edge.mode == .dedicated else {
            throw Failure(
                .badSpec, "cannot render the edge's configuration", because: "edge.mode: include is not supported yet",
                next: "use edge.mode: dedicated (the default): an nginx of its own beside the one that is there")
        }
        let text = template ?? Templates.all["nginx/edge.conf.mustache"] ?? ""
        let context = try EdgeContext(plan)
        return [RenderedFile(path: mainFile, content: try compile(text).render(context))]
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
