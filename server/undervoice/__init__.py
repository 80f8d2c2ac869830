"""undervoice: what lies beneath the words. Real-time voice emotion for customer service calls."""

__version__ = "0.1.0"
