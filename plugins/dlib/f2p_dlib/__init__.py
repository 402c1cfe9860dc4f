"""dlib for f2p-sdk: face detection, five landmarks and a differentiable recognizer.

f2p-sdk finds the recognizer and the detector by itself, both named ``dlib``. For scripts,
`f2p_dlib.compare` measures dlib's distance between two pictures.
"""
