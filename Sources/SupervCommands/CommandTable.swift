// The one table of commands, in the order in which people meet them.

let commandTable: [Command] =
  treeCommands + questionCommands + actionCommands + agentCommands + trialCommands + otherCommands
  + roleCommands

/// How well a tree holds.
private let trialCommands = chaosCommands + soakCommands

/// The commands that help, the man page and completion show.
var visibleCommands: [Command] { commandTable.filter { !$0.isHidden } }

private let queryTimeout = Duration.seconds(10)
private let actionTimeout = Duration.seconds(120)
private let callTimeout = Duration.seconds(30)

private let fileOperand = Operand(name: "FILE", kind: .file)
private let namesOperand = Operand(name: "NAME", kind: .name, isRepeated: true)
private let optionalName = Operand(name: "NAME", kind: .name, isRequired: false)
private let waitOption = Option(
  name: "wait", valueName: "WHAT", kind: .choice(["up", "ready"]),
  summary: "Answer once every agent that is to run is up, or ready, or has failed")

private let treeCommands = [
  Command(
    name: "start", summary: "Start a daemon and its tree in the background",
    operands: [fileOperand],
    options: [
      Option(
        name: "wait", valueName: "WHAT", kind: .choice(["up", "ready"]), defaultText: "up",
        summary: "Return once every agent is up, or ready, or has failed")
    ],
    defaultTimeout: actionTimeout,
    description: [
      "Checks the configuration FILE, starts a daemon for it in a session of its own, waits until "
        + "every agent is up, and shows the status table. Agents that are not running are named on "
        + "standard error with their reasons.",
      "Nothing is started when the file has errors, or when a daemon already runs on the same "
        + "runtime directory. When the failure of a critical agent stops the tree, or the daemon "
        + "ends for another reason, start says why. What the daemon itself has to say outside of "
        + "its event log is in daemon.log in the runtime directory.",
      "As process 1 of a container, start does what run does.",
    ],
    examples: [
      Example(line: "superv start supervisor.conf", explanation: "start everything in the file"),
      Example(
        line: "superv start supervisor.conf --wait ready",
        explanation: "return only when the agents can serve"),
    ],
    statuses: [
      .ok: "the tree is up",
      .no: "the file has errors, a daemon already runs there, or the tree could not be started",
    ],
    run: runStart),
  Command(
    name: "run", summary: "Run a daemon and its tree in the foreground", operands: [fileOperand],
    description: [
      "Does in the foreground what start does in the background: the output of the agents is shown "
        + "with their names in front, and the first SIGINT or SIGTERM stops the tree in order."
    ],
    examples: [
      Example(line: "superv run supervisor.conf", explanation: "until Ctrl-C, or in a container")
    ],
    statuses: [.ok: "the tree was stopped by request", .no: "it could not be started, or failed"],
    run: runForeground),
  Command(
    name: "shutdown", summary: "Stop every agent, then the daemon", defaultTimeout: actionTimeout,
    description: [
      "Stops the tree in reverse order and returns when the daemon is gone. Ctrl-C, or the end of "
        + "the time, stops the waiting and not the shutdown; a second shutdown waits again."
    ],
    examples: [Example(line: "superv shutdown", explanation: "stop everything")],
    statuses: [.ok: "the daemon is gone"], run: runShutdown),
  Command(
    name: "upgrade", summary: "Go on with another superv, under running agents",
    operands: [Operand(name: "BINARY", kind: .file, isRequired: false)],
    defaultTimeout: actionTimeout,
    description: [
      "Has another daemon take over: from BINARY, or from the superv that this command is. No "
        + "agent notices. First BINARY reads what the daemon has written down; when it cannot, "
        + "nothing is changed. When it does not come to serve, the daemon before it goes on.",
      "The keeper above the daemon stays the program that it is.",
    ],
    examples: [
      Example(line: "superv upgrade /opt/superv-2/superv", explanation: "under full load")
    ],
    statuses: [.ok: "the new daemon serves", .no: "it cannot, and the one before goes on"],
    run: runUpgrade),
  Command(
    name: "reload", summary: "Read the configuration again and change what differs",
    options: [Option(name: "plan", summary: "Say what would change, and change nothing")],
    defaultTimeout: actionTimeout,
    description: [
      "Starts agents that are new, stops those that are gone, restarts those whose command or "
        + "environment changed, and updates the policy of the others while they run. A file with "
        + "errors changes nothing."
    ],
    examples: [Example(line: "superv reload --plan", explanation: "look before you leap")],
    statuses: [.no: "the file has errors, and nothing was changed"], run: runReload),
  Command(
    name: "check", summary: "Say everything that is wrong with a configuration",
    operands: [fileOperand],
    description: [
      "Reads FILE and the files it includes, and shows every error and warning with its place. "
        + "Nothing is started, and no daemon is needed."
    ],
    examples: [Example(line: "superv check supervisor.conf", explanation: "before a commit")],
    statuses: [.ok: "the file has no errors; it may have warnings", .no: "the file has errors"],
    run: runCheck),
  importCommand,
  Command(
    name: "doctor", summary: "Say what the machine or container gives superv",
    operands: [Operand(name: "FILE", kind: .file, isRequired: false)],
    description: [
      "Looks at the kernel, the file systems, the limits and the rights that superv has here: what "
        + "is in force, what is not available and why, and what to do about it. With FILE also at "
        + "what the configuration asks for: folders, programs, users, limits.",
      "Nothing is started or changed, and no daemon is needed. Run it as the user and in the place "
        + "that superv is to run in.",
    ],
    examples: [
      Example(line: "superv doctor supervisor.conf", explanation: "before the first start")
    ],
    statuses: [
      .ok: "nothing that is required is missing",
      .no: "something is missing without which superv or the configuration does not work",
    ],
    run: runDoctor),
]

