"""The program: commands, runs, pages, experiments and benchmarks; the one part that may import upwards."""
