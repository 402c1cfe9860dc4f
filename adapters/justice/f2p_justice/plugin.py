"""What this package offers to f2p-sdk (entry point group `f2p`)."""
