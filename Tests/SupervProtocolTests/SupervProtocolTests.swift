// SupervProtocolTests
