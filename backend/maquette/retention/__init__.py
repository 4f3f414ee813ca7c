"""What is taken away again: projects whose time is over, what only helped to make a result, objects nobody knows."""
