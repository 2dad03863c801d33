"""Random organisations, and who may know what in them: the campaign about permissions."""
