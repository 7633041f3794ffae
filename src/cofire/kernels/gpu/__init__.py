"""Inner loops of thinking for CUDA devices, in Triton. Nothing here imports torch; whoever launches them does."""
