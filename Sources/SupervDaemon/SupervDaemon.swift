// SupervDaemon
