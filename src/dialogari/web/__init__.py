"""The web door: health for supervisors, and the REST API."""
