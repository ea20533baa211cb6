import CProcess
import Fleet
import Glibc
import Ports

/// Puts the step that failed between clone and exec into words.
struct StartFailure {
    let plan: ProcessPlan
    let spawned: convoy_spawned

    var failure: Failure {
        let (why, next) = explanation
        return Failure(.failed, "cannot start \(plan.id)", because: why, next: next)
    }

    private var words: String { SystemError(code: spawned.error).words }

    private var explanation: (why: String, next: String) {
        switch spawned.step {
        case CONVOY_STEP_DESCRIPTORS:
            ("cannot hand over its descriptors: \(words)", "raise the limit of open files (ulimit -n)")
        case CONVOY_STEP_USER:
            (
                "cannot become user \(plan.runAs?.user ?? 0), group \(plan.runAs?.group ?? 0): \(words)",
                "run the supervisor as root, or let the process run as the supervisor's own user"
            )
        case CONVOY_STEP_DIRECTORY:
            (
                "cannot enter its directory \(plan.workingDirectory): \(words)",
                "run `convoy up` to make it anew, or check who may enter it"
            )
        case CONVOY_STEP_EXEC: exec
        default:
            ("cannot make a process: \(words)", "the machine is short of memory or processes (ulimit -u)")
        }
    }

    private var exec: (why: String, next: String) {
        let program = plan.executable
        return switch spawned.error {
        case ENOENT where FileKind(following: program) != .missing:
            ("\(program) names an interpreter that is not there", "look at its first line; install what it names")
        case ENOENT: ("\(program) is not there", "install it, or run `convoy up` to install the release anew")
        case EACCES where FileKind(following: program) == .directory:
            ("\(program) is a directory", "name the program itself")
        case EACCES:
            ("\(program) may not be executed: \(words)", "chmod +x it; check that its file system is not noexec")
        case ENOEXEC:
            ("\(program) is no program for this machine", "check its architecture, or its first line if a script")
        case E2BIG: ("arguments and environment are too large", "shorten the settings")
        default: ("cannot execute \(program): \(words)", "look at \(program)")
        }
    }
}
