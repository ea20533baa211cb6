/// How a host is reached.
package enum HostRule {
    package static func check(address: String) throws(Problem) {
        guard IPAddress.isV4(address) || IPAddress.isV6(address) || HostName.isValid(address) else {
            throw Problem("\(address.quoted) is neither an IP address nor a host name", "write it without port or user")
        }
        if IPAddress.isAny(address) { throw Problem("\(address.quoted) is no address of one host", "name its own") }
    }

    /// A user's name as useradd takes it; it is looked up on the host, never written into a rule.
    package static func check(user: String) throws(Problem) {
        guard user.wholeMatch(of: #/[a-z_][a-z0-9_.-]{0,31}/#) != nil else {
            throw Problem("\(user.quoted) is no name of a user", "write the name as /etc/passwd has it")
        }
    }

    /// `HOST` or `USER@HOST`. Becomes an argument of ssh, so it must never look like an option.
    package static func check(ssh: String) throws(Problem) {
        let parts = ssh.split(separator: "@", omittingEmptySubsequences: false)
        let host = String(parts.last ?? "")
        let user = parts.count == 2 ? String(parts[0]) : nil
        guard parts.count <= 2, user?.wholeMatch(of: #/[a-z_][a-z0-9_.-]{0,31}/#) != nil || user == nil,
            IPAddress.isV4(host) || IPAddress.isV6(host) || HostName.isValid(host.lowercased())
        else {
            throw Problem(
                "\(ssh.quoted) is no ssh destination", "write USER@HOST; ports and keys belong in ~/.ssh/config")
        }
    }
}
