"""What is in a data set before anything is trained: check, audit, explain, knowledge table, atlas."""
