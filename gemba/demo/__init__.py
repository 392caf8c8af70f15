"""`gemba demo`: a simulated plant with weeks behind it, an agent on it, and the numbers beside the truth."""
