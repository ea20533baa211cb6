/// An exact pin of a dependency: `name==version`.
package enum Constraint {
    package static func check(_ text: String) throws(Problem) {
        let fix = "write name==version, such as fastmcp==4.1.2"
        guard let sign = text.firstRange(of: "==") else {
            throw Problem("\(text.quoted) is no exact pin", fix)
        }
        let name = text[..<sign.lowerBound]
        let version = text[sign.upperBound...]
        guard name.wholeMatch(of: #/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?/#) != nil else {
            throw Problem("\(String(name).quoted) is no name of a package", fix)
        }
        // Dependencies may well have versions of two numbers: here they are exact by the `==`.
        guard
            version.wholeMatch(of: #/[0-9]+(\.[0-9]+)*((a|b|rc)[0-9]+)?(\.post[0-9]+)?(\.dev[0-9]+)?(\+[a-z0-9.]+)?/#)
                != nil
        else { throw Problem("\(String(version).quoted) is no exact version", fix) }
    }
}
