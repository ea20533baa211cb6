/// Where Debian has the programs that start scripts: told of hosts that can't be looked at.
package enum DebianPrograms {
    package static let python = "/usr/bin/python3"
    package static let node = "/usr/bin/node"
}
