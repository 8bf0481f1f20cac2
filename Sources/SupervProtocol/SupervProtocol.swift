// SupervProtocol