private let questionCommands = [
  Command(
    name: "status", summary: "Show agents and supervisors as a table", operands: [optionalName],
    options: [waitOption], defaultTimeout: queryTimeout,
    description: [
      "Shows every supervisor and agent, or with NAME one of them in detail. NAME is an agent, an "
        + "instance (NAME:0) or a supervisor."
    ],
    examples: [
      Example(line: "superv status", explanation: "the table"),
      Example(line: "superv status crawler", explanation: "one agent in detail"),
      Example(
        line: "superv status --wait ready --timeout 1m", explanation: "wait, at most a minute"),
    ],
    statuses: [.no: "no such agent, or with --wait: an agent that is to run has failed"],
    run: runStatus),
  Command(
    name: "tree", summary: "Draw the supervision tree", defaultTimeout: queryTimeout,
    description: [
      "Draws every supervisor with its strategy and how much of its restart budget is used, and "
        + "under it its children in start order."
    ],
    examples: [Example(line: "superv tree", explanation: "who supervises whom")], run: runTree),
  Command(
    name: "why", summary: "Say why an agent or a supervisor is in its phase",
    operands: [Operand(name: "NAME", kind: .name)], defaultTimeout: queryTimeout,
    description: [
      "Shows the reason of the last decision, how the last process ended, the history that led "
        + "there and the last lines of output."
    ],
    examples: [Example(line: "superv why crawler", explanation: "what happened to it")],
    run: runWhy),
  Command(
    name: "events", summary: "Show what happened, or follow what happens",
    operands: [optionalName],
    options: [
      Option(name: "follow", letter: "f", summary: "Go on with events as they happen"),
      Option(name: "since", valueName: "SEQ", summary: "Only events after this number"),
    ],
    defaultTimeout: queryTimeout,
    description: [
      "Shows the events that the daemon still holds, oldest first; with --since also older ones, "
        + "from the event log. With NAME only those of one agent, instance or supervisor. With "
        + "--json each event is one object on a line of its own.",
      "A program that follows events remembers the last number it has seen and resumes after a "
        + "break with --since.",
    ],
    examples: [
      Example(line: "superv events -f", explanation: "watch"),
      Example(line: "superv events --since 1200 --json", explanation: "resume after event 1200"),
    ],
    run: runEvents),
  Command(
    name: "logs", summary: "Show or follow what agents have written",
    operands: [Operand(name: "NAME", kind: .name, isRequired: false, isRepeated: true)],
    options: [
      Option(name: "follow", letter: "f", summary: "Go on with lines as they are written"),
      Option(
        name: "lines", letter: "n", valueName: "N", defaultText: "10 with -f, else all",
        summary: "Only the last N lines"),
      Option(
        name: "since", valueName: "TIME",
        summary: "Only lines since then: RFC 3339, or how long ago (10m)"),
      Option(name: "until", valueName: "TIME", summary: "Only lines until then"),
      Option(
        name: "stream", valueName: "STREAM", kind: .choice(["out", "err", "log"]),
        summary: "Only standard output, standard error, or what the agent logs itself"),
      Option(name: "grep", valueName: "TEXT", summary: "Only lines that contain TEXT"),
    ],
    defaultTimeout: queryTimeout,
    description: [
      "Shows the lines of all agents, or of those that are named, in the order of their time, "
        + "rotated files included. With --json each line is one object."
    ],
    examples: [
      Example(line: "superv logs -f crawler", explanation: "follow one agent"),
      Example(line: "superv logs --since 10m --stream err", explanation: "recent errors of all"),
    ],
    run: runLogs),
  Command(
    name: "health", summary: "Say whether the daemon and its agents are well",
    options: [Option(name: "live", summary: "Only whether superv itself turns, as /livez says")],
    defaultTimeout: queryTimeout,
    description: [
      "For health checks of containers and monitoring: the exit status is the answer, by the same "
        + "rule as /readyz over HTTP. It names every agent that has failed."
    ],
    examples: [
      Example(line: "superv health --timeout 2s", explanation: "as a container's health check")
    ],
    statuses: [
      .ok: "the tree runs and every critical child is ready; with --live: superv answers",
      .no: "it does not run, or a critical child is not ready",
    ], run: runHealth),
]

