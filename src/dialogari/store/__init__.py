"""SQL, and only here: conversations, their turns, and the prompts that answer them."""
