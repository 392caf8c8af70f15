"""The wire: one folder per protocol, and in `base` what all of them are to the rest of Gemba."""
