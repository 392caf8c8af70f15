"""The agent: it collects, keeps and forwards. It alone owns connecting, back-off, and what is worth a row."""
