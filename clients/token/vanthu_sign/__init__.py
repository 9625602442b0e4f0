"""vanthu-sign: the leader's signing client. The private key stays on the token; the PIN stays in this machine."""

__version__ = "0.2.0"
