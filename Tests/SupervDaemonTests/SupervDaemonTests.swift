// SupervDaemonTests
