"""Make a model from labelled speech: read, split by speaker, train, calibrate, export, report.

In the wheel this package is ``undervoice.training``; in a checkout it runs as
``PYTHONPATH=models python -m train release``. It needs the ``train`` extra (torch, onnx).
"""
