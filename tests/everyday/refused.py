"""Programs that are refused today, each with the reason; a test says when one becomes right."""

REFUSED: dict[str, str] = {}
