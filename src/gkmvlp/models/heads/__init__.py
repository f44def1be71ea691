"""What fine-tuning puts on a backbone, one head a file."""
