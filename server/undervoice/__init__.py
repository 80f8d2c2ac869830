"""undervoice: what lies beneath the words. Real-time voice emotion for customer service calls."""

import os

__version__ = "0.1.0"

# Before its first import: onnxruntime would report its use to its makers, and nothing is to leave this machine.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
