// SupervCommands
