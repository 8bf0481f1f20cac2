// SupervLogger
