"""The provider's own tool: send usage, keep the proof of what was taken."""

__version__ = "0.2.0"
