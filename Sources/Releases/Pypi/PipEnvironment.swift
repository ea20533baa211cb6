/// What pip gets to see of the operator's environment.
enum PipEnvironment {
    /// Where the registry is and how to reach it; credentials in there stay out of argv.
    private static let registry: Set<String> = [
        "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CERT", "PIP_CLIENT_CERT",
        "PIP_PROXY", "PIP_TRUSTED_HOST", "PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES", "PIP_CACHE_DIR",
        "PIP_NO_CACHE_DIR", "PIP_CONFIG_FILE", "PIP_KEYRING_PROVIDER", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
        "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC", "HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS",
        "XDG_CACHE_HOME",
    ]
    private static let machine: Set<String> = ["PATH", "TMPDIR"]
    private static let quiet = [
        "LC_ALL": "C.UTF-8", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1",
        "PIP_ROOT_USER_ACTION": "ignore", "PYTHONDONTWRITEBYTECODE": "1",
    ]

    /// For resolving and fetching.
    static func online(_ environment: [String: String]) -> [String: String] {
        environment.filter { registry.contains($0.key) || machine.contains($0.key) }
            .merging(quiet) { _, ours in ours }
    }

    /// For installing: nothing of the operator's pip settings may change what is installed.
    static func offline(_ environment: [String: String]) -> [String: String] {
        environment.filter { machine.contains($0.key) }
            .merging(quiet) { _, ours in ours }
            .merging(["PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "HOME": "/nonexistent"]) { _, ours in ours }
    }
}
