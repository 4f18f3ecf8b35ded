"""The web door: for now the two questions that a supervisor or load balancer asks."""
