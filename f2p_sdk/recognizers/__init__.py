"""The core's own recognizer, Light CNN-29 v2.

:mod:`.network` is the network, :mod:`.crop` cuts the face the way the network's authors did,
:mod:`.light_cnn` joins the two into a recognizer, and :mod:`.upstream` reads the authors'
checkpoint once, so that it can be stored without pickle. Importing this package loads no torch.
"""
