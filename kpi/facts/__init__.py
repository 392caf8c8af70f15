"""Facts: what happened to each asset and meter in each slice, as additive integers, and their cache in Parquet."""
