"""History in and out: CSV into segments of the journal's own, and rows of any store into CSV or Parquet."""
