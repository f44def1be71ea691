"""What ``gkmvlp predict`` prints, writes and draws."""
