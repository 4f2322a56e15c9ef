"""Files and folders that outlive a crash: atomic replacement, and locks on folders."""
