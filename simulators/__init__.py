"""A virtual plant that speaks the real protocols and knows the truth."""
