"""SciPy's functions, in modules named as SciPy's own; `ops` says what loads with what."""
