import Fleet
import Mustache

/// A template, and under which name it can be overridden.
struct TextTemplate {
    let name: String
    let text: String

    func render(_ context: Any) throws -> String {
        do {
            return try MustacheTemplate(string: text).render(context)
        } catch {
            throw Failure(
                .badSpec, "cannot render \(name)", because: "the template is broken: \(error)",
                next: "correct the template, or remove the override")
        }
    }
}
