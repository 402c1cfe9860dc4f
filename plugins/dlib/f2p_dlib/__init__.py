"""dlib for f2p-sdk: face detection, five landmarks and a differentiable recognizer.

f2p-sdk finds the recognizer and the detector, both named ``dlib``, by their entry point.
`f2p_dlib.compare` measures dlib's distance between two pictures.
"""
