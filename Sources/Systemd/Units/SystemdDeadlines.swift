import Fleet

/// How long systemd may take before a start or a stop is called failed.
package struct SystemdDeadlines: Sendable, Equatable {
    /// To answer a question.
    package var answer: Seconds
    /// To read all its unit files again.
    package var reload: Seconds
    /// To finish a job. Units have their own, shorter ones (`TimeoutStartSec`, `TimeoutStopSec`): this is for a
    /// systemd that is stuck.
    package var job: Seconds
    /// To come back after the bus or systemd itself was away.
    package var absence: Seconds

    package init(answer: Seconds = 10, reload: Seconds = 60, job: Seconds = 120, absence: Seconds = 20) {
        self.answer = answer
        self.reload = reload
        self.job = job
        self.absence = absence
    }
}
