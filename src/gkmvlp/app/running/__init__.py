"""One run: LightningCLI, Trainer defaults, the run's folder, recipes."""
