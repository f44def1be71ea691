"""Speed and memory of training, loading, the zoo, and the tables they go into."""
