"""The soak's traffic: its HTTP client, its actors, its samples and its checks."""