private let actionCommands = [
  Command(
    name: "up", summary: "Start agents and wish them up", operands: [namesOperand],
    defaultTimeout: actionTimeout,
    description: [
      "Returns when each one is up or has failed. The wish outlives the daemon: what an operator "
        + "wants up is started again by the next one."
    ],
    examples: [Example(line: "superv up crawler", explanation: "after a down, or once failed")],
    run: runAction),
  Command(
    name: "down", summary: "Stop agents and wish them down", operands: [namesOperand],
    defaultTimeout: actionTimeout,
    description: [
      "Returns when each one is gone. The wish outlives the daemon: nothing restarts what an "
        + "operator has stopped."
    ],
    examples: [Example(line: "superv down crawler writer", explanation: "stop two agents")],
    run: runAction),
  Command(
    name: "restart", summary: "Stop agents and start them again", operands: [namesOperand],
    defaultTimeout: actionTimeout,
    description: ["Returns when each one is up again. It spends nothing of the restart budget."],
    examples: [Example(line: "superv restart crawler", explanation: "a new incarnation")],
    run: runAction),
  Command(
    name: "signal", summary: "Send a signal to agents",
    operands: [Operand(name: "SIGNAL", kind: .suggestion(commonSignals)), namesOperand],
    defaultTimeout: queryTimeout,
    description: [
      "SIGNAL is a name with or without SIG, or a number. The signal goes to the process group of "
        + "the agent. When the agent ends from it, it is restarted as its restart type says; use "
        + "down to stop an agent."
    ],
    examples: [Example(line: "superv signal HUP crawler", explanation: "reopen files, say")],
    run: runSignal),
  Command(
    name: "hold", summary: "Keep superv's hands off agents, for a debugger",
    operands: [namesOperand],
    options: [Option(name: "off", summary: "End the hold")], defaultTimeout: queryTimeout,
    description: [
      "No probe is asked and no watchdog counts for an agent that is held, so that nothing "
        + "restarts it while somebody looks into it. When it ends by itself, its restart type "
        + "decides as ever; the hold outlasts that, until --off."
    ],
    examples: [
      Example(line: "superv hold crawler", explanation: "before attaching a debugger"),
      Example(line: "superv hold crawler --off", explanation: "afterwards"),
    ],
    run: runHold),
]

