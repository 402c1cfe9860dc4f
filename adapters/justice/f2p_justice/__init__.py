"""Justice for f2p-sdk: layouts, rigs, framings and imitator weights."""
