"""Files of weights: backbone folders, weights of others, the Hugging Face Hub, references."""
