// SupervisionTreeTests
