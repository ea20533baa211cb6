import Fleet
import Ports

/// `systemd-run` around a server's program, which is to look at its settings and no more: a user that exists
/// meanwhile, no network, nothing to write to, and of the fleet's files only its release.
package enum DryRunSandbox {
    private static let walls = [
        "DynamicUser=yes", "PrivateNetwork=yes", "PrivateTmp=yes", "PrivateDevices=yes", "PrivateUsers=yes",
        "PrivateIPC=yes", "ProtectSystem=strict", "ProtectHome=yes", "ProtectProc=invisible", "ProtectClock=yes",
        "ProtectControlGroups=yes", "ProtectHostname=yes", "ProtectKernelLogs=yes", "ProtectKernelModules=yes",
        "ProtectKernelTunables=yes", "CapabilityBoundingSet=", "NoNewPrivileges=yes", "RestrictNamespaces=yes",
        "RestrictRealtime=yes", "RestrictSUIDSGID=yes", "LockPersonality=yes", "KeyringMode=private", "UMask=0077",
        "SystemCallArchitectures=native", "SystemCallFilter=@system-service", "SystemCallErrorNumber=EPERM",
        "RestrictAddressFamilies=AF_INET AF_INET6", "MemorySwapMax=0", "LimitCORE=0", "TasksMax=256",
        "TemporaryFileSystem=/var/lib/convoy:ro,mode=0755",
        "InaccessiblePaths=-/etc/convoy -/run/convoy -/etc/ssh -/etc/ssl/private",
    ]

    package static func command(_ trial: DryRun) -> [String] {
        // By systemd, too: who asked may be gone before it ends.
        let bounds = walls + ["BindReadOnlyPaths=\(trial.release)", "RuntimeMaxSec=\(Int(trial.deadline.value) + 1)"]
        let environment = trial.environment.sorted { $0.key < $1.key }.map { "--setenv=\($0.key)=\($0.value)" }
        // systemd puts variables into the words of a command.
        let words = ([trial.executable] + trial.arguments).map { $0.replacing("$", with: "$$") }
        return ["/usr/bin/systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--service-type=exec"]
            + bounds.map { "--property=\($0)" } + environment + ["--"] + words
    }
}
