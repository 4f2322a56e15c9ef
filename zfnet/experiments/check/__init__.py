"""The paper's claims measured where the truth is known."""
