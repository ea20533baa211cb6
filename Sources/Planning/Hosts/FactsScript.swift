/// What a bare host is asked, by nothing but sh and what every Debian has: one fact a line, `KEY VALUE`. What it
/// can't tell it leaves out. It changes nothing.
package enum FactsScript {
    /// Words that run it; the script is their standard input, so that no shell reads it as an argument.
    package static func command(files: [String]) -> [String] { ["sh", "-s", "--"] + files }

    package static let text = """
        export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        fact() { [ -z "$2" ] || printf '%s %s\\n' "$1" "$2"; }
        [ ! -r /etc/os-release ] || (. /etc/os-release && fact system "$ID ${VERSION_ID:-0}")
        fact architecture "$(dpkg --print-architecture 2>/dev/null || uname -m)"
        [ ! -d /run/systemd/system ] || fact systemd "$(systemctl --version | sed -n '1s/^systemd \\([0-9]*\\).*/\\1/p')"
        fact memory "$(sed -n 's/^MemAvailable: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo)"
        fact processors "$(getconf _NPROCESSORS_ONLN 2>/dev/null)"
        for place in \(HostFacts.wantedDirectories.joined(separator: " ")); do
            blocks=$(df -Pk "$place" 2>/dev/null | awk 'NR == 2 { print $4 }')
            nodes=$(df -Pi "$place" 2>/dev/null | awk 'NR == 2 { print $4 }')
            fact disk "$place ${blocks:-0} ${nodes:-0}"
        done
        if command -v ss >/dev/null; then
            ss -Hltnp 2>/dev/null | awk '{ owner = ""; for (i = 6; i <= NF; i++) owner = owner $i; print "listen", $4, owner }'
        else
            # State 0A listens; the port is in hexadecimal digits.
            awk '$4 == "0A" { split($2, at, ":"); print "listen-hex", at[2] }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
        fi
        for process in /proc/[0-9]*; do
            read -r name 2>/dev/null <"$process/comm" || continue
            [ "$name" = nginx ] || continue
            if grep -q convoy-edge.service "$process/cgroup" 2>/dev/null; then fact edge-pid "${process#/proc/}"
            elif tr '\\0' ' ' <"$process/cmdline" 2>/dev/null | grep -q '^nginx: master'; then fact nginx "${process#/proc/}"
            fi
        done
        for name in \(HostFacts.wantedPrograms.joined(separator: " ")); do
            ! command -v "$name" >/dev/null || fact program "$name"
        done
        fact python "$(python3 -I -c 'import sys, sysconfig
        print("cp%d%d-%s" % (*sys.version_info[:2], sysconfig.get_platform().replace("-", "_").replace(".", "_")))' \\
            2>/dev/null)"
        [ ! -s /var/lib/systemd/credential.secret ] || fact credential-key there
        found=$(dpkg-query -W -f '${db:Status-Abbrev} ${Version}' convoy 2>/dev/null)
        case $found in 'ii '*) fact package "${found##* }"; fact package-file "$(cat \(BootstrapPlace.mark) 2>/dev/null)" ;; esac
        for seal in /var/lib/convoy/releases/*/seal.json; do
            [ ! -e "$seal" ] || { seal=${seal%/seal.json} && fact release "${seal##*/}"; }
        done
        for path in "$@"; do
            [ ! -d "$path" ] || { fact directory "$path"; continue; }
            [ ! -e "$path" ] || fact file "$(sha256sum <"$path" 2>/dev/null | cut -d ' ' -f 1) $path"
        done
        nft list tables 2>/dev/null
        # Last, so that the answer's way back is all that lies between this clock and the asker's.
        fact clock "$(date +%s.%N)"

        """
}

/// Where a bootstrap puts things on a host.
package enum BootstrapPlace {
    /// `fleet.yaml`, its lock, and what they name by relative paths.
    package static let folder = "/etc/convoy/fleet"
    /// Digest of the package's file that was installed.
    package static let mark = "/var/lib/convoy/.package"
    /// Only there while something is on its way.
    package static let cargo = "/var/cache/convoy"
}
