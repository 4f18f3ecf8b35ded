"""Prompt and model to an answer that is fit to be spoken."""
