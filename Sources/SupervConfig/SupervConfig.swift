// SupervConfig
