"""Programs as scientists write them, differentiated as they stand."""
