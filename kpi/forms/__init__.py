"""The official forms: answer files, measured facts, and the exact score of both together."""
