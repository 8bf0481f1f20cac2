// SupervConfigTests
