import Foundation

/// The Python that Convoy brings: what runs entry points, and what compiles a release's bytecode.
enum PythonScripts {
    /// Prints the host's tag, such as `cp311-linux_x86_64`.
    static let tag = """
        import sys, sysconfig
        name = {"cpython": "cp", "pypy": "pp"}.get(sys.implementation.name, sys.implementation.name)
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        print(f"{name}{sys.version_info[0]}{sys.version_info[1]}-{platform}")
        """

    /// Arguments: tree as staged, tree as it will be, bytecode directory as staged. Unchecked
    /// bytecode: Python compares no times at start; the seal guards both sides.
    static let compiler = """
        import importlib.util, os, py_compile, sys
        from concurrent.futures import ProcessPoolExecutor

        staged, final, cache = sys.argv[1:4]
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH

        def compile_one(job):
            source, target, name = job
            try:
                py_compile.compile(source, cfile=target, dfile=name, doraise=True, invalidation_mode=mode)
            except (py_compile.PyCompileError, ValueError, RecursionError):
                pass  # A template or another Python's syntax; importing it fails then as it would now.

        def jobs():
            sys.pycache_prefix = "/"
            for directory, below, files in os.walk(staged):
                for file in files:
                    if file.endswith(".py"):
                        source = os.path.join(directory, file)
                        name = final + source[len(staged):]
                        yield source, cache + importlib.util.cache_from_source(name), name

        if __name__ == "__main__":
            os.umask(0o022)
            with ProcessPoolExecutor() as pool:
                for _ in pool.map(compile_one, list(jobs()), chunksize=64):
                    pass
        """

    /// `launch.py COMMAND ARGUMENT...`. Entry points are written into it when the release is
    /// installed: searching a hundred packages for them at each start would take longer.
    static func launcher(_ commands: [String: ReleaseCard.Start]) -> String {
        let lines = commands.sorted { $0.key < $1.key }.compactMap { name, start -> String? in
            guard case .entryPoint(let target) = start else { return nil }
            return "    \(quoted(name)): \(quoted(target)),\n"
        }
        return """
            # Written by convoy; covered by the release's seal.
            import os
            import sys

            COMMANDS = {
            \(lines.joined())}

            name = sys.argv[1] if len(sys.argv) > 1 else ""
            if name not in COMMANDS:
                sys.exit(f"launch.py: no command {name!r} in this release")
            tree = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tree")
            # Only this release and the standard library: -I and -S keep the host's packages out.
            import site
            site.addsitedir(tree)
            sys.argv[:] = [name, *sys.argv[2:]]
            try:
                with open("/proc/self/comm", "w") as comm:
                    comm.write(name[:15])
            except OSError:
                pass
            module, _, attribute = COMMANDS[name].partition(":")
            import importlib
            function = importlib.import_module(module)
            for part in attribute.split("."):
                function = getattr(function, part)
            sys.exit(function())

            """
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