private let agentCommands = [
  Command(
    name: "call", summary: "Call a method of an agent",
    operands: [
      Operand(name: "AGENT", kind: .name), Operand(name: "METHOD", kind: .other),
      Operand(name: "JSON", kind: .other, isRequired: false),
    ],
    defaultTimeout: callTimeout,
    description: [
      "Writes the result as JSON on one line. JSON is the params, passed on byte for byte; - reads "
        + "them from standard input. An error is told on standard error with its kind; with --json "
        + "also as an object on standard output.",
      "Within an agent (SUPERV_SOCKET is set, and neither --socket nor SUPERV_CONTROL) the agent "
        + "is who calls, so that the rules for calls between agents hold, and TRACEPARENT says on "
        + "behalf of what. Everywhere else it is the operator.",
    ],
    examples: [
      Example(
        line: "superv call writer draft '{\"topic\":\"owls\"}'", explanation: "wait at most 30s"),
      Example(
        line: "superv call writer draft - --timeout 5m < topic.json",
        explanation: "the params from a file"),
    ],
    statuses: [
      .ok: "the agent answered with a result",
      .no: "it answered with an error, or the call could not be made",
      .timedOut: "the timeout came before the answer",
    ], run: runCall),
  Command(
    name: "notify", summary: "Say how this agent is, from a script",
    operands: [
      Operand(name: "WHAT", kind: .choice(NotifyWord.allCases.map(\.rawValue))),
      Operand(name: "TEXT", kind: .other, isRequired: false),
    ],
    defaultTimeout: queryTimeout,
    description: [
      "For agents without a client of their own: ready; not-ready, TEXT being the reason; status, "
        + "TEXT being what superv status shows; heartbeat, TEXT being the progress. TEXT has at "
        + "most 512 bytes.",
      "It speaks for the agent that started it, over SUPERV_SOCKET, and returns when superv has "
        + "taken it. Outside of an agent it ends with status 2.",
    ],
    examples: [
      Example(line: "superv notify ready", explanation: "once the script can serve"),
      Example(line: "superv notify status '40 of 200 pages'", explanation: "for people"),
      Example(line: "superv notify heartbeat 41", explanation: "for progress_timeout"),
    ],
    statuses: [
      .ok: "superv has taken it", .no: "superv has refused it",
      .usage: "the command line is wrong, or this is no agent",
    ], run: runNotify),
]

private let commonSignals = ["HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "CONT", "STOP", "KILL"]

private let otherCommands = [
  Command(
    name: "help", summary: "Show what a command does",
    operands: [Operand(name: "COMMAND", kind: .command, isRequired: false)],
    options: [Option(name: "man", summary: "Write the manual page, for man(1), instead")],
    description: ["Without COMMAND it lists the commands."],
    examples: [
      Example(line: "superv help start", explanation: "the same as superv start --help"),
      Example(line: "superv help --man | man -l -", explanation: "read the manual page"),
    ], run: runHelp),
  Command(
    name: "completion", summary: "Write a completion script for a shell",
    operands: [Operand(name: "SHELL", kind: .choice(["bash", "zsh", "fish"]))],
    description: ["Completes commands, options and their values, files, and names of agents."],
    examples: [
      Example(
        line: "superv completion bash > /etc/bash_completion.d/superv", explanation: "for bash"),
      Example(
        line: "superv completion zsh > ~/.zfunc/_superv",
        explanation: "for zsh, with ~/.zfunc in fpath"),
      Example(
        line: "superv completion fish > ~/.config/fish/completions/superv.fish",
        explanation: "for fish"),
    ], run: runCompletion),
  Command(
    name: "version", summary: "Show the version",
    description: ["superv --version does the same."], run: runVersion),
]

/// Of keeper and daemon: superv itself gives them.
private let roleOptions = [
  Option(name: "config", valueName: "FILE", summary: "The configuration"),
  Option(name: "directory", valueName: "DIR", summary: "Where superv was started"),
  Option(name: "runtime-dir", valueName: "DIR", summary: "Where the journal is"),
  Option(name: "mirror", summary: "Agents' lines also go to standard output"),
  Option(name: "ready-fd", valueName: "FD", summary: "Where to write one line once it serves"),
  Option(name: "keeper-fd", valueName: "FD", summary: "The socket to the keeper"),
  Option(name: "lock-fd", valueName: "FD", summary: "The lock of the runtime directory"),
  Option(name: "sockets", valueName: "NAME=FD,…", summary: "Descriptors that are open already"),
  Option(name: "takes-over", summary: "The daemon before it has died"),
]

private let roleCommands = [
  Command(
    name: "keeper", summary: "The keeper that start spawns", options: roleOptions,
    description: [], isHidden: true, run: runKeeperRole),
  Command(
    name: "check-journal", summary: "Whether this superv could take over",
    operands: [Operand(name: "DIR", kind: .file)], description: [], isHidden: true,
    run: runJournalCheck),
  Command(
    name: "daemon", summary: "The daemon that the keeper spawns", options: roleOptions,
    description: [], isHidden: true, run: runDaemonRole),
  Command(
    name: "names", summary: "The names that completion offers", description: [], isHidden: true,
    run: runNames),
  Command(
    name: "logger", summary: "The logger that the daemon spawns", description: [], isHidden: true,
    run: runLoggerRole),
  Command(
    name: "gauge", summary: "Tells the daemon what processes use",
    operands: [Operand(name: "PID", kind: .other, isRepeated: true)], description: [],
    isHidden: true, run: runGaugeRole),
  Command(
    name: "read", summary: "Reads files for the daemon", description: [], isHidden: true,
    run: runFileReaderRole),
]
