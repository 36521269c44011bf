"""Claims, and gradients against numeric derivatives: verdicts, and what would have been right."""
