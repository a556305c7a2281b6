"""Files that bring achievements and the catalogue, read with the machinery of `accounts.importers`."""
