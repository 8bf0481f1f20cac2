// SupervSystemTests
