"""MediaPipe's face mesh for f2p-sdk: 478 landmarks and 52 expression coefficients of a face.

f2p-sdk finds the landmarker, named ``facemesh``, by its entry point.
"""
