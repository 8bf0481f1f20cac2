// SupervLoggerTests
