"""Measured facts into the forms: one small function for each rule and quantity that a template names."""
