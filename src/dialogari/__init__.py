"""dialogari: the bridge between the Asterisk telephone exchange and AI."""
