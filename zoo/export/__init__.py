"""Models as programs of torch.export and ONNX."""
