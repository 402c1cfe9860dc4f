"""The core's own recognizer, Light CNN-29 v2.

:mod:`.network` is the network, :mod:`.crop` makes face crops as the network's authors do,
:mod:`.light_cnn` joins the two into a recognizer, and :mod:`.upstream` converts the authors'
checkpoint to safetensors. Importing this package does not import torch.
"""
