"""Word lists and rules of the analyzers, and a card for each that says what it can and cannot do."""
