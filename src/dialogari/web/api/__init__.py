"""The REST API below `/api/v1`: one file for each noun, and docs/api.md for those who use it."""
