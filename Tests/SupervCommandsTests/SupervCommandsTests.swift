// SupervCommandsTests
