"""Justice for f2p-sdk: layout, rig, framing and imitator weights."""
