"""DICOM series to volumes."""
