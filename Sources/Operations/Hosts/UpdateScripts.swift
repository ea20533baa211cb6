import Planning

/// What an update runs on a host as root. Parameters are never part of the text.
enum UpdateScripts {
    /// The package that is installed, made anew from its own files: wherever it once came from, this is what ran.
    static let keep = """
        set -eu
        umask 022
        export LC_ALL=C
        folder=\(UpdatePlace.folder) tree=\(UpdatePlace.folder)/tree
        mkdir -p -m 700 "$folder"
        [ ! -e \(UpdatePlace.trial) ] && [ ! -e \(UpdatePlace.undoing) ] || { echo "an update is under way" >&2; exit 75; }
        rm -rf "$tree"
        mkdir -p "$tree/DEBIAN"
        trap 'rm -rf "$tree"' EXIT
        # Documents that dpkg was told to leave out are listed, and not there.
        dpkg-query -L convoy | while read -r path; do [ ! -e "$path" ] && [ ! -L "$path" ] || printf '%s\\n' "$path"; done |
            tar -C / --no-recursion -T - -cf - 2>/dev/null | tar -C "$tree" -xpf -
        dpkg-query -s convoy | grep -v '^Status: ' >"$tree/DEBIAN/control"
        for name in $(dpkg-query --control-list convoy); do
            cp -p "$(dpkg-query --control-path convoy "$name")" "$tree/DEBIAN/$name"
        done
        (cd "$tree" && md5sum --check --quiet --ignore-missing DEBIAN/md5sums >&2)
        dpkg-deb --root-owner-group -Znone --build "$tree" \(UpdatePlace.before).new >&2
        sync \(UpdatePlace.before).new
        mv -f \(UpdatePlace.before).new \(UpdatePlace.before)
        rm -f "$folder/mark"
        [ ! -e \(BootstrapPlace.mark) ] || cp -p \(BootstrapPlace.mark) "$folder/mark"
        """

    /// DIGEST SECONDS, what must be as it was as standard input: from here on the host goes back by itself. The timer
    /// comes first: without a trial it finds nothing to take back.
    static let arm = """
        set -eu
        umask 077
        folder=\(UpdatePlace.folder)
        [ ! -e \(UpdatePlace.trial) ] && [ ! -e \(UpdatePlace.undoing) ] || { echo "an update is under way" >&2; exit 75; }
        rm -rf "$folder/trial.new"
        mkdir "$folder/trial.new"
        cat >"$folder/trial.new/before.json"
        printf '%s\\n' "$1" >"$folder/trial.new/digest"
        cat >\(UpdatePlace.undoScript) <<'END'
        \(undo)
        END
        cat >/etc/systemd/system/\(UpdatePlace.undoUnit).service <<'END'
        [Unit]
        Description=Take an unconfirmed update of Convoy back
        [Service]
        Type=oneshot
        ExecStart=/bin/sh \(UpdatePlace.undoScript)
        TimeoutStartSec=10min
        Restart=on-failure
        RestartSec=10s
        END
        cat >/etc/systemd/system/\(UpdatePlace.undoUnit).timer <<END
        [Unit]
        Description=Take an unconfirmed update of Convoy back
        [Timer]
        OnActiveSec=$2s
        AccuracySec=1s
        [Install]
        WantedBy=timers.target
        END
        sync \(UpdatePlace.undoScript) /etc/systemd/system/\(UpdatePlace.undoUnit).*
        systemctl daemon-reload
        systemctl enable --quiet \(UpdatePlace.undoUnit).timer
        systemctl restart \(UpdatePlace.undoUnit).timer
        mv "$folder/trial.new" \(UpdatePlace.trial)
        sync "$folder"
        """

    /// Run by systemd, with nobody there. Whoever renames the trial has decided: this, or `confirm`.
    private static let undo = """
        set -eu
        export LC_ALL=C DEBIAN_FRONTEND=noninteractive
        disarm() {
            \(settle)
        }
        mv \(UpdatePlace.trial) \(UpdatePlace.undoing) 2>/dev/null || [ -e \(UpdatePlace.undoing) ] || { disarm; exit 0; }
        echo "the update was not confirmed: the package that was there before is installed again"
        # Half a package is worse than either: who installs ends first.
        waited=0
        while systemctl --quiet is-active \(UpdatePlace.installUnit).service && [ $waited -lt 120 ]; do
            sleep 1
            waited=$((waited + 1))
        done
        systemctl stop \(UpdatePlace.installUnit).service 2>/dev/null || true
        waited=0
        until dpkg --force-confold --install \(UpdatePlace.before); do
            [ $waited -lt 30 ] || exit 1
            sleep 2
            waited=$((waited + 2))
            dpkg --configure -a || true
        done
        # Between two attempts to start, it is not tried again by the package.
        systemctl --quiet is-active convoy-supervisor.service || systemctl restart convoy-supervisor.service || true
        if [ -e \(UpdatePlace.folder)/mark ]; then cp -p \(UpdatePlace.folder)/mark \(BootstrapPlace.mark)
        else rm -f \(BootstrapPlace.mark)
        fi
        rm -rf \(UpdatePlace.undoing) \(BootstrapPlace.cargo)
        disarm
        """

    /// After the decision.
    private static let settle = """
        if [ -e \(UpdatePlace.confirmed)/digest ]; then
            cp \(UpdatePlace.confirmed)/digest \(BootstrapPlace.mark).new
            sync \(BootstrapPlace.mark).new
            mv -f \(BootstrapPlace.mark).new \(BootstrapPlace.mark)
            rm -rf \(UpdatePlace.confirmed)
        fi
        systemctl disable --quiet --now \(UpdatePlace.undoUnit).timer 2>/dev/null || true
        rm -f /etc/systemd/system/\(UpdatePlace.undoUnit).service /etc/systemd/system/\(UpdatePlace.undoUnit).timer
        systemctl daemon-reload
        """

    /// DIGEST PACKAGE: as a unit of its own, which goes to its end whoever is lost.
    static let install = """
        set -eu
        script='\(installation)'
        status=0
        systemd-run --quiet --collect --wait --unit=\(UpdatePlace.installUnit) /bin/sh -c "$script" sh "$1" "$2" ||
            status=$?
        [ $status = 0 ] || tail -n 20 \(UpdatePlace.trial)/log >&2
        exit $status
        """

    /// In single quotes above: none in here.
    private static let installation = """
        set -eu
        export DEBIAN_FRONTEND=noninteractive LC_ALL=C
        cd \(UpdatePlace.trial)
        [ "$(cat digest)" = "$1" ]
        exec >log 2>&1
        dpkg --configure -a
        install() {
            apt-get install -y -q --no-install-recommends --reinstall --allow-downgrades \\
                -o DPkg::Lock::Timeout=60 -o Dpkg::Options::=--force-confold "$1"
        }
        install "$2" || { apt-get update -q && install "$2"; }
        sync
        : >\(UpdatePlace.trial)/installed
        """

    static let confirm = """
        set -eu
        mv \(UpdatePlace.trial) \(UpdatePlace.confirmed) || { echo "it goes back already" >&2; exit 75; }
        \(settle)
        rm -rf \(BootstrapPlace.cargo)
        """

    static let undoNow = ["systemctl", "start", UpdatePlace.undoUnit + ".service"]
}
