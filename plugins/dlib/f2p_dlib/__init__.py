"""dlib for f2p-sdk: face detection, landmarks and a differentiable recognizer."""
