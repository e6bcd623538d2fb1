"""The search for networks within limits."""
