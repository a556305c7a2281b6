"""Personal data at rest: one encrypted column type and the keyed digests used to look such values up."""
