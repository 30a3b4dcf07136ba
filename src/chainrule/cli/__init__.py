"""The command line: ``chainrule explain | draw | check | demo``."""
