"""Handles: a channel, call, bridge, playback or recording with what can be done to it.

They stand on the public operations alone; whatever a handle does, a program can do by itself.
"""
