import SupervProtocol
import SupervisionTree

// The part of `/metrics` that is about calls.

extension Daemon {
  func appendCalls(to text: inout PrometheusText) {
    // Those that have not been called are left out: most of a thousand agents are not.
    let reports = calls.reports(at: kernel.now).filter { $0.metrics.isUsed }
    text.family("superv_calls_total", .counter, "Calls to an agent that ended or were refused.")
    for report in reports {
      for outcome in CallOutcome.allCases where report.metrics[outcome] > 0 {
        text.sample(
          report.metrics[outcome], ("agent", report.agent), ("outcome", outcome.rawValue))
      }
    }
    text.family(
      "superv_call_duration_seconds", .histogram, "How long calls took that reached the agent.")
    for report in reports { text.histogram(report.metrics.latency, ("agent", report.agent)) }
    text.family("superv_calls_in_flight", .gauge, "Calls in the hands of an agent.")
    for report in reports { text.sample(report.inFlight, ("agent", report.agent)) }
    text.family("superv_casts_total", .counter, "Casts put into an agent's queue.")
    for report in reports { text.sample(report.metrics.casts, ("agent", report.agent)) }
    text.family("superv_call_late_answers_total", .counter, "Answers to calls that had ended.")
    for report in reports { text.sample(report.metrics.lateAnswers, ("agent", report.agent)) }
    text.family("superv_call_stray_answers_total", .counter, "Answers to what was never asked.")
    for report in reports { text.sample(report.metrics.strayAnswers, ("agent", report.agent)) }
    text.family("superv_breaker_state", .gauge, "The state of a circuit breaker; always 1.")
    for report in reports {
      for (name, state) in report.breakers {
        text.sample(1, ("agent", report.agent), ("name", name), ("state", state.rawValue))
      }
    }
  }
}

extension CallMetrics {
  fileprivate var isUsed: Bool {
    casts > 0 || lateAnswers > 0 || strayAnswers > 0
      || CallOutcome.allCases.contains { self[$0] > 0 }
  }
}
