"""Knowledge graphs: readers, the linker of texts to concepts, and embeddings by TransE."""
