"""The way back into the archive: readings as DICOM objects, and a DICOMweb server that gives images and takes them."""
