"""Files that bring rules, read with the machinery of `accounts.importers`."""
